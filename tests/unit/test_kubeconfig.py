"""A kubeconfig is read with nothing ambient, and no key of it touches the disk."""

import base64
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from tests.support.kubeconfigs import BASE, CANARY, cluster, refused, user, write


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
    data = base64.b64encode(CANARY.encode()).decode()
    path = write(tmp_path, **user(**{"client-certificate-data": data, "client-key-data": data}))
    configuration = load_kubeconfig(path).configuration
    for name in (configuration.cert_file, configuration.key_file):
        assert Path(name).read_text() == CANARY  # each open starts at the beginning
        assert Path(name).read_text() == CANARY
        descriptor = int(name.rsplit("/", 1)[1])
        assert not os.get_inheritable(descriptor)
        assert stat.S_ISREG(os.fstat(descriptor).st_mode)
        assert str(Path(name).readlink()).startswith("/memfd:")


def test_relative_files_lie_beside_the_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_text("x")
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


def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    configuration = load_kubeconfig(write(tmp_path, **user(tokenFile="token"))).configuration
    assert configuration.get_api_key_with_prefix("BearerToken") == "Bearer first"
    (tmp_path / "token").write_text("second\n")
    assert configuration.get_api_key_with_prefix("BearerToken") == "Bearer second"
