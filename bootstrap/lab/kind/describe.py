"""What ``status`` shows of a lab of kind."""

from pathlib import Path

from bootstrap.lab import digests, state
from bootstrap.lab.kind.nodes import Node, nodes
from bootstrap.lab.kind.provider import engine_of
from bootstrap.lab.ready import is_ready
from bootstrap.lab.state import HOME, Lab


def describe(name: str, home: Path = HOME) -> dict[str, object]:
    """``state`` is absent, unfinished, stopped, starting or running."""
    lab = state.find(name, home)
    if lab is None:
        return {"name": name, "provider": "kind", "state": "absent"}
    known, docker = lab.remembered(), engine_of(lab)
    found = nodes(docker, lab) if docker.answers() else []
    first = found[0] if found else Node("", "control-plane", 0, "")
    return {
        "name": name,
        "provider": "kind",
        "state": _state_of(lab, found),
        "docker": known.get("socket") or "the user's",
        "nodes": [f"{node.name} {node.address or '-'} {node.pid or 'stopped'}" for node in found],
        "containers": known.get("containers", []),
        "pid": first.pid or None,
        "address": first.address or None,
        "server": _server(lab),
        "kubeconfig": str(lab.kubeconfig),
        "manifests": str(lab.manifests),
        "auditLog": str(lab.audit_log),
        "logs": str(lab.state / "var-log"),
        "binaries": str(lab.state / "bin"),
        "stateDir": str(lab.state),
        "kubernetes": known.get("kubernetes"),
        "durable": bool(known.get("durable")),
        "images": digests.named(known),
    }


def _state_of(lab: Lab, found: list[Node]) -> str:
    if not lab.initialised:
        return "unfinished"
    if not found or not all(node.runs for node in found):
        return "stopped"
    return "running" if is_ready(lab) else "starting"


def _server(lab: Lab) -> str | None:
    """As the kubeconfig names it; kind's is YAML with one cluster."""
    if not lab.kubeconfig.is_file():
        return None
    lines = lab.kubeconfig.read_text(encoding="utf-8").splitlines()
    found = [line.split("server:", 1)[1].strip() for line in lines if line.strip().startswith("server:")]
    return found[0].strip('"') if found else None
