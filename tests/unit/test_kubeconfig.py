"""A kubeconfig is read with nothing ambient, and no key of it touches the disk."""

import base64
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.model.errors import PreconditionError
from tests.support.kubeconfigs import BASE, CANARY, cluster, refused, user, write
from tests.support.tls_server import authority


def test_the_current_context_is_the_default(tmp_path: Path) -> None:
    access = load_kubeconfig(write(tmp_path))
    assert (access.context, access.server) == ("one", "https://127.0.0.1:6443")
    assert access.configuration.get_api_key_with_prefix("BearerToken") == f"Bearer {CANARY}"
    assert load_kubeconfig(write(tmp_path), "two").context == "two"


def test_no_file_means_no_cluster_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path)))
    assert "--kubeconfig" in refused("E_KUBECONFIG", None).hint
    refused("E_KUBECONFIG", tmp_path / "absent")


@pytest.mark.parametrize("text", ["a: [", "just text", "- 1", "", f"token: {CANARY}\n\tx: 1"])
def test_what_is_no_kubeconfig_is_named_without_its_content(tmp_path: Path, text: str) -> None:
    (tmp_path / "k").write_text(text)
    refused("E_KUBECONFIG", tmp_path / "k")


def test_unknown_and_undecided_contexts_list_those_that_exist(tmp_path: Path) -> None:
    assert "one, two" in refused("E_CONTEXT", write(tmp_path), "three").message
    assert "one, two" in refused("E_CONTEXT", write(tmp_path, **{"current-context": ""})).message
    none = refused("E_CONTEXT", write(tmp_path, contexts=[], **{"current-context": ""}))
    assert (none.message.endswith(": no context in it"), "several" in none.message) == (True, False)
    only = {"contexts": BASE["contexts"][1:], "current-context": ""}
    assert load_kubeconfig(write(tmp_path, **only)).context == "two"


@pytest.mark.parametrize(
    "entry",
    [{"server": "http://127.0.0.1:8080"}, {"insecure-skip-tls-verify": True}, {"server": "127.0.0.1:6443"}],
)
def test_a_server_that_is_not_checked_is_refused(tmp_path: Path, entry: dict[str, Any]) -> None:
    refused("E_KUBE_TRUST", write(tmp_path, **cluster(**entry)))


@pytest.mark.parametrize("entry", [{"username": "a", "password": CANARY}, {"token": "x", "as": "root"}])
def test_logins_that_are_not_supported_are_named(tmp_path: Path, entry: dict[str, Any]) -> None:
    refused("E_KUBE_AUTH", write(tmp_path, **user(**entry)))


def test_embedded_keys_stay_in_memory(tmp_path: Path) -> None:
    pair = authority().leaf("client")
    parts = {"client-certificate-data": pair[0], "client-key-data": pair[1]}
    encoded = {
        name: base64.encodebytes(data).decode() for name, data in parts.items()
    }  # wrapped at 76 columns
    configuration = load_kubeconfig(write(tmp_path, **user(**encoded))).configuration
    for name, data in zip((configuration.cert_file, configuration.key_file), pair, strict=True):
        assert Path(name).read_bytes() == data  # each open starts at the beginning
        assert Path(name).read_bytes() == data
        descriptor = int(name.rsplit("/", 1)[1])
        assert not os.get_inheritable(descriptor)
        assert stat.S_ISREG(os.fstat(descriptor).st_mode)
        assert str(Path(name).readlink()).startswith("/memfd:")


def test_what_is_no_base64_is_named_as_such(tmp_path: Path) -> None:
    for text in ("é", "a"):
        parts = {"certificate-authority-data": text}
        assert "is not base64" in refused("E_KUBECONFIG", write(tmp_path, **cluster(**parts))).message


def test_relative_files_lie_beside_the_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_bytes(authority().pem)
    path = write(tmp_path, **cluster(**{"certificate-authority": "ca.pem"}))
    monkeypatch.chdir("/")
    assert load_kubeconfig(path).configuration.ssl_ca_cert == str(tmp_path / "ca.pem")
    refused("E_KUBECONFIG", write(tmp_path, **cluster(**{"certificate-authority": "nowhere.pem"})))


def test_the_environment_gives_no_proxy_and_the_file_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert not load_kubeconfig(write(tmp_path)).configuration.proxy
    declared = write(tmp_path, **cluster(**{"proxy-url": "http://127.0.0.1:2"}))
    assert load_kubeconfig(declared).configuration.proxy == "http://127.0.0.1:2"


@pytest.mark.parametrize(
    "url", ["socks5://127.0.0.1:2", "socks5h://h:2", "127.0.0.1:8080", "localhost:8080", "ftp://h"]
)
def test_a_proxy_that_is_not_spoken_is_refused_as_the_file_is_read(tmp_path: Path, url: str) -> None:
    found = refused("E_KUBECONFIG", write(tmp_path, **cluster(**{"proxy-url": url})))
    assert repr(url) in found.message
    assert "ssh -L 6443:127.0.0.1:6443" in found.hint


def test_the_login_of_a_proxy_that_is_refused_is_not_shown(tmp_path: Path) -> None:
    for url in (f"socks5://me:{CANARY}@h:2", f"me:{CANARY}@h:2"):
        assert "@" not in refused("E_KUBECONFIG", write(tmp_path, **cluster(**{"proxy-url": url}))).message


@pytest.mark.parametrize("name", ["server", "proxy-url"])
@pytest.mark.parametrize("host", ["h:99999999", "[h", "h:x"])
def test_the_login_of_what_is_no_url_is_not_shown(tmp_path: Path, name: str, host: str) -> None:
    for scheme in ("https://", "http://", "socks5://", ""):
        url = f"{scheme}me:{CANARY}/{CANARY}@{host}"
        with pytest.raises(PreconditionError) as caught:
            load_kubeconfig(write(tmp_path, **cluster(**{name: url})))
        assert caught.value.code in ("E_KUBECONFIG", "E_KUBE_TRUST")
        assert CANARY not in caught.value.message + caught.value.hint + caught.value.where


def test_a_login_in_the_servers_url_is_refused(tmp_path: Path) -> None:
    """It would go on to whatever names the server."""
    refused("E_KUBE_AUTH", write(tmp_path, **cluster(server=f"https://me:{CANARY}@127.0.0.1:6443")))
    refused("E_KUBE_TRUST", write(tmp_path, **cluster(server=f"http://me:{CANARY}@127.0.0.1:6443")))


@pytest.mark.parametrize(
    "broken", [CANARY.encode(), b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_broken_authority_is_named_as_such(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "ca.pem").write_bytes(broken)
    found = refused("E_KUBECONFIG", write(tmp_path, **cluster(**{"certificate-authority": "ca.pem"})))
    assert "certificate-authority is no certificate" in found.message


def test_a_login_whose_halves_do_not_fit_is_named_as_such(tmp_path: Path) -> None:
    certificate, key = authority().leaf("client")
    other = authority().leaf("client")[1]
    for name, given, words in (
        ("another key", (certificate, other), "are not of one pair"),
        ("no key", (certificate, CANARY.encode()), "are no certificate and private key"),
        ("no certificate", (CANARY.encode(), key), "are no certificate and private key"),
    ):
        parts = dict(zip(("client-certificate-data", "client-key-data"), given, strict=True))
        encoded = {part: base64.b64encode(data).decode() for part, data in parts.items()}
        assert words in refused("E_KUBECONFIG", write(tmp_path, **user(**encoded))).message, name
        one = {part: encoded[part] for part in list(encoded)[:1]}
        assert "client-key is missing" in refused("E_KUBECONFIG", write(tmp_path, **user(**one))).message


def test_a_token_is_taken_without_the_line_end_behind_it(tmp_path: Path) -> None:
    configuration = load_kubeconfig(write(tmp_path, **user(token=f"{CANARY}\n"))).configuration
    assert configuration.get_api_key_with_prefix("BearerToken") == f"Bearer {CANARY}"


def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    configuration = load_kubeconfig(write(tmp_path, **user(tokenFile="token"))).configuration
    assert configuration.get_api_key_with_prefix("BearerToken") == "Bearer first"
    (tmp_path / "token").write_text("second\n")
    assert configuration.get_api_key_with_prefix("BearerToken") == "Bearer second"
