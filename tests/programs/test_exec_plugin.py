"""Exec plugins of a kubeconfig are started with what is declared for them, and nothing of theirs is shown."""

from pathlib import Path

import pytest

from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from tests.support.kubeconfigs import ANSWER, CANARY, plugin, refused


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
