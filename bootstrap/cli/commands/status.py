"""``bootstrap status``: phase, authority and health, per step and per secret, from the live system."""

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from bootstrap.cli import compose, long_lists, terminal
from bootstrap.cli.commands.status_metrics import samples
from bootstrap.cli.commands.status_options import View
from bootstrap.cli.narrators import narration, run_word
from bootstrap.cli.options import Options
from bootstrap.engine.inspect import Health, StepState, survey
from bootstrap.engine.record import AT_WORK, read_run
from bootstrap.journal.entries import last_intended
from bootstrap.journal.store import read_journal
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import RecordType
from bootstrap.ledger.versions import changed
from bootstrap.model.catalog import Intent, Internal, Secret, SecretClass
from bootstrap.model.errors import BootstrapError
from bootstrap.model.metrics import exposition
from bootstrap.operations.records import uncommitted_head
from bootstrap.operations.snapshot.age import age
from bootstrap.operations.verify.drift import without_effect
from bootstrap.operations.verify.residuals import residuals
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import condition, ref_of
from bootstrap.steps.context.names import KV_MOUNT
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.registry import kind_class
from bootstrap.steps.secrets.external_secret_objects import published
from bootstrap.steps.vault.lives import Life, lives
from bootstrap.steps.vault.volumes import volumes

OPEN: Final = (Health.MISSING, Health.BLOCKED)
SHOWN: Final = 6  # details of a step in text


def status(options: Options, view: View) -> int:
    """Always 0 when it could look: what is missing is the answer, not an error."""
    prepared = compose.prepare(options)
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        found = gather(world)
        seen = tuple(samples(world, found)) if view is View.METRICS else ()
    if view is View.JSON:
        terminal.document(json.dumps(found, sort_keys=True, indent=2, ensure_ascii=False))
    else:
        terminal.out(*(exposition(seen) if view is View.METRICS else lines(found)))
    return 0


def gather(world: World) -> dict[str, Any]:
    """Plain JSON values; each part is looked at on its own, and what fails says ``unknown``."""
    with world.look.shared():
        return _seen(world)


def _seen(world: World) -> dict[str, Any]:
    states = tuple(survey(world.plan, world, kind_class))
    ledger = _ledger(world)
    current = next((s.step.phase for s in states if s.health in OPEN), world.plan.phases[-1].id)
    return {
        "cluster": world.cluster.uid(),
        "commit": world.plan.commit,
        "plan": world.plan.digest,
        "phase": current,
        "run": _run(world),
        "phases": [
            {
                "id": phase.id,
                "title": phase.title,
                "authority": phase.authority,
                "steps": [_step(s) for s in states if s.step.phase == phase.id],
            }
            for phase in world.plan.phases
        ],
        "secrets": _secrets(world.intent, ledger),
        "internals": [_internal(world, *each) for each in published(world.intent)],
        "certificates": _certificates(world),
        "volumes": [str(each) for each in volumes(world)],
        "residuals": _residuals(world.intent, ledger),
        "ignored": [] if isinstance(ledger, str) else list(without_effect(ledger, world.intent)),
        "uncommitted": _uncommitted(world),
        "snapshots": _snapshots(world),
    }


def _snapshots(world: World) -> dict[str, Any]:
    """Of the cluster's own; empty where none are declared."""
    try:
        found = age(world)
    except BootstrapError as error:
        return {"unknown": error.message}
    if found is None:
        return {}
    last = asdict(found.last) if found.last is not None else None
    return {
        "schedule": found.schedule,
        "last": last,
        "ageSeconds": found.seconds,
        "overdue": found.overdue,
        "warning": found.warning,
    }


def _uncommitted(world: World) -> list[str]:
    """Heads of this cluster that the commit does not hold: a cluster that is lost is known again by a committed one."""
    try:
        place = uncommitted_head(world)
    except BootstrapError as error:
        return [f"unknown: {error.message}"]
    return [f"{place} is newer than the commit: commit records/"] if place else []


def _certificates(world: World) -> list[str]:
    """Each that Vault stands on, and the days that are left of it."""
    try:
        now = world.cluster.server_time()
        return [_life(life, now) for life in lives(world)]
    except BootstrapError as error:
        return [f"unknown: {error.message}"]


def _life(life: Life, now: datetime) -> str:
    found = life.certificate
    left = "has EXPIRED" if found.until <= now else f"{found.days(now):.0f} days left"
    return f"{life.what}: {left}, until {found.until:%Y-%m-%d}, renewed {life.renewed}"


def _step(state: StepState) -> dict[str, Any]:
    return {
        "id": state.step.id,
        "health": state.health.value,
        "message": state.message,
        "details": list(state.details),
    }


def _run(world: World) -> dict[str, Any]:
    record = read_run(world.cluster)
    if record is None:
        return {"state": "none"}
    found: dict[str, Any] = {"state": record.state, "epoch": record.epoch, "plan": record.plan}
    opened = last_intended(read_journal(world.cluster))
    if record.state in AT_WORK and opened is not None:
        found["lastIntended"] = f"{opened.step}: {opened.message}"
    return found


def _ledger(world: World) -> Ledger | str:
    """What is recorded, or why that cannot be read."""
    try:
        return world.ledger.read()
    except BootstrapError as error:
        return f"unknown: {error.message}"


def _secrets(intent: Intent, ledger: Ledger | str) -> list[dict[str, str]]:
    if isinstance(ledger, str):
        return [_secret(secret, ledger, "") for secret in intent.secrets]
    committed, retired = named(ledger, RecordType.COMMIT), named(ledger, RecordType.RETIRED)
    stages = {**dict.fromkeys(committed, "handed over"), **dict.fromkeys(retired, "retired")}
    since = changed(ledger)
    return [
        _secret(secret, _authority(secret, committed), stages.get(secret.name, "declared"))
        | ({"version": str(since[secret.name].version)} if secret.name in since else {})
        for secret in intent.secrets
    ]


def _authority(secret: Secret, committed: Collection[str]) -> str:
    if secret.secret_class is SecretClass.ROOT_MATERIAL:
        return "the offline root"
    made_there = secret.secret_class is SecretClass.DERIVED
    return "Vault" if made_there or secret.name in committed else "Git"


def _secret(secret: Secret, authority: str, stage: str) -> dict[str, str]:
    found = {"name": secret.name, "class": secret.secret_class.value}
    return found | {"authority": authority, "stage": stage}


def _internal(world: World, entry: Internal, push: Object, readers: tuple[Object, ...]) -> dict[str, str]:
    """One that is published through Vault: who makes it, and whether the operator says that it is through."""
    found = {"name": entry.name, "kind": entry.kind, "path": f"{KV_MOUNT}/{entry.path}"}
    return (
        found
        | {"source": f"{entry.source.namespace}/{entry.source.secret}"}
        | _road(world, entry, push, readers)
    )


def _road(world: World, entry: Internal, push: Object, readers: tuple[Object, ...]) -> dict[str, str]:
    try:
        if world.cluster.get(Ref("v1", "Secret", entry.source.secret, entry.source.namespace)) is None:
            return {"state": "waits for its source"}
        late = [
            str(ref_of(o)) for o in (push, *readers) if not condition(world.cluster.get(ref_of(o)), "Ready")
        ]
    except BootstrapError as error:
        return {"state": f"unknown: {error.message}"}
    return {"state": f"not ready: {', '.join(late)}" if late else f"published, readers: {len(readers)}"}


def _residuals(intent: Intent, ledger: Ledger | str) -> list[str]:
    if isinstance(ledger, str):
        return [ledger]
    committed = named(ledger, RecordType.COMMIT)
    return list(residuals(intent, (s for s in intent.handovers if s.name in committed), changed(ledger)))


def _changed(secret: dict[str, str]) -> str:
    return f", changed since: version {secret['version']}" if "version" in secret else ""


def lines(found: dict[str, Any]) -> Iterator[str]:
    run = found["run"]
    yield f"cluster  {found['cluster']}"
    yield f"phase    {found['phase']}"
    yield f"run      {run_word(run['state'])}" + (f", epoch {run['epoch']}" if "epoch" in run else "")
    if "lastIntended" in run:
        yield f"  last intended: {run['lastIntended']}; bootstrap up goes on from there"
    for phase in found["phases"]:
        yield ""
        yield f"{phase['id']}: {phase['title']} (authority: {phase['authority']})"
        for step in phase["steps"]:
            yield f"  {step['health']:<8} {step['id']:<20} {step['message']}"
            shown = [detail for detail in step["details"] if detail]
            yield from (f"           - {detail}" for detail in shown[:SHOWN])
            if len(shown) > SHOWN:
                yield f"           - and {len(shown) - SHOWN} more (-o json shows all)"
    yield ""
    by_authority = sorted(found["secrets"], key=lambda s: (s["authority"], s["name"]))
    for authority, secrets in groupby(by_authority, key=lambda s: s["authority"]):
        yield f"secrets, authority {authority}:"
        yield from (f"  {s['name']:<28} {s['class']:<14} {s['stage']}{_changed(s)}" for s in secrets)
    if found["internals"]:
        yield "made in the cluster, published through Vault:"
        yield from (f"  {i['name']:<28} {i['kind']:<14} {i['state']}" for i in found["internals"])
    yield f"certificates {len(found['certificates'])}"
    yield from (f"  - {item}" for item in found["certificates"])
    yield f"volumes      {len(found['volumes'])}"
    yield from (f"  - {item}" for item in found["volumes"])
    yield f"residuals    {len(found['residuals'])}"
    yield from long_lists.sentences(found["residuals"])
    if found["ignored"]:
        yield f"ignored      {len(found['ignored'])}"
        yield from (f"  - {item}" for item in found["ignored"])
    if found["snapshots"]:
        yield from _snapshot_lines(found["snapshots"])
    if found["uncommitted"]:
        yield f"uncommitted  {len(found['uncommitted'])}"
        yield from (f"  - {item}" for item in found["uncommitted"])


def _snapshot_lines(found: dict[str, Any]) -> Iterator[str]:
    if "unknown" in found:
        yield f"snapshots    unknown: {found['unknown']}"
        return
    last = found["last"]
    if last is None:
        yield f"snapshots    none yet, scheduled at {found['schedule']} (UTC)"
    else:
        yield f"snapshots    {last['file']}, {found['ageSeconds']} s old, {last['size']} bytes, {last['kept']} kept"
    if found["overdue"]:
        yield f"  - WARNING: {found['warning']}, {found['schedule']} (UTC): look at the CronJob's jobs"
