"""Inventories of hosts: a secret or an unknown variable is refused before any host is asked."""

from pathlib import Path

import pytest

from bootstrap.adapters.local import inventory
from bootstrap.lab.resources import folder
from bootstrap.model.errors import DefinitionError

ROOT = Path(__file__).parents[2]


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "line",
    [
        "node1 ansible_password=hunter2hunter2",
        "node1 ansible_ssh_pass=hunter2hunter2",
        "node1 ansible_become_pass = hunter2hunter2",
        "ansible_become_password: hunter2hunter2",
        "    ansible_sudo_pass: 'hunter2hunter2'",
        "db_secret=hunter2hunter2",
        "api_token: hunter2hunter2",
        "    kubernetes_version: !vault |",
        "          $ANSIBLE_VAULT;1.1;AES256",
    ],
)
def test_a_secret_is_refused_by_its_line_and_not_shown(tmp_path: Path, line: str) -> None:
    path = written(tmp_path / "hosts", f"[nodes]\n{line}\n")
    with pytest.raises(DefinitionError) as caught:
        inventory.text_of(path)
    assert caught.value.code == "E_INVENTORY_SECRET"
    assert caught.value.where == f"{path}:2"
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    "line",
    [
        "node1 ansible_host=192.0.2.11 ansible_user=compass ansible_port=2222",
        "node1  # its password: ask the owner",
        "passau ansible_host=192.0.2.12",
        "token-ring",
        "kubernetes_apt_source=deb [signed-by=/etc/apt/keyrings/kubernetes.asc] file:/srv/packages ./",
    ],
)
def test_what_only_sounds_like_one_is_read(tmp_path: Path, line: str) -> None:
    assert inventory.text_of(written(tmp_path / "hosts", f"{line}\n")) == f"{line}\n"


def test_what_is_no_file_of_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_text("#" * (2 << 20))
    for path in (tmp_path, tmp_path / "absent", tmp_path / "bytes", tmp_path / "large"):
        with pytest.raises(DefinitionError, match="no inventory") as caught:
            inventory.text_of(path)
        assert caught.value.code == "E_INVENTORY"


def test_variables_of_the_roles_are_known_and_described_on_the_page() -> None:
    known = inventory.allowed(folder("playbooks"))
    page = (ROOT / "docs/how-to/prepare-your-own-hosts.md").read_text()
    assert {"ansible_host", "kubernetes_apt_source", "image_archives", "pod_network"} <= set(known)
    assert [name for name in known if f"`{name}`" not in page] == []


def test_no_variable_names_an_option_of_ssh_or_a_secret() -> None:
    known = inventory.allowed(folder("playbooks"))
    assert [name for name in known if "args" in name or "executable" in name or "pass" in name] == []
