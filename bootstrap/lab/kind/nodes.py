"""The containers of one lab: seen, started again as they were, and asked from inside."""

from dataclasses import dataclass

from bootstrap.lab.kind.config import cluster_name
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.state import Lab

NETWORK = "bootstrap-lab"
_CLUSTER, _ROLE = "io.x-k8s.kind.cluster", "io.x-k8s.kind.role"  # kind's own labels


@dataclass(frozen=True, slots=True)
class Node:
    """``pid`` is its first process as this machine numbers it, 0 when it does not run; ``address`` may be empty."""

    name: str
    role: str
    pid: int
    address: str
    container: str = ""  # its id

    @property
    def runs(self) -> bool:
        return self.pid != 0


def nodes(docker: Docker, lab: Lab) -> list[Node]:
    """The control plane first."""
    names = docker.run(
        "ps", "--all", "--filter", f"label={_CLUSTER}={cluster_name(lab)}", "--format", "{{.Names}}"
    )
    found = []
    for name in names.split():
        seen = docker.inspect("container", name)
        if seen is None:  # it went between the two questions
            continue
        running = bool(seen["State"]["Running"]) and not seen["State"].get("Restarting")
        network = seen["NetworkSettings"]["Networks"].get(NETWORK, {})
        role = str(seen["Config"]["Labels"][_ROLE])
        found.append(
            Node(
                name,
                role,
                int(seen["State"]["Pid"]) if running else 0,
                network.get("IPAddress", ""),
                str(seen["Id"]),
            )
        )
    return sorted(found, key=lambda node: (node.role != "control-plane", len(node.name), node.name))


def keep_off(docker: Docker, found: list[Node]) -> None:
    """An engine that starts must not start them: they would get other addresses. ``revive`` does it right."""
    docker.run("update", "--restart=no", *(node.name for node in found))


def revive(docker: Docker, found: list[Node], addresses: dict[str, str]) -> None:
    """Start what does not run, each with the address that its certificates name."""
    for node in found:
        if node.runs:
            continue
        docker.attempt("network", "disconnect", "--force", NETWORK, node.name)
        docker.run("network", "connect", "--ip", addresses[node.name], NETWORK, node.name)
        docker.run("start", node.name)
