"""Vault is the authority, and each version in it has a record (INV3, INV4, H4)."""

from bootstrap.ledger import copies
from bootstrap.ledger.record import Record, RecordType
from bootstrap.ledger.versions import explained
from bootstrap.model.catalog import Secret
from bootstrap.model.names import kv_metadata
from bootstrap.operations.verify.proof import State, Verdict, claim, judged, names
from bootstrap.steps.authority.gather import gather
from bootstrap.steps.authority.stops import stopped
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.transfer import KEPT_VERSIONS, Here, commitments_in, read_version_one
from bootstrap.steps.secrets.versions import counted, held

READ = "secrets read"
PUT_BACK = (
    f"as root: `vault kv metadata put -cas-required -max-versions={KEPT_VERSIONS} "
    "-delete-version-after=0s secret/NAME`"
)
FEW = 2  # versions: with fewer nothing leads back


@claim(
    "authority",
    "INV4",
    "Vault is the authority of each handed-over secret",
    reads="the ledger's COMMIT records, whether each path's current version can be read, and whether Vault's settings "
    "keep it: how many versions, for how long, and that a write says which one it follows",
    unseen="whether a version that is there still opens what it is for",
)
def authority(world: World) -> Verdict:
    committed = named(world.ledger.read(), RecordType.COMMIT)
    secrets = world.intent.handovers
    values = world.each(lambda s: held(world, s.in_vault), secrets, READ)
    ways = world.each(lambda s: _is_lost(world, s.in_vault), secrets, "metadata of secrets read")
    lacking = [
        s.name + (f" ({way})" if way else "")
        for s, value, way in zip(secrets, values, ways, strict=True)
        if s.name not in committed or value is None or way
    ]
    seen = f"{len(secrets) - len(lacking)} of {len(secrets)}"
    return judged(not lacking, seen + names(lacking), PUT_BACK if any(ways) else "")


def _is_lost(world: World, path: str) -> str:
    """By which setting Vault loses what it holds, or lets it be overwritten unseen; empty where there is none."""
    about = world.session.read(kv_metadata(path)).data
    ends, kept = str(about.get("delete_version_after") or "0s"), about.get("max_versions")
    if ends.strip("0hms"):
        return f"its versions end after {ends}"
    if kept is not None and 0 < int(kept) < FEW:
        return f"{kept} versions are kept"
    return "" if about.get("cas_required", True) else "its writes are not checked"


@claim(
    "values",
    "H4",
    "version 1 of each secret is what its record commits to",
    reads="version 1 of each handed-over secret, compared with the record's commitment under the "
    "commitment key (`--root`)",
    unseen="a version 1 that Vault no longer keeps (`max_versions`)",
)
def values(world: World) -> Verdict:
    if world.files is None:
        return Verdict(State.LEFT_OUT, "needs the root key (--root)", "add --root file:PATH")
    committed = named(world.ledger.read(), RecordType.COMMIT)
    known = [s for s in world.intent.handovers if s.name in committed]
    fit = world.each(lambda s: _fits(world, s, committed[s.name]), known, READ)
    wrong = [s.name for s, fits in zip(known, fit, strict=True) if not fits]
    return judged(not wrong, f"{len(committed)} compared" + names(wrong))


def _fits(world: World, secret: Secret, record: Record) -> bool:
    """Under the cluster that the record names: a platform that was restored elsewhere has the records of before."""
    now, wanted = held(world, secret.in_vault), dict(record.fact.commitments)
    if now is not None and now.version == 1 and not now.others:
        return commitments_in(world, record, now.values) == wanted
    version = read_version_one(world, secret, Here(cluster=record.run.cluster, vault=""))
    return version is None or version.commitments == wanted


@claim(
    "explained",
    "INV3",
    "each version of a handed-over secret has a record",
    reads="the number of each secret's current version, and the ledger",
    unseen="secrets that Git does not introduce: infrastructure or an operator writes them, without a record",
)
def versions_explained(world: World) -> Verdict:
    known = explained(world.ledger.read())
    strange, total = [], 0
    secrets = world.intent.handovers
    versions = world.each(lambda s: counted(world, s.in_vault), secrets, READ)
    for secret, live in zip(secrets, versions, strict=True):
        total += live
        lacking = sorted(set(range(1, live + 1)) - known.get(secret.name, set()))
        if lacking and known.get(secret.name):  # one that is not handed over yet is the authority's matter
            strange.append(f"{secret.name} version {', '.join(map(str, lacking))}")
    hint = (
        "Vault's audit log says who wrote it: `bootstrap set SECRET --adopt VERSION --reason TEXT` records it, another "
        "value replaces it; `bootstrap up` records one that an interrupted `set` wrote"
    )
    return judged(
        not strange,
        f"{total} versions, without a record{names(strange) or ': none'}",
        hint if strange else "",
    )


@claim(
    "ledger",
    "H4",
    "the ledger verifies, and its copies agree",
    reads="every batch of the cluster's copy and of Vault's, signatures, chain and roots",
    unseen="a history that the holder of the ledger key wrote anew in both copies",
)
def ledger_whole(world: World) -> Verdict:
    known = gather(world, answering=True)
    if (stop := stopped(known)) is not None:
        return Verdict(State.BROKEN, f"{stop.code}: {stop.message}", stop.hint)
    compared = copies.compare({"the cluster's": known.ledger, "Vault's": known.copy})
    behind = ", ".join(f"{name} lacks {count}" for name, count in compared.behind.items())
    return judged(compared.agree, behind or f"{compared.size} records in each")
