"""``bootstrap lab``: a throw-away cluster to try things on."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bootstrap.cli import terminal
from bootstrap.cli.work import narrated
from bootstrap.model.errors import PreconditionError

if TYPE_CHECKING:
    from bootstrap.adapters.local.ansible import AnsiblePlaybooks

app = typer.Typer(name="lab", help="A throw-away cluster to try things on.", no_args_is_help=True)

Name = Annotated[str, typer.Option("--name", help="Which lab; several run side by side.")]
Provider = Annotated[
    str | None,
    typer.Option(
        "--provider",
        help="What to make it from: local or kind.",
        show_default="what it is made from, else local",
    ),
]
Cache = Annotated[Path, typer.Option("--cache", help="Where built servers and images are kept.")]
CACHE = Path("/var/cache/bootstrap-lab")


class Output(StrEnum):
    """How `status` answers."""

    TEXT = "text"
    JSON = "json"


@app.command()
def up(
    name: Name = "demo",
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            help="What to make it from: local, kind, or auto (kind where your Docker answers).",
            show_default="what it is made from, else local",
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option("--nodes", help="Of kind: workers beside the control plane.", show_default="0"),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            help="Of kind: which images are pulled, by digest.",
            show_default="testbed/images.json",
        ),
    ] = None,
    durable: Annotated[
        bool, typer.Option("--durable", help="Its etcd waits for the disk; set when a lab is made.")
    ] = False,
    cache: Cache = CACHE,
) -> None:
    """Bring a lab up, building what is not built yet; print the path of its kubeconfig."""
    from bootstrap.lab.forecast import forecast
    from bootstrap.lab.providers import chosen, labs, preferred

    provider = preferred(name) if provider == "auto" else provider
    terminal.err(f"lab {name}: {forecast(name, chosen(name, provider), cache.absolute())}")
    with narrated(f"lab {name}") as on_event:
        made = labs(
            name,
            provider,
            playbooks(),
            on_event,
            cache=cache.absolute(),
            workers=nodes,
            pins=images,
            durable=durable,
        )
        lab = made.up(name)
    terminal.out(lab.kubeconfig)


@app.command()
def down(name: Name = "demo", provider: Provider = None) -> None:
    """Remove a lab and everything in it. The cache of built servers stays."""
    from bootstrap.lab.providers import labs

    with narrated(f"lab {name}") as on_event:
        labs(name, provider, playbooks(), on_event).down(name)


@app.command()
def status(
    name: Name = "demo",
    provider: Provider = None,
    output: Annotated[Output, typer.Option("-o", "--output", help="text or json")] = Output.TEXT,
) -> None:
    """Say whether a lab runs, and where its parts lie."""
    from bootstrap.lab.providers import describe

    facts = describe(name, provider)
    if output is Output.JSON:
        terminal.document(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        for line in value if isinstance(value, list) else [value]:
            terminal.out(f"{key:<12}{'-' if line is None else line}")


@app.command()
def kubeconfig(name: Name = "demo", provider: Provider = None) -> None:
    """Print the path of a lab's kubeconfig."""
    from bootstrap.lab.providers import chosen
    from bootstrap.lab.state import find

    chosen(name, provider)
    lab = find(name)
    if lab is None or not lab.kubeconfig.is_file():
        raise PreconditionError(
            f"there is no lab {name} with a cluster",
            code="E_LAB_ABSENT",
            where="--name",
            hint=f"bootstrap lab up --name {name}",
        )
    terminal.out(lab.kubeconfig)


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write.")],
    cache: Cache = CACHE,
) -> None:
    """Write the programs and images of a lab into a folder, for machines that reach no registry."""
    from bootstrap.lab.export import export as write

    with narrated("export") as on_event:
        write(out.absolute(), playbooks(), cache.absolute(), on_event)


@app.command()
def image(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write.")],
    cache: Cache = CACHE,
) -> None:
    """Write this program's own image as an OCI archive, with its bill of materials; print its name and digest."""
    from bootstrap.lab.export import program

    with narrated("image") as on_event:
        terminal.out(program(out.absolute(), cache.absolute(), on_event))


def playbooks() -> "AnsiblePlaybooks":
    from bootstrap.adapters.local.ansible import AnsiblePlaybooks
    from bootstrap.lab.resources import folder

    return AnsiblePlaybooks(folder("playbooks"))
