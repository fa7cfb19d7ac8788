"""``bootstrap doctor``: can this machine and this cluster run it?"""

import json
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Final

from bootstrap.cli import compose, terminal
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options, Output
from bootstrap.engine.inspect import ROOT_NEEDED, Health, survey
from bootstrap.intent.schema import DURATION
from bootstrap.model.errors import DefinitionError, WorldError
from bootstrap.model.plan import Plan
from bootstrap.operations.horizon import Ending, of_commit, of_platform, of_vault, within
from bootstrap.operations.snapshot.room import room
from bootstrap.operations.verify.etcd_encryption import LEAK, leaks
from bootstrap.steps.context.world import World
from bootstrap.steps.registry import kind_class
from bootstrap.steps.vault.volumes import volumes

ASKED: Final = ("root-trust", "preflight")
LIBRARIES: Final = (
    "kubernetes",
    "websocket-client",
    "dulwich",
    "pyrage",
    "pysequoia",
    "cryptography",
    "ansible-core",
)
PRECONDITION: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One fact; ``ok`` is None where it is only reported."""

    name: str
    ok: bool | None
    found: str
    hint: str = ""


def doctor(options: Options, horizon: str = "") -> int:
    """The exit code: 0, or 4 when something is missing. Without a cluster only the machine is looked at."""
    checks = list(machine())
    if horizon and not re.fullmatch(DURATION, horizon):
        raise DefinitionError(
            f"--horizon is {horizon}, not a time",
            code="E_USAGE",
            where="bootstrap doctor",
            hint="a whole number and s, m, h or d: --horizon 400d",
        )
    if horizon or options.kubeconfig is not None:
        prepared = compose.prepare(options)
        now, found = datetime.now(UTC), list(of_commit(prepared.intent))
        if options.kubeconfig is not None:
            with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
                checks += cluster(world)
                if horizon:
                    now = world.cluster.server_time()
                    found += of_platform(world)
                    checks += filling(world)
                    checks += asked(world, found)
        if horizon:
            checks += ending(found, now, horizon)
    if options.output is Output.JSON:
        rows = [{"name": c.name, "ok": c.ok, "found": c.found, "hint": c.hint} for c in checks]
        terminal.document(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        terminal.out(*lines(checks))
    return PRECONDITION if any(check.ok is False for check in checks) else 0


def machine() -> Iterator[Check]:
    yield Check(name="bootstrap", ok=True, found=compose.version())
    yield Check(name="python", ok=True, found=f"{platform.python_version()} on {platform.system()}")
    for name in LIBRARIES:
        yield Check(name=name, ok=None, found=metadata.version(name))


def cluster(world: World) -> Iterator[Check]:
    """Who we are there, how far the clocks are apart, and what the first steps of a run say."""
    yield Check(name="server", ok=True, found=f"{world.cluster.server} {world.cluster.version()}")
    yield Check(name="identity", ok=True, found=world.cluster.identity().user)
    skew = (world.clock.now() - world.cluster.server_time()).total_seconds()
    yield Check(name="clock", ok=None, found=f"{abs(skew):.0f} s apart from the API server")
    for leak in leaks(world.cluster):
        hint = "https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/" if LEAK in leak else ""
        yield Check(name="at rest", ok=None, found=leak, hint=hint)
    for state in survey(_only_checks(world.plan), world, kind_class):
        ok = None if state.code == ROOT_NEEDED else state.health in (Health.HOLDS, Health.WAITS)
        yield Check(
            name=state.step.id, ok=ok, found=state.message, hint=" ".join(state.details) if not ok else ""
        )


def ending(found: Iterable[Ending], now: datetime, horizon: str) -> Iterator[Check]:
    """One line for each; not ok is what has ended."""
    listed = within(iter(found), now, horizon)
    for each in listed:
        over = each.until <= now
        left = "has ENDED" if over else f"in {(each.until - now).total_seconds() / 86400:.0f} days"
        text = f"{each.what}: {left}, {each.until:%Y-%m-%d}"
        yield Check(name="ends", ok=False if over else None, found=text, hint=each.then)
    if not listed:
        yield Check(name="ends", ok=True, found=f"nothing within {horizon}")


def asked(world: World, found: list[Ending]) -> Iterator[Check]:
    """``found`` grows by what ends in Vault. A Vault that cannot be asked, since all that it stands on has ended, is a
    finding too."""
    try:
        found += list(of_vault(world))
    except WorldError as error:
        what = f"values by their rotation policy, and tokens, are left out: {error.message}"
        yield Check(name="ends", ok=False, found=what, hint=error.hint)


def filling(world: World) -> Iterator[Check]:
    """How full Vault's volumes and that of the snapshots are, or will be; not ok from where they are soon full."""
    for each in volumes(world):
        full = each.soon_full
        hint = "a larger volume, or less on it; the audit log takes half of its own at most"
        yield Check(name="volumes", ok=False if full else None, found=str(each), hint=hint if full else "")
    if (kept := room(world)) is not None:
        full, hint = kept.soon_full, "fewer (snapshots.keep), or a larger claim, where its class lets it grow"
        yield Check(name="volumes", ok=False if full else None, found=str(kept), hint=hint if full else "")


def _only_checks(plan: Plan) -> Plan:
    from dataclasses import replace

    phases = tuple(replace(p, steps=tuple(s for s in p.steps if s.kind in ASKED)) for p in plan.phases)
    return replace(plan, phases=phases)


def lines(checks: list[Check]) -> Iterator[str]:
    words = {True: "ok", False: "MISSING", None: ""}
    for check in checks:
        yield f"{words[check.ok]:<8} {check.name:<14} {check.found}"
        if check.hint:
            yield f"         {'':<14} hint: {check.hint}"
