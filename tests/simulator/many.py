"""An intent repository of many secrets beside the scaffolded ones, and what a run asks of the servers for each.

repository = many(tmp_path, 300)
asked = Asked()
SimulatedPlatform(tmp_path, repository).up(**asked.ports(platform))
asked.requests["vault"]
"""

from collections import Counter
from pathlib import Path
from typing import Any

from bootstrap.adapters.root import derived_keys
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.engine.runner import Runner
from bootstrap.operations.records import write_records
from bootstrap.ports import Opened
from bootstrap.steps.context.world import World
from bootstrap.steps.registry import kind_class
from tests.simulator.faults import Call, Port
from tests.simulator.platform import SimulatedPlatform, scaffolded

PER_FILE = 50

ENTRY = """\
---
apiVersion: bootstrap/v1
kind: Secret
metadata: {{name: {name}}}
spec:
  class: runtime
  owner: team
  purpose: One of many
  source: {{file: {file}, key: {name}}}
  runtime: {{path: applications/many/{name}}}
  handover: {{renew: keep, reason: It is one of many}}
"""
CONSUMER = "  consumers: [{{namespace: many, secret: {name}}}]\n"


def many(folder: Path, count: int, *, consumed: bool = False) -> Path:
    """A committed repository in ``folder``/platform of ``count`` secrets more; ``consumed``: each by one namespace."""
    return scaffolded(folder, lambda target, to: _write(target, to, count, consumed))


def _write(target: Path, recipients: tuple[str, ...], count: int, consumed: bool) -> None:
    names = [f"many-{number:05d}" for number in range(count)]
    entries = []
    for start in range(0, count, PER_FILE):
        file = f"encrypted/many-{start:05d}.sops.yaml"
        part = names[start : start + PER_FILE]
        values: dict[str, Opened] = {
            name: {"password": derived_keys.generate_password(40), "user": derived_keys.generate_password(12)}
            for name in part
        }
        (target / file).write_bytes(encrypt_yaml(values, recipients))
        more = CONSUMER if consumed else ""
        entries += [(ENTRY + more).format(name=name, file=file) for name in part]
    (target / "secrets" / "many.yaml").write_text("".join(entries))


class Asked:
    """Counts the calls of a run: by system, and by what was asked."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def ports(self, platform: SimulatedPlatform) -> dict[str, Any]:
        return {name: Port(name, getattr(platform, name), self._count) for name in ("cluster", "vault")}

    def _count(self, call: Call) -> Any:
        self.requests[call.system] += 1
        self.calls[_what(call)] += 1
        return call.apply()


def _what(call: Call) -> str:
    """Method and kind of place, without names."""
    if call.system == "vault" and call.name == "call":
        method, path = call.args[:2]
        return f"{method} {'/'.join(path.partition('?')[0].split('/')[:2])}"
    kind = call.args[0] if call.args else ""
    if call.name == "list":
        return f"list {call.args[1]}"
    return f"{call.name} {kind['kind'] if isinstance(kind, dict) else getattr(kind, 'kind', '')}"


def up(platform: SimulatedPlatform, asked: Asked) -> World:
    """One `bootstrap up` as it is outside of tests: with threads, and batches of their full size."""
    world = platform.world(**asked.ports(platform))
    try:
        Runner(world.plan, world, kind_class).run()
        write_records(world)
    finally:
        world.session.close()
    return world
