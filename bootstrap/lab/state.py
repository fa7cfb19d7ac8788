"""What is remembered of a lab between two commands: a folder, and in it one small file."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.lab.locks import locked
from bootstrap.model.errors import DefinitionError, PreconditionError

HOME = Path("/var/lib/bootstrap-lab")
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")
_LABS = 64  # networks of four addresses in 198.19.255.0/24


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab's place on this machine. ``index`` chooses its network and the name of its link."""

    name: str
    index: int
    home: Path = HOME

    @property
    def state(self) -> Path:
        return self.home / self.name

    @property
    def link(self) -> str:
        return f"bootlab{self.index}"

    @property
    def host_address(self) -> str:
        return f"198.19.255.{4 * self.index + 1}"

    @property
    def node_address(self) -> str:
        return f"198.19.255.{4 * self.index + 2}"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def manifests(self) -> Path:
        return self.state / "manifests"

    @property
    def audit_log(self) -> Path:
        return self.state / "audit" / "audit.log"

    @property
    def initialised(self) -> bool:
        """Whether kubeadm once finished here, so that there is a cluster to bring back."""
        return (self.state / "initialised").is_file()

    def remembered(self) -> dict[str, Any]:
        """The whole of ``lab.json``."""
        content: dict[str, Any] = json.loads((self.state / "lab.json").read_text(encoding="utf-8"))
        return content

    def remember(self, **facts: object) -> None:
        """Add facts to ``lab.json``; readers see the old file or the new one."""
        path = self.state / "lab.json"
        known = self.remembered() if path.is_file() else {}
        known |= {"name": self.name, "index": self.index, **facts}
        part = path.with_suffix(".part")
        part.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        part.rename(path)


def check_name(name: str) -> None:
    """``DefinitionError`` unless ``name`` can be a node, a folder and a control group."""
    if not _NAME.fullmatch(name):
        raise DefinitionError(
            f"{name!r} cannot name a lab",
            code="E_LAB_NAME",
            where="--name",
            hint="lower-case letters, digits and inner dashes, at most 30, a letter first",
        )


def find(name: str, home: Path = HOME) -> Lab | None:
    """The lab of that name, or None where nothing of it is remembered."""
    check_name(name)
    return next((lab for lab in every(home) if lab.name == name), None)


def every(home: Path = HOME) -> list[Lab]:
    """All labs of this machine, by name."""
    files = sorted(home.glob("*/lab.json"))
    return [Lab(path.parent.name, int(json.loads(path.read_text())["index"]), home) for path in files]


def provider_of(name: str, home: Path = HOME) -> str | None:
    """What the lab of that name is made of; None where there is none."""
    lab = find(name, home)
    return None if lab is None else str(lab.remembered().get("provider", "local"))


def allocate(name: str, home: Path = HOME, **facts: object) -> Lab:
    """The lab of that name, with a free network and ``facts`` written down for it when it is new."""
    check_name(name)
    with locked(home, wait=True):
        return find(name, home) or _new(name, home, facts)


def claim(name: str, home: Path = HOME) -> Lab:
    """A new lab of that name; its caller takes it down again. ``PreconditionError`` E_DRILL_LAB where one is known, or
    something of one is left."""
    check_name(name)
    with locked(home, wait=True):
        if (home / name).exists():
            raise PreconditionError(
                f"lab {name} is there, and a drill makes and deletes a lab of its own",
                code="E_DRILL_LAB",
                where="--lab",
                hint=f"--lab with another name; where nothing needs that one: bootstrap lab down --name {name}",
            )
        return _new(name, home, {})


def _new(name: str, home: Path, facts: Mapping[str, object]) -> Lab:
    taken = {lab.index for lab in every(home)}
    free = next((index for index in range(_LABS) if index not in taken), None)
    if free is None:
        raise PreconditionError(
            "all 64 lab networks of this machine are taken",
            code="E_LAB_FULL",
            where=str(home),
            hint="end one with `bootstrap lab down --name NAME`",
        )
    lab = Lab(name, free, home)
    lab.state.mkdir(mode=0o755, exist_ok=True)
    lab.remember(**facts)
    return lab


def require_durable(lab: Lab, *, wanted: bool) -> None:
    """``PreconditionError`` when the cluster was made with an etcd that does not wait for the disk, and it should."""
    if wanted and lab.initialised and not lab.remembered().get("durable"):
        raise PreconditionError(
            f"the etcd of lab {lab.name} does not wait for the disk",
            code="E_LAB_OPTION",
            where="--durable",
            hint=f"bootstrap lab down --name {lab.name}, then up: it is set when a lab is made",
        )


def start_over(lab: Lab) -> None:
    """Forget a cluster that was never finished; the lab keeps its name and its network."""
    for path in lab.state.iterdir():
        if path.name == "lab.json":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
