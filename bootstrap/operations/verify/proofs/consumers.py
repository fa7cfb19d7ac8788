"""Consumers are served from Vault, with what it holds now, by the roads that are declared (INV3, INV5, INV6)."""

from collections.abc import Iterator

from bootstrap.operations.verify import orphans as left_over
from bootstrap.operations.verify.beyond import altered
from bootstrap.operations.verify.materialized import (
    applied_by,
    external_of,
    is_fresh,
    path_of,
    stale,
    target_of,
)
from bootstrap.operations.verify.proof import State, Verdict, claim, judged, names
from bootstrap.operations.verify.stores import Foreign, derived
from bootstrap.ports import Ref
from bootstrap.steps.context.health import condition, ref_of
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.consumers import unwritten
from bootstrap.steps.secrets.external_secret_objects import external_secrets, look_ahead, published
from bootstrap.steps.secrets.vault_backend import store_object
from bootstrap.steps.secrets.versions import held

ELSEWHERE = (
    "stores that name our Vault by another address than its Service's or a pod's; generators of other kinds"
)


@claim(
    "synced",
    "INV5",
    "each materialized Secret is derived from Vault and synced",
    reads="each ExternalSecret and PushSecret of the catalog, whether it and `vault-backend` ask for what is derived,"
    " its condition Ready, "
    "and that the operator runs",
    unseen="what the operator did since it last wrote that condition: `current` compares the values",
)
def consumers_served(world: World) -> Verdict:
    objects, pending = [*external_secrets(world.intent)], []
    look_ahead(world)
    for entry, push, readers in published(world.intent):
        source = Ref("v1", "Secret", entry.source.secret, entry.source.namespace)
        if world.cluster.get(source) is None:
            pending.append(f"{entry.name} waits for Secret {source.namespace}/{source.name}")
        else:
            objects += [push, *readers]
    pending += _resting(world)
    if changed := [*_changed(world)]:
        return judged(
            False, f"not as derived{names(changed)}", "`bootstrap up` puts it back; find out who changed it"
        )
    late = [ref_of(o) for o in objects if not condition(world.cluster.get(ref_of(o)), "Ready")]
    waits = unwritten(world, late)
    pending += dict.fromkeys(waits.values())
    late = [ref for ref in late if ref not in waits]
    if pending and not late:
        return Verdict(State.WAITS, f"{len(objects) - len(waits)} objects synced; {', '.join(pending)}")
    return judged(not late, f"{len(objects)} objects" + names(map(str, late)))


def _resting(world: World) -> Iterator[str]:
    """A condition that was written once says nothing of an operator that is not there any more."""
    namespace, _, name = world.intent.platform.external_secrets.deployment.partition("/")
    live = world.cluster.get(Ref("apps/v1", "Deployment", name, namespace))
    if not (live or {}).get("status", {}).get("availableReplicas"):
        yield f"no pod of the operator runs (Deployment {namespace}/{name})"


def _changed(world: World) -> Iterator[str]:
    """Objects that are there and ask for something else, or for more, than is derived; the store first."""
    there = [
        o for o in (store_object(world), *derived(world.intent)) if world.cluster.get(ref_of(o)) is not None
    ]
    yield from altered(world, there)


@claim(
    "current",
    "INV3",
    "consumers hold the version that Vault holds now, and nobody applies it from Git",
    reads="each materialized Secret, compared with Vault's current version in constant time; its labels"
    " and annotations",
    unseen="what a process read before; who wrote a Secret that holds the right values without leaving a mark",
)
def current(world: World) -> Verdict:
    broken: list[str] = []
    lagging: list[str] = []
    same = 0
    externals = tuple(external_of(world))
    held_now = world.each(lambda obj: held(world, path_of(obj)), externals, "secrets read")
    world.each(lambda obj: world.cluster.get(target_of(obj)), externals, "materialized Secrets read")
    for obj, now in zip(externals, held_now, strict=True):
        if now is None:  # nothing to hold: `authority` and `synced` say why
            continue
        ref = target_of(obj)
        if why := stale(world, obj, now):
            (lagging if is_fresh(world, now) and "holds version" in why else broken).append(f"{ref} {why}")
            continue
        live = world.cluster.get(ref)
        if live is not None and (who := applied_by(live)):
            broken.append(f"{ref} is also applied by {who}")
            continue
        same += 1
    seen = "; ".join((f"{same} Secrets are as Vault's current version", *broken, *lagging))
    if broken:
        return judged(False, seen, "where the operator runs, deleting such a Secret makes it anew from Vault")
    if lagging:
        return Verdict(State.WAITS, seen, "the operator looks again within minutes")
    return judged(True, seen)


@claim(
    "left-over",
    "INV5",
    "each copy of ours in the cluster is declared",
    reads="every ExternalSecret and PushSecret that carries our labels",
    unseen="one of ours from which the labels were taken: `foreign-readers` and `foreign-pushers` look by path",
)
def nothing_left_over(world: World) -> Verdict:
    found = left_over.find(world)
    others = ", ".join(map(str, found.others))
    seen = f"{found.declared} declared; " + (f"not declared: {others}" if others else "nothing else of ours")
    seen += f"; {found.unseen}" if found.unseen else ""
    if found.unseen and not found.others:
        return Verdict(
            State.LEFT_OUT, seen, "grant the role bootstrap-verify of docs/reference/permissions.md"
        )
    return judged(not found.others, seen, found.others[0].remedy if found.others else "")


@claim(
    "foreign-readers",
    "INV5",
    "no ExternalSecret but the declared ones reads a path of ours",
    reads="every ExternalSecret of every namespace, every ClusterExternalSecret and VaultDynamicSecret, and the stores "
    "that reach our Vault",
    unseen=ELSEWHERE,
)
def foreign_readers(world: World) -> Verdict:
    return _foreign(Foreign(world).readers(), "declare it as a consumer in the catalog, or delete it")


@claim(
    "foreign-pushers",
    "INV6",
    "no PushSecret but the declared ones writes a path of ours",
    reads="every PushSecret of every namespace, every ClusterPushSecret, and the stores that reach our Vault",
    unseen=ELSEWHERE,
)
def foreign_pushers(world: World) -> Verdict:
    return _foreign(Foreign(world).pushers(), "declare it as an InternalSecret in the catalog, or delete it")


def _foreign(found: Iterator[str], hint: str) -> Verdict:
    strange = tuple(found)
    return judged(
        not strange, f"not declared{names(strange)}" if strange else "none", hint if strange else ""
    )
