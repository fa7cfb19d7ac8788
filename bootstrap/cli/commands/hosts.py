"""``bootstrap hosts``: machines of one's own, made fit for Kubernetes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bootstrap.cli import terminal
from bootstrap.cli.options import Output
from bootstrap.cli.work import narrated

if TYPE_CHECKING:
    from bootstrap.adapters.local.ansible import Counts

app = typer.Typer(name="hosts", help="Machines of your own, made fit for Kubernetes.", no_args_is_help=True)


@app.callback()
def hosts() -> None:
    """So that ``prepare`` stays a word of its own while it is the only one."""


@app.command()
def prepare(
    inventory: Annotated[
        Path, typer.Option("--inventory", metavar="FILE", help="The hosts: Ansible's INI or YAML form.")
    ],
    known_hosts: Annotated[
        Path, typer.Option("--known-hosts", metavar="FILE", help="Their SSH host keys; no other counts.")
    ],
    ssh_key: Annotated[
        Path | None, typer.Option("--ssh-key", metavar="FILE", help="The private key to log in with.")
    ] = None,
    ssh_agent: Annotated[
        Path | None, typer.Option("--ssh-agent", metavar="SOCKET", help="An SSH agent that has the key.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing, and count what would be changed.")
    ] = False,
    output: Annotated[Output, typer.Option("-o", "--output", help="text or json")] = Output.TEXT,
) -> None:
    """Prepare hosts over SSH: containerd, kernel settings, kubeadm, the key that encrypts etcd.

    A second run changes nothing. With --check only the lists of packages are read anew, on a host that lacks a package.
    """
    from bootstrap.adapters.local.hosts import AnsibleHosts, SshAccess
    from bootstrap.lab.resources import folder

    access = SshAccess(known_hosts=known_hosts, key=ssh_key, agent=ssh_agent)
    with narrated("hosts") as on_event:
        counts = AnsibleHosts(folder("playbooks"), inventory, access).prepare(on_event, check=check)
    if output is Output.JSON:
        terminal.document(json.dumps(_rows(counts), indent=2))
        return
    width = max(map(len, counts), default=0)
    would = "would change" if check else "changed"
    for host, count in counts.items():
        terminal.out(f"{host:<{width}}  {count.ok} tasks, {would} {count.changed}")


def _rows(counts: Mapping[str, "Counts"]) -> list[dict[str, object]]:
    return [{"host": host, "tasks": count.ok, "changed": count.changed} for host, count in counts.items()]
