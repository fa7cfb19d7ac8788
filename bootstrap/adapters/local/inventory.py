"""An inventory of hosts: the one file, and only variables that are known. No secret gets as far as Ansible."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from bootstrap.model.errors import DefinitionError
from bootstrap.model.outside import json_value

CONTROL_PLANE: Final = "control_plane"
# How a host is reached. No option of ssh among them: it could start programs, or look at keys that were not named.
REACHED_BY: Final = {
    "ansible_host": "The address or name of the host, where it is not the inventory's.",
    "ansible_port": "The port of its SSH server.",
    "ansible_python_interpreter": "The Python of the host.",
    "ansible_ssh_private_key_file": "A private key of this machine for this host, in place of `--ssh-key`.",
    "ansible_user": "Who logs in: root, or an account that `sudo` makes root without a password.",
}
_SECRET = re.compile(
    r"\$ANSIBLE_VAULT|!vault\b|(?<![a-z])\w*(?:pass|passwd|password|secret|token)\s*[=:]", re.I
)
_LARGEST = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Inventory:
    """``text`` as it stands in the file; ``addresses`` by name of the host."""

    text: str
    addresses: Mapping[str, str]


def allowed(playbooks: Path) -> dict[str, str]:
    """Every variable that an inventory may set, with its meaning: the roles declare theirs themselves."""
    found = dict(REACHED_BY)
    for file in sorted(playbooks.glob("roles/*/meta/argument_specs.yaml")):
        specification = yaml.safe_load(file.read_text(encoding="utf-8"))
        options = specification["argument_specs"]["main"]["options"]
        found |= {name: option["description"] for name, option in options.items()}
    return found


def text_of(path: Path) -> str:
    """``DefinitionError`` E_INVENTORY, or E_INVENTORY_SECRET with the line and never what it holds."""
    try:
        content = path.read_bytes()
        if len(content) > _LARGEST:
            raise _refused("it is larger than 1 MiB", path)
        text = content.decode()
    except OSError as error:
        raise _refused(error.strerror or "it cannot be read", path) from None
    except UnicodeDecodeError:
        raise _refused("it is not text (UTF-8)", path) from None
    for number, line in enumerate(text.splitlines(), 1):
        if _SECRET.search(line.partition("#")[0]):
            raise DefinitionError(
                "a secret does not go through Ansible",
                code="E_INVENTORY_SECRET",
                where=f"{path}:{number}",
                hint="log in with a key (--ssh-key), as root or as an account that sudo asks for no password",
            )
    return text


def parsed(path: Path, copy: Path, environment: Mapping[str, str], playbooks: Path) -> Inventory:
    """What Ansible reads in ``copy``, which has the text of ``path``; ``DefinitionError`` E_INVENTORY."""
    done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        [str(Path(sys.executable).with_name("ansible-inventory")), "--inventory", str(copy), "--list"],
        env={
            **environment,
            "ANSIBLE_INVENTORY_ENABLED": "yaml,ini",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "1",
        },
        cwd=copy.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise _refused("Ansible reads no hosts in it", path)
    found: dict[str, Any] = json_value(done.stdout)
    hosts: dict[str, dict[str, Any]] = found.get("_meta", {}).get("hostvars", {})
    names = sorted({name for group in found.values() for name in group.get("hosts", [])})
    if not names:
        raise _refused("it has no hosts", path)
    _require_known(hosts, allowed(playbooks), path)
    return Inventory(
        copy.read_text(), {name: str(hosts.get(name, {}).get("ansible_host", "")) for name in names}
    )


def _require_known(hosts: Mapping[str, Mapping[str, Any]], known: Mapping[str, str], path: Path) -> None:
    for host, variables in hosts.items():
        unknown = sorted(set(variables) - set(known))
        if unknown:
            raise DefinitionError(
                f"{host} has a variable that is not known: {unknown[0]}",
                code="E_INVENTORY",
                where=str(path),
                hint=f"known are: {', '.join(sorted(known))}",
            )


def _refused(why: str, path: Path) -> DefinitionError:
    return DefinitionError(
        f"this is no inventory of hosts: {why}",
        code="E_INVENTORY",
        where=str(path),
        hint="one host a line, in Ansible's INI form: node1 ansible_host=192.0.2.11 ansible_user=root",
    )
