"""Exec plugins of a kubeconfig are started with what is declared for them, and nothing of theirs is shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from tests.support.kubeconfigs import ANSWER, CANARY, plugin, refused
from tests.support.tls_server import authority


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
    [
        *(f"echo {CANARY}; exit 3", f"echo {CANARY}", "echo '{}'", f"echo '{ANSWER % ('', '')}'"),
        # What would break the header, or the file, that it goes into.
        *(
            f"printf '%s' '{ANSWER % (CANARY + more, '')}'"
            for more in (r"\r\nHost: x", r"\u0000x", r"\ud800", r"\u00e9", "\u00e9")
        ),
        *(
            f"printf '%s' '{ANSWER % ('', f',{names}')}'"
            for names in (
                rf'"clientCertificateData":"\ud800","clientKeyData":"{CANARY}"',
                rf'"clientCertificateData":"x","clientKeyData":"{CANARY}\ud800"',
            )
        ),
    ],
)
def test_a_failing_plugin_is_named_without_its_answer(tmp_path: Path, script: str) -> None:
    refused("E_KUBE_EXEC", plugin(tmp_path, script))


def test_what_a_plugin_tells_the_person_is_shown(tmp_path: Path) -> None:
    """Its last line, and where the kubeconfig says that it comes from."""
    script = "printf 'warning: old\\nsession expired: run sso login\\033[0m\\n' >&2; exit 255"
    found = refused("E_KUBE_EXEC", plugin(tmp_path, script, installHint="get it from example.org"))
    assert found.message.endswith("code 255: session expired: run sso login[0m")
    assert found.hint == "get it from example.org"


def test_a_plugin_is_read_as_client_go_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a slash lies beside the kubeconfig, however that is named; a variable may have no value."""
    path = plugin(
        tmp_path,
        f"test -z \"$PROFILE\" && echo '{ANSWER % ('tok', '')}'",
        env=[{"name": "PROFILE"}, {"name": "PROFILE", "value": None}, {}, None],
    )
    monkeypatch.chdir(tmp_path)
    configuration = load_kubeconfig(Path(path.name)).configuration
    assert configuration.get_api_key_with_prefix("BearerToken") == "Bearer tok"


def test_a_time_without_a_zone_and_a_token_with_a_line_end(tmp_path: Path) -> None:
    ends = ',"expirationTimestamp":"2030-01-01T00:00:00"'
    found = refused("E_KUBE_EXEC", plugin(tmp_path, f"echo '{ANSWER % ('tok', ends)}'"))
    assert "no time zone" in found.message
    (tmp_path / "answer").write_text(ANSWER % ("tok\\n", ""))
    configuration = load_kubeconfig(plugin(tmp_path, "cat answer")).configuration
    assert configuration.get_api_key_with_prefix("BearerToken") == "Bearer tok"


@pytest.mark.parametrize("entry", [{"env": None}, {"env": []}, {"args": None}, {"installHint": None}])
def test_a_field_without_content_is_as_good_as_none(tmp_path: Path, entry: dict[str, Any]) -> None:
    configuration = load_kubeconfig(plugin(tmp_path, f"echo '{ANSWER % ('tok', '')}'", **entry)).configuration
    assert configuration.get_api_key_with_prefix("BearerToken") == "Bearer tok"


def test_a_certificate_that_a_plugin_gives_with_another_key_is_named(tmp_path: Path) -> None:
    certificate, key = authority().leaf("client")
    other = authority().leaf("client")[1]
    for given, words in ((other, "are not of one pair"), (b"no key", "are no certificate and private key")):
        parts = {"clientCertificateData": certificate.decode(), "clientKeyData": given.decode()}
        answer = json.loads(ANSWER % ("", "")) | {"status": parts}
        (tmp_path / "answer").write_text(json.dumps(answer))
        assert words in refused("E_KUBECONFIG", plugin(tmp_path, "cat answer")).message
    whole = {"clientCertificateData": certificate.decode(), "clientKeyData": key.decode()}
    (tmp_path / "answer").write_text(json.dumps(json.loads(ANSWER % ("", "")) | {"status": whole}))
    assert load_kubeconfig(plugin(tmp_path, "cat answer")).configuration.cert_file


@pytest.mark.parametrize(
    "more", [{"args": ["a\0b"]}, {"env": [{"name": "A", "value": "b\0c"}]}, {"env": [{"name": "A=B"}]}]
)
def test_what_no_process_can_be_given_is_said(tmp_path: Path, more: dict[str, object]) -> None:
    found = refused("E_KUBE_EXEC", plugin(tmp_path, "exit 0", **more))
    assert found.hint
