"""Roots of every kind, held to the real programs: age, age-keygen, ssh-keygen, sops, gpg-agent, a plugin (S1, B2)."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.adapters.age import plugin as age_plugin
from bootstrap.adapters.age import root as age
from bootstrap.adapters.local.programs import AskPassphrase, Helpers, callers
from bootstrap.adapters.openpgp.gpg_agent import GpgAgentRoot
from bootstrap.adapters.root.root_key import encrypt_to, open_root, parse_root
from bootstrap.adapters.sops.reader import open_sops
from bootstrap.adapters.ssh import key as ssh_key
from bootstrap.cli.commands.keygen import make_keys
from bootstrap.intent.encryption_forms import Form
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from tests.support.identities import PLUGIN_FILE, RECIPIENT, identity_file, plugin_program, says
from tests.support.real_sops import Gpg, gpg_home, real_tools, run

PLAIN = b"canary-10be\0\xff"
SECRET = Sensitive(PLAIN, "value")


def nobody(_: str) -> None:
    return None


@pytest.fixture(scope="module")
def tools() -> dict[str, Path]:
    return real_tools()


@pytest.fixture
def age_on_path(tools: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> str:
    path = f"{tools['age'].parent}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    return path


def refused(spec: str, ask: AskPassphrase = nobody, *, interactive: bool = True) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        open_root(spec, ask, interactive=interactive)
    assert caught.value.hint
    assert "canary" not in caught.value.message
    return caught.value


# ---------------------------------------------------------------- several identities, protected files


def test_several_identities_in_one_file(tools: dict[str, Path], tmp_path: Path) -> None:
    one, two = (run(tools["age-keygen"]) for _ in range(2))
    root = open_root(str(identity_file(tmp_path, one + b"\n# second\r\n" + two)), nobody)
    assert len(root.recipients) == 2
    for recipient in root.recipients:
        assert root.unwrap(run(tools["age"], "-r", recipient, given=PLAIN), "f") == SECRET
    assert parse_root(root.export(), nobody).recipients == root.recipients


def test_a_wrong_passphrase_says_what_to_do(tmp_path: Path) -> None:
    path = identity_file(tmp_path, age.protect(age.generate().export(), Sensitive(b"right")))
    assert open_root(str(path), says("right")).recipients
    assert refused(str(path), says("wrong")).code == "E_KEY_PASS"
    assert refused(str(path)).code == "E_KEY_PASS"
    assert refused(str(path), says("right\nmore")).code == "E_PASS_CHARS"


def test_a_link_and_another_owner_are_refused(tmp_path: Path) -> None:
    path = identity_file(tmp_path, age.generate().export().reveal())
    (tmp_path / "link").symlink_to(path)
    assert refused(str(tmp_path / "link")).code == "E_KEY_MODE"
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
        assert refused(str(path)).code == "E_KEY_MODE"


# ---------------------------------------------------------------- SSH


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
@pytest.mark.parametrize("kind", [("ed25519",), ("rsa", "-b", "2048"), ("rsa", "-b", "2048", "-m", "PEM")])
def test_an_ssh_key_is_a_root(
    tools: dict[str, Path], tmp_path: Path, kind: tuple[str, ...], passphrase: str
) -> None:
    path = tmp_path / "id"
    run("ssh-keygen", "-q", "-t", *kind, "-N", passphrase, "-f", str(path))
    public = path.with_suffix(".pub").read_text().strip()
    root = open_root(str(path), says(passphrase) if passphrase else nobody)
    assert public.startswith(root.recipients[0])
    assert root.unwrap(run(tools["age"], "-r", public, given=PLAIN), "f") == SECRET
    sealed = encrypt_to([*age.generate().recipients, public], SECRET)
    assert root.unwrap(sealed, "f") == SECRET
    if not passphrase:
        assert run(tools["age"], "-d", "-i", str(path), given=sealed) == PLAIN
    assert parse_root(root.export(), nobody).unwrap(sealed, "f") == SECRET
    encrypted = run(tools["sops"], "encrypt", "--age", public, "--input-type", "json", "--output-type", "yaml",
                    "/dev/stdin", given=b'{"a": "canary-10be"}')  # fmt: skip
    assert open_sops(encrypted, root, "x", Form.YAML) == {"a": Sensitive(b"canary-10be")}
    if passphrase:
        assert refused(str(path), says("wrong")).code == refused(str(path)).code == "E_KEY_PASS"


@pytest.mark.parametrize("kind", ["ecdsa"])
def test_an_ssh_key_that_age_does_not_know(tmp_path: Path, kind: str) -> None:
    run("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(tmp_path / "id"))
    error = refused(str(tmp_path / "id"))
    assert error.code == "E_KEY_KIND"
    assert "ed25519" in error.hint
    assert refused(str(identity_file(tmp_path, ssh_key.OPENSSH + b"\nAAAA\n"))).code == "E_KEY_KIND"


# ---------------------------------------------------------------- post-quantum


def test_a_post_quantum_root(tools: dict[str, Path], age_on_path: str, tmp_path: Path) -> None:
    """Opened by the program, the key through a pipe; X25519 identities beside it stay with the library."""
    quantum, classic = run(tools["age-keygen"], "-pq"), run(tools["age-keygen"])
    root = open_root(str(identity_file(tmp_path, quantum + classic)), nobody)
    public = root.recipients[0]
    assert public.startswith("age1pq1")
    for words in ((), ("-a",)):
        assert root.unwrap(run(tools["age"], *words, "-r", public, given=PLAIN), "f") == SECRET
    assert root.unwrap(encrypt_to([public], SECRET), "f") == SECRET
    assert root.unwrap(encrypt_to([root.recipients[1]], SECRET), "f") == SECRET
    encrypted = run(
        tools["sops"], "encrypt", "--age", public, "--input-type", "binary", "/dev/stdin", given=PLAIN
    )
    assert open_sops(encrypted, root, "x", Form.BINARY)["data"] == SECRET
    # A child of ours has another PATH: the exported root says where the program is.
    os.environ["PATH"] = "/nonexistent"
    assert parse_root(root.export(), nobody).unwrap(encrypt_with(tools, public), "f") == SECRET


def encrypt_with(tools: dict[str, Path], recipient: str) -> bytes:
    return run(tools["age"], "-r", recipient, given=PLAIN)


def test_a_post_quantum_root_says_what_is_missing(
    tools: dict[str, Path], age_on_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = run(tools["age-keygen"], "-pq")
    root = open_root(str(identity_file(tmp_path, content)), nobody)
    other = run(tools["age-keygen"], "-y", given=run(tools["age-keygen"], "-pq")).decode().strip()
    with pytest.raises(PreconditionError) as foreign:
        root.unwrap(encrypt_with(tools, other), "f")
    assert foreign.value.code == "E_NO_IDENTITY"
    assert len(foreign.value.message) < 300
    sealed = encrypt_with(tools, root.recipients[0])
    with pytest.raises(DefinitionError) as damaged:
        root.unwrap(sealed[:-1] + bytes([sealed[-1] ^ 1]), "f")
    assert damaged.value.code == "E_CT_DAMAGED"
    with pytest.raises(DefinitionError) as mixed:
        encrypt_to([other, *age.generate().recipients], SECRET)
    assert mixed.value.code == "E_RECIPIENT"
    cut = identity_file(tmp_path, content.strip()[:-4] + b"\n")
    assert refused(str(cut)).code == "E_KEY_KIND"
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    error = refused(str(identity_file(tmp_path, content)))
    assert error.code == "E_KEY_KIND"
    assert "install age" in error.hint


def test_the_key_is_never_an_argument_or_a_file(tools: dict[str, Path], tmp_path: Path) -> None:
    """A program in the place of ``age`` that tells how it was called."""
    content = run(tools["age-keygen"], "-pq")
    line = content.decode().splitlines()[-1]
    spy = tmp_path / "bin" / "age"
    spy.parent.mkdir()
    spy.write_text(
        f'#!/bin/sh\n{{ tr "\\0" " " < /proc/$$/cmdline; tr "\\0" " " < /proc/$$/environ; ls -l /proc/$$/fd; }}'
        f' > {tmp_path}/told\nexec {tools["age"]} "$@"\n'
    )
    spy.chmod(0o755)
    (spy.parent / "age-keygen").symlink_to(tools["age-keygen"])
    helpers = Helpers(path=f"{spy.parent}:/usr/bin:/bin")
    root = parse_root(Sensitive(content), nobody, helpers=helpers)
    assert root.unwrap(encrypt_with(tools, root.recipients[0]), "f") == SECRET
    told = (tmp_path / "told").read_text()
    assert "-d -i /dev/fd/" in told
    assert line[:40] not in told
    assert "pipe:" in told


# ---------------------------------------------------------------- plugins


@pytest.fixture
def plugin_path(tools: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    program = plugin_program(tmp_path)
    path = f"{program.parent}:{tools['age'].parent}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    return path


def test_a_plugin_opens_and_asks_on_the_terminal(
    tools: dict[str, Path], plugin_path: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = identity_file(tmp_path, PLUGIN_FILE)
    sealed = run(tools["age"], "-r", RECIPIENT, given=PLAIN, PATH=plugin_path)
    root = open_root(str(path), says("4711"))
    assert root.recipients == (RECIPIENT,)
    assert root.unwrap(sealed, "f") == SECRET
    assert root.unwrap(encrypt_to([RECIPIENT], SECRET), "f") == SECRET
    assert "age-plugin-tester: touch\\u001b[2J it" in capfd.readouterr().err
    os.environ["PATH"] = "/usr/bin:/bin"
    child = parse_root(root.export(), nobody, helpers=Helpers(ask=says("4711")))
    assert child.unwrap(sealed, "f") == SECRET


def test_a_plugin_that_does_not_open(tools: dict[str, Path], plugin_path: str, tmp_path: Path) -> None:
    path = identity_file(tmp_path, PLUGIN_FILE)
    sealed = run(tools["age"], "-r", RECIPIENT, given=PLAIN, PATH=plugin_path)
    with pytest.raises(PreconditionError) as caught:
        open_root(str(path), says("1234")).unwrap(sealed, "f")
    assert caught.value.code == "E_DEVICE"
    assert "4711" not in caught.value.message + caught.value.hint
    with pytest.raises(PreconditionError) as foreign:
        open_root(str(path), says("4711")).unwrap(encrypt_to(age.generate().recipients, SECRET), "f")
    assert foreign.value.code == "E_NO_IDENTITY"


def test_a_plugin_is_not_asked_where_nobody_may_be(plugin_path: str, tmp_path: Path) -> None:
    path = identity_file(tmp_path, PLUGIN_FILE)
    error = refused(str(path), interactive=False)
    assert (error.code, error.exit_code) == ("E_KEY_ASKS", 4)
    os.environ["PATH"] = "/usr/bin:/bin"
    assert "install age-plugin-tester" in refused(str(path)).hint
    bare = PLUGIN_FILE.splitlines(keepends=True)[1]
    assert "does not say its recipient" in refused(str(identity_file(tmp_path, bare))).message
    helpers = callers(interactive=True)
    with pytest.raises(PreconditionError):  # Git may say the recipient, but the program is still missing
        parse_root(Sensitive(bare), nobody, (RECIPIENT,), helpers)


@pytest.mark.parametrize("name", ["../../tmp/x", "a/b", "..", "", "ü"])
def test_a_plugin_whose_name_is_a_path(name: str) -> None:
    with pytest.raises(PreconditionError) as caught:
        age_plugin.plugin_name(f"AGE-PLUGIN-{name}-1QQQ")
    assert caught.value.code == "E_PLUGIN_NAME"


# ---------------------------------------------------------------- the user's own agent


@pytest.fixture
def users_gpg(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpg]:
    with gpg_home() as gpg:
        monkeypatch.setenv("GNUPGHOME", str(gpg.home))
        yield gpg


def test_the_agent_opens_what_it_holds(users_gpg: Gpg, tools: dict[str, Path]) -> None:
    fingerprint = users_gpg.new_key("mine", "future-default", "default", "never")
    root = open_root(f"gpg-agent:{fingerprint}", nobody, interactive=False)
    assert isinstance(root, GpgAgentRoot)
    assert root.recipients == (fingerprint,)
    for armor in ((), ("--armor",)):
        assert root.unwrap(users_gpg(*armor, "-r", fingerprint, "--encrypt", given=PLAIN), "f") == SECRET
    assert root.unwrap(encrypt_to([root.armored_certificate.decode()], SECRET), "f") == SECRET
    sealed = run(tools["sops"], "encrypt", "--pgp", fingerprint, "--input-type", "binary", "/dev/stdin",
                 given=PLAIN, GNUPGHOME=str(users_gpg.home))  # fmt: skip
    assert open_sops(sealed, root, "x", Form.BINARY)["data"] == SECRET
    # A child of ours does not know the user's home: the exported root says it, and holds no key.
    exported = root.export()
    assert set(json.loads(exported.reveal().split(b" ", 1)[1])) == {"fingerprint", "home", "interactive"}
    os.environ["GNUPGHOME"] = "/nonexistent"
    assert parse_root(exported, nobody).unwrap(sealed_for(users_gpg, fingerprint), "f") == SECRET


def sealed_for(gpg: Gpg, fingerprint: str) -> bytes:
    return gpg("-r", fingerprint, "--encrypt", given=PLAIN)


def test_the_agent_says_what_is_missing(users_gpg: Gpg, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = "gpg-agent:" + "A" * 40
    assert refused(spec).code == "E_KEY_MISSING"
    assert "--list-secret-keys" in refused(spec).hint
    assert refused("gpg-agent:ABCD").code == "E_KEY_KIND"
    expired = users_gpg.new_key("old", "future-default", "default", "seconds=3600", at="20250101T000000")
    assert refused(f"gpg-agent:{expired}").code == "E_PGP_STATE"
    mine = users_gpg.new_key("mine", "future-default", "default", "never")
    other = users_gpg.new_key("other", "future-default", "default", "never")
    root = open_root(f"gpg-agent:{mine}", nobody)
    with pytest.raises(PreconditionError) as foreign:
        root.unwrap(sealed_for(users_gpg, other), "f")
    assert foreign.value.code == "E_NO_IDENTITY"
    sealed = sealed_for(users_gpg, mine)
    with pytest.raises(DefinitionError) as damaged:
        root.unwrap(sealed[:-6] + b"xxxxxx", "f")
    assert damaged.value.code == "E_CT_DAMAGED"
    monkeypatch.setenv("GNUPGHOME", "/nonexistent")
    assert "no GnuPG home" in refused(f"gpg-agent:{mine}").message
    monkeypatch.setenv("GNUPGHOME", str(users_gpg.home))
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "no program gpg" in refused(f"gpg-agent:{mine}").message


def test_a_locked_key_and_an_absent_card(users_gpg: Gpg) -> None:
    locked = users_gpg.new_key("locked", "future-default", "default", "never", passphrase="pw")
    sealed = sealed_for(users_gpg, locked)
    (users_gpg.home / "gpg-agent.conf").write_text("max-cache-ttl 0\ndefault-cache-ttl 0\n")
    run("gpgconf", "--homedir", str(users_gpg.home), "--kill", "all")
    root = open_root(f"gpg-agent:{locked}", nobody, interactive=False)
    with pytest.raises(PreconditionError) as caught:
        root.unwrap(sealed, "f")
    assert caught.value.code == "E_KEY_PASS"
    # The agent loses the private half, as when its card is taken out.
    for half in (users_gpg.home / "private-keys-v1.d").iterdir():
        half.unlink()
    with pytest.raises(PreconditionError) as absent:
        root.unwrap(sealed, "f")
    assert absent.value.code == "E_DEVICE"
    assert "--card-status" in absent.value.hint


def test_an_agent_s_home_is_looked_at_for_an_agent_only(users_gpg: Gpg, tmp_path: Path) -> None:
    users_gpg.new_key("mine", "future-default", "default", "never")
    before = sorted(p.name for p in users_gpg.home.iterdir())
    path = identity_file(tmp_path, age.generate().export().reveal())
    assert open_root(str(path), nobody).unwrap(
        encrypt_to(open_root(str(path), nobody).recipients, SECRET), "f"
    )
    assert sorted(p.name for p in users_gpg.home.iterdir()) == before


def test_g5_keys_of_other_tools_are_named_and_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = age.generate()
    sealed = encrypt_to(theirs.recipients, SECRET)
    home = tmp_path / "home"
    keys = home / ".config" / "sops" / "age" / "keys.txt"
    keys.parent.mkdir(parents=True)
    keys.write_bytes(theirs.export().reveal())
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(keys))
    monkeypatch.setenv("SOPS_AGE_KEY", theirs.export().reveal().decode())
    path = identity_file(tmp_path, age.generate().export().reveal())
    with pytest.raises(PreconditionError) as caught:
        open_root(str(path), nobody).unwrap(sealed, "f")
    assert caught.value.code == "E_NO_IDENTITY"
    assert "SOPS_AGE_KEY_FILE" in caught.value.hint


def test_a_holder_with_an_ssh_key_opens_what_keygen_makes(tmp_path: Path) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "alice # desk", "-f", str(tmp_path / "id"))
    make_keys(tmp_path / "set", gpg=False, others=(str(tmp_path / "id.pub"),), passphrase=None)
    assert "alice" not in (tmp_path / "set" / "keys" / "root.txt").read_text()
    root = open_root(str(tmp_path / "id"), nobody)
    material = tmp_path / "set" / "encrypted" / "root-material"
    assert [root.unwrap(path.read_bytes(), path.name) for path in sorted(material.iterdir())]
