"""Hosts over SSH, prepared by a playbook. The program ``ssh`` gets every setting and reads none."""

import shlex
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bootstrap.adapters.local import inventory
from bootstrap.adapters.local.ansible import (
    Counts,
    Failure,
    OnEvent,
    Outcome,
    Play,
    closed_environment,
    end_all_of,
)
from bootstrap.model.errors import PreconditionError, WorldError

PLAYBOOK: Final = "hosts-prepare"
_CONNECT: Final = 15  # seconds
_OPTIONS: Final = {
    "BatchMode": "yes",
    "ControlMaster": "auto",
    "ControlPersist": "60s",  # ended with the run
    "ForwardAgent": "no",
    "GlobalKnownHostsFile": "none",
    "IdentityFile": "none",  # those of the home folder are not tried
    "PasswordAuthentication": "no",
    "PreferredAuthentications": "publickey",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SshAccess:
    """``key`` and ``agent`` are paths; without either, the inventory names a key for each host."""

    known_hosts: Path
    key: Path | None = None
    agent: Path | None = None


@dataclass(frozen=True, slots=True)
class AnsibleHosts:
    """The hosts of one inventory, and the folder of the playbooks."""

    playbooks: Path
    file: Path
    access: SshAccess

    def prepare(self, on_event: OnEvent, *, check: bool) -> Mapping[str, Counts]:
        """Counts of every host. In check mode nothing is changed but the hosts' lists of packages.

        ``DefinitionError`` E_INVENTORY and E_INVENTORY_SECRET, ``PreconditionError`` E_HOST_SSH, before any host
        is asked; ``WorldError`` E_HOST_UNREACHABLE and E_HOST_WORK name each host that is not prepared.
        """
        text = inventory.text_of(self.file)
        self._require_files()
        # Below /tmp, since the path of a socket may be no longer than 107 bytes.
        with tempfile.TemporaryDirectory(prefix="bootstrap-hosts-", dir="/tmp") as made:
            private = Path(made)
            copy = private / "hosts"
            copy.write_text(text, encoding="utf-8")
            found = inventory.parsed(self.file, copy, closed_environment(private), self.playbooks)
            play = Play(
                self.playbooks,
                PLAYBOOK,
                on_event,
                inventory=str(copy),
                variables={},
                arguments="--check" if check else "",
                environment=self._environment(private),
            )
            try:
                outcome = play.perform(private)
            finally:
                end_all_of(private)  # connections are kept open between tasks, by processes of their own
        if outcome.status != "successful":
            raise _error(found, outcome)
        return outcome.hosts

    def _require_files(self) -> None:
        if shutil.which("ssh", path="/usr/local/bin:/usr/bin:/bin") is None:
            raise _no_ssh("there is no ssh on this machine", "PATH", "install openssh-client")
        for option, path in (
            ("--known-hosts", self.access.known_hosts),
            ("--ssh-key", self.access.key),
            ("--ssh-agent", self.access.agent),
        ):
            if path is not None and not path.exists():
                raise _no_ssh(f"{path} is not there", option, f"give {option} a path that exists")

    def _environment(self, private: Path) -> dict[str, str]:
        options = {
            **_OPTIONS,
            "IdentityAgent": _quoted(self.access.agent) if self.access.agent else "none",
            "UserKnownHostsFile": _quoted(self.access.known_hosts),
        }
        words = ["-F", "none"]
        words += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        key = {"ANSIBLE_PRIVATE_KEY_FILE": str(self.access.key.absolute())} if self.access.key else {}
        return {
            **key,
            "ANSIBLE_SSH_ARGS": shlex.join(words),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(private / "ssh"),
            "ANSIBLE_TIMEOUT": str(_CONNECT),
            "ANSIBLE_REMOTE_TEMP": "~/.ansible/tmp",  # on the host: no folder that others could have made there
            "ANSIBLE_INVENTORY_ENABLED": "yaml,ini",
        }


def _quoted(path: Path) -> str:
    return f'"{path.absolute()}"'


def _no_ssh(what: str, where: str, hint: str) -> PreconditionError:
    return PreconditionError(what, code="E_HOST_SSH", where=where, hint=hint)


def _error(found: inventory.Inventory, outcome: Outcome) -> WorldError:
    """One host in a line; of several the first is in the first line."""
    failures = outcome.failures or [Failure("", "", f"Ansible ended as {outcome.status or 'nothing'}")]
    first = failures[0]
    away = any(failure.unreachable for failure in failures)
    return WorldError(
        "\n  ".join(_sentence(failure) for failure in failures),
        code="E_HOST_UNREACHABLE" if away else "E_HOST_WORK",
        where=", ".join(_shown(failure.host, found) for failure in failures) or f"playbooks/{PLAYBOOK}.yaml",
        hint=_REACH if first.unreachable else _AGAIN,
    )


_OF_ANSIBLE = "Failed to connect to the host via ssh: "
_REACH = "try ssh with the same address, user, key and --known-hosts; then the same command again"
_AGAIN = "mend what it names and run the same command again: it goes on from there"


def _sentence(failure: Failure) -> str:
    if failure.unreachable:
        reason = failure.reason.removeprefix("Task failed: ").removeprefix(_OF_ANSIBLE)
        return f"{failure.host} is not reached: {reason}"
    return ": ".join(part for part in (failure.host, failure.task, failure.reason) if part)


def _shown(host: str, found: inventory.Inventory) -> str:
    address = found.addresses.get(host, "")
    return f"{host} ({address})" if address and address != host else host
