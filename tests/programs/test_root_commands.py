"""A root of trust that a command prints, or that GnuPG made."""

import os
import subprocess
from pathlib import Path

import pytest

from bootstrap.adapters.git.access import open_key
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.root.root_key import encrypt_to, open_root, parse_root
from bootstrap.cli.prompt import choose_passphrase
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from tests.support.age_root import SECRET, nobody, right, root_file, wrong

AGE_KEY = f"AGE-SECRET-KEY-1{'Q' * 58}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return root_file(tmp_path)


def test_file_fd_and_command_give_the_same_root(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    specs = [f"file:{file}", str(file), f"fd:{descriptor}", f"cmd:cat {file}", f"cmd:cat '{file}'"]
    recipients = {open_root(spec, nobody).recipients for spec in specs}
    os.close(descriptor)
    assert len(recipients) == 1
    assert next(iter(recipients))[0].startswith("age1")


@pytest.mark.parametrize("scheme", ["", "file:", "cmd:", "fd:", "gpg-agent:", "file:/tmp/"])
@pytest.mark.parametrize(
    "key",
    [
        AGE_KEY,
        AGE_KEY.lower(),
        f"# created: today\n{AGE_KEY}\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nQUJD\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    ],
)
def test_b2_a_key_in_the_place_of_its_place_is_not_shown(scheme: str, key: str) -> None:
    for opened in (lambda: open_root(scheme + key, nobody), lambda: open_key(scheme + key, nobody)):
        with pytest.raises(PreconditionError) as caught:
            opened()
        said = f"{caught.value.message} {caught.value.where} {caught.value.hint}"
        assert caught.value.code == "E_KEY_KIND"
        assert not any(line.lower() in said.lower() for line in key.splitlines())


@pytest.mark.parametrize("number", ["geheim", "-1", "99999999999999999999", "4096", ""])
def test_b2_what_is_no_descriptor_is_not_shown(number: str) -> None:
    with pytest.raises(PreconditionError) as caught:
        open_root(f"fd:{number}", nobody)
    assert caught.value.code == "E_KEY_MISSING"
    assert "geheim" not in f"{caught.value.message} {caught.value.where} {caught.value.hint}"
    with pytest.raises(DefinitionError) as refused:
        choose_passphrase(f"fd:{number}" if number != "geheim" else number, none=False, ask=False)
    assert (refused.value.code, "geheim" in refused.value.message) == ("E_KEY_PASS", False)


def test_a_command_sees_no_environment_and_no_shell(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "1")
    monkeypatch.setenv("HOME", "/root")
    script = file.parent / "print.sh"
    script.write_text(f'#!/bin/sh\n[ -z "$CANARY$HOME" ] && cat {file}\n')
    script.chmod(0o755)
    assert open_root(f"cmd:{script}", nobody).recipients
    with pytest.raises(PreconditionError) as caught:
        open_root(f"cmd:cat {file}; touch {file.parent}/ran", nobody)
    assert caught.value.code == "E_KEY_MISSING"
    assert not (file.parent / "ran").exists()


def test_an_openpgp_root_that_gnupg_protected(tmp_path: Path) -> None:
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    gpg: list[str | Path] = [
        "gpg",
        "--homedir",
        home,
        "--batch",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "correct horse",
    ]
    try:
        subprocess.run(
            [*gpg, "--quick-gen-key", "holder", "future-default", "default"], check=True, capture_output=True
        )
        secret = subprocess.run(
            [*gpg, "--armor", "--export-secret-keys"], check=True, capture_output=True
        ).stdout
        certificate = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True).stdout
        message = subprocess.run(
            [*gpg, "--trust-model", "always", "-r", "holder", "--encrypt"],
            input=b"canary-5f1c",
            check=True,
            capture_output=True,
        ).stdout
        root = parse_root(Sensitive(secret), right)
        assert root.unwrap(message, "f") == SECRET
        assert parse_root(root.export(), nobody).unwrap(message, "f") == SECRET
        # With one holder whose key GnuPG made, GnuPG opens what we write, whoever else holds a root.
        beside = PgpRoot(openpgp.generate("beside")).armored_certificate.decode()
        ours = encrypt_to([beside, certificate.decode()], SECRET)
        opened = subprocess.run([*gpg, "--decrypt"], input=ours, check=True, capture_output=True).stdout
        assert Sensitive(opened) == SECRET
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    for ask in (wrong, nobody):
        with pytest.raises(PreconditionError) as caught:
            parse_root(Sensitive(secret), ask)
        assert caught.value.code == "E_KEY_PASS"


def test_a_command_that_prints_no_key() -> None:
    with pytest.raises(PreconditionError) as caught:
        open_root("cmd:false", nobody)
    assert caught.value.code == "E_KEY_MISSING"
