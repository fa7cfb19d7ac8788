"""`bootstrap hosts prepare` as far as it goes without a host."""

import socket
from pathlib import Path

import pytest

from tests.support.program import assert_refused, run_bootstrap


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    (tmp_path / "known_hosts").touch()
    return tmp_path / "known_hosts"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_every_host_that_does_not_answer_is_named(tmp_path: Path, known_hosts: Path) -> None:
    port = closed_port()
    (tmp_path / "hosts.yaml").write_text(
        f"all:\n  hosts:\n    one: {{ansible_host: 127.0.0.1, ansible_port: {port}}}\n"
        f"    two: {{ansible_host: 127.0.0.1, ansible_port: {port}}}\n"
    )
    done = run_bootstrap(
        "hosts", "prepare", "--inventory", tmp_path / "hosts.yaml", "--known-hosts", known_hosts
    )
    assert_refused(done, 1, "E_HOST_UNREACHABLE", "one (127.0.0.1)", "two (127.0.0.1)", "Connection refused")
    assert not list(Path("/tmp").glob("bootstrap-hosts-*"))


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("one kubernets_version=v1.34.4\n", "E_INVENTORY", "kubernets_version"),
        ("one ansible_connection=local\n", "E_INVENTORY", "ansible_connection"),
        ("one ansible_ssh_common_args='-o ProxyCommand=true'\n", "E_INVENTORY", "ansible_ssh_common_args"),
        ("one\n[all:vars]\npod_networks=10.0.0.0/16\n", "E_INVENTORY", "pod_networks"),
        ("[nodes]\n", "E_INVENTORY", "no hosts"),
        ("#!/bin/sh\necho '{}'\n", "E_INVENTORY", "no inventory"),
        ("one ansible_become_pass=hunter2hunter2\n", "E_INVENTORY_SECRET", ":1"),
    ],
)
def test_an_inventory_is_refused_before_any_host_is_asked(
    tmp_path: Path, known_hosts: Path, text: str, code: str, word: str
) -> None:
    path = tmp_path / "hosts"
    path.write_text(text)
    path.chmod(0o755)
    done = run_bootstrap("hosts", "prepare", "--inventory", path, "--known-hosts", known_hosts)
    assert_refused(done, 2, code, word)
    assert "hunter2" not in done.stderr


def test_variables_beside_the_inventory_are_not_read(tmp_path: Path, known_hosts: Path) -> None:
    (tmp_path / "hosts").write_text(f"one ansible_host=127.0.0.1 ansible_port={closed_port()}\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yaml").write_text("ansible_connection: local\n")
    done = run_bootstrap("hosts", "prepare", "--inventory", tmp_path / "hosts", "--known-hosts", known_hosts)
    assert_refused(done, 1, "E_HOST_UNREACHABLE", "one (127.0.0.1)")


def test_files_that_are_not_there_are_named(tmp_path: Path, known_hosts: Path) -> None:
    (tmp_path / "hosts").write_text("one\n")
    given = ["hosts", "prepare", "--inventory", tmp_path / "hosts"]
    done = run_bootstrap(*given, "--known-hosts", tmp_path / "absent")
    assert_refused(done, 4, "E_HOST_SSH", "--known-hosts")
    done = run_bootstrap(*given, "--known-hosts", known_hosts, "--ssh-key", tmp_path / "absent")
    assert_refused(done, 4, "E_HOST_SSH", "--ssh-key")
