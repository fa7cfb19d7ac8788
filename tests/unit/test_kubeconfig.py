"""A kubeconfig is read with nothing ambient, and no key of it touches the disk."""

import base64
import copy
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.model.errors import PreconditionError

CANARY = "canary-5f1e77"
BASE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443"}}],
    "users": [{"name": "u", "user": {"token": CANARY}}],
    "contexts": [
        {"name": "one", "context": {"cluster": "c", "user": "u"}},
        {"name": "two", "context": {"cluster": "c", "user": "u"}},
    ],
    "current-context": "one",
}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump({**copy.deepcopy(BASE), **changes}))
    return path


def refused(code: str, path: Path | None, context: str = "") -> PreconditionError:
    with pytest.raises(PreconditionError) as caught:
        load_kubeconfig(path, context)
    assert caught.value.code == code, caught.value.message
    assert CANARY not in caught.value.message + caught.value.hint + caught.value.where
    assert caught.value.exit_code == 4
    return caught.value


def user(**entry: Any) -> dict[str, Any]:
    return {"users": [{"name": "u", "user": entry}]}


def cluster(**entry: Any) -> dict[str, Any]:
    return {"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443", **entry}}]}


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


def plugin(folder: Path, script: str, **more: Any) -> Path:
    (folder / "plugin.sh").write_text("#!/bin/sh\n" + script)
    (folder / "plugin.sh").chmod(0o700)
    entry = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin.sh", **more}
    return write(folder, **user(exec=entry))


ANSWER = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"%s}}'


def test_an_exec_plugin_sees_a_closed_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", CANARY)
    monkeypatch.setenv("HOME", "/nonexistent")
    body = "env | cut -d= -f1 | sort | tr '\\n' ' ' > seen\n" + f"echo '{ANSWER % ('tok', '')}'"
    path = plugin(tmp_path, body, env=[{"name": "DECLARED", "value": "1"}])
    configuration = load_kubeconfig(path).configuration
    assert configuration.get_api_key_with_prefix("BearerToken") == "Bearer tok"
    seen = set((tmp_path / "seen").read_text().split()) - {"PWD", "_", "SHLVL", "OLDPWD"}  # the shell's own
    assert seen == {"PATH", "DECLARED", "KUBERNETES_EXEC_INFO"}


def test_an_expired_credential_is_asked_for_again(tmp_path: Path) -> None:
    soon = ',"expirationTimestamp":"2020-01-01T00:00:00Z"'
    path = plugin(tmp_path, f"echo x >> count\necho '{ANSWER % ('tok', soon)}'")
    configuration = load_kubeconfig(path).configuration
    configuration.get_api_key_with_prefix("BearerToken")
    assert (tmp_path / "count").read_text().count("x") == 2
    lasting = plugin(tmp_path, f"echo y >> count\necho '{ANSWER % ('tok', '')}'")
    configuration = load_kubeconfig(lasting).configuration
    configuration.get_api_key_with_prefix("BearerToken")
    assert (tmp_path / "count").read_text().count("y") == 1


@pytest.mark.parametrize(
    "script",
    [f"echo {CANARY} >&2; exit 3", f"echo {CANARY}", "echo '{}'", f"echo '{ANSWER % ('', '')}'"],
)
def test_a_failing_plugin_is_named_without_its_words(tmp_path: Path, script: str) -> None:
    refused("E_KUBE_EXEC", plugin(tmp_path, script))


def test_a_plugin_that_is_not_there_or_wants_a_terminal(tmp_path: Path) -> None:
    refused("E_KUBE_EXEC", plugin(tmp_path, "", command="no-such-plugin-anywhere"))
    refused("E_KUBE_EXEC", plugin(tmp_path, "", interactiveMode="Always"))


def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    configuration = load_kubeconfig(write(tmp_path, **user(tokenFile="token"))).configuration
    assert configuration.get_api_key_with_prefix("BearerToken") == "Bearer first"
    (tmp_path / "token").write_text("second\n")
    assert configuration.get_api_key_with_prefix("BearerToken") == "Bearer second"
