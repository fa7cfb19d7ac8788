"""Vault itself: the right one, whole, audited, and without a root token (G7, B4, B5, B6)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bootstrap.operations.verify.proof import State, Verdict, claim, judged, names
from bootstrap.steps.context.names import AUDIT_DEVICE, AUDIT_FILE, AUDIT_STREAM, CONFIGURE_POLICY
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.audit_parts import changed, kept, missing, recorded
from bootstrap.steps.vault.configuring import powerful
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.leaves import HEADERS

AUDIT_OFF: Final = "E_AUDIT_OFF"
CLOSE: Final = f"take it away, as root: `vault audit disable NAME`, or `vault delete {HEADERS}/NAME`"
SECRET_HEADERS: Final = frozenset({"x-vault-token", "authorization", "cookie"})
AUDITED: Final = {AUDIT_DEVICE: AUDIT_FILE, AUDIT_STREAM: "stdout"}


@claim(
    "cluster-identity",
    "B4",
    "Vault is the one whose key was proven",
    reads="the init window in `bootstrap-system`, and the cluster id that the active node says",
    unseen="a Vault that copies the other's storage has its id too",
)
def cluster_identity(world: World) -> Verdict:
    window = WindowStore(world.cluster).read()
    status = world.session.seal_status(world.session.active())
    live = status.cluster_id if status else ""
    return judged(window is not None and bool(live) and window.cluster_id == live, f"cluster id {live}")


@claim(
    "voters",
    "G7",
    "the declared nodes are the voters of one cluster, unsealed",
    reads="Vault's raft configuration, and each declared node's seal status",
    unseen="which machines the nodes run on",
)
def voters(world: World) -> Verdict:
    data = granted(world.session.read("sys/storage/raft/configuration"), "raft configuration").data
    members = {s["node_id"] for s in data["config"]["servers"]}
    servers = [s["node_id"] for s in data["config"]["servers"] if s["voter"]]
    sealed = [p for p in world.session.pods if (s := world.session.seal_status(p)) is None or s.sealed]
    others = sorted(members - set(world.session.pods))
    seen = f"voters {', '.join(sorted(servers))}" + (f"; sealed: {', '.join(sealed)}" if sealed else "")
    seen += f"; not declared: {', '.join(others)}" if others else ""
    hint = (
        f"each has all that Vault holds, and may come to vote; `vault operator raft remove-peer {others[0]}`"
        if others
        else ""
    )
    return judged(set(world.session.pods) == set(servers) and not sealed and not others, seen, hint)


@claim(
    "audit",
    "B6",
    "auditing is on, in two places",
    reads="Vault's audit devices, where each writes to, and that none writes a value or a token in the "
    "clear; the digests of what is kept of its file, as the renewers "
    "say them, and those on record",
    unseen="whether it was on all the time: the log's own lines say that; what was cut since the last `up`; a "
    "digest that who has Vault's container says falsely; the oldest parts, which go by themselves; any part, without "
    "the right to read logs of Vault's pods",
)
def auditing(world: World) -> Verdict:
    devices = granted(world.session.read("sys/audit"), "sys/audit").data
    if open_ := [*_in_the_clear(world, devices)]:
        return Verdict(State.BROKEN, "; ".join(open_), CLOSE)
    lacking = [name for name, place in AUDITED.items() if _place(devices.get(f"{name}/")) != place]
    if not lacking:
        return _kept(world, ", ".join(devices))
    none = " and ".join(f"no audit device {name}/ that writes to {AUDITED[name]}" for name in lacking)
    others = f"{none} among {', '.join(devices)}" if devices else "no audit device"
    hint = "`bootstrap up` turns it on again; the last lines of Vault's audit log say who turned it off"
    return Verdict(State.BROKEN, f"{AUDIT_OFF}: {others}", hint)


def _in_the_clear(world: World, devices: Mapping[str, Any]) -> Iterator[str]:
    """Vault writes the HMAC of what is secret, unless a setting says otherwise."""
    for name, device in sorted(devices.items()):
        if str(((device or {}).get("options") or {}).get("log_raw") or "false").lower() != "false":
            yield f"audit device {name} writes values in the clear (log_raw)"
    headers = granted(world.session.read(HEADERS), "audited headers").data.get("headers") or {}
    for name, how in sorted(headers.items()):
        if name.lower() in SECRET_HEADERS and not (how or {}).get("hmac"):
            yield f"the header {name.lower()} is audited in the clear"


def _kept(world: World, devices: str) -> Verdict:
    """Whether what is kept of the file is still what the ledger says."""
    ledger = world.ledger.read()
    parts, known = kept(world), recorded(ledger)
    on_record = f"; {sum(part in known for part in parts)} of {len(parts)} parts that are kept are on record"
    seen = devices + (on_record if parts else "")
    other = changed(parts, known)
    gone = missing(parts, known)
    if other or gone:
        hint = "somebody wrote there since: who can exec into Vault's pods; the container's log has the same lines"
        seen += f"; not as recorded{names(other)}" if other else ""
        seen += f"; gone before older ones{names(gone)}" if gone else ""
        return Verdict(State.BROKEN, seen, hint)
    return Verdict(State.HOLDS, seen)


def _place(device: Any) -> str:
    return str(((device or {}).get("options") or {}).get("file_path") or "")


@claim(
    "no-root",
    "B5",
    "no live token has the policy root, or could configure Vault",
    reads="each token's accessor and policies",
    unseen="batch tokens; a root token that the holder of the unseal key makes later",
)
def no_root(world: World) -> Verdict:
    live = world.session.accessors()
    left = powerful(live)
    roots = [a for a in left if "root" in live[a]]
    configuring = f", {len(left) - len(roots)} with {CONFIGURE_POLICY}"
    return judged(not left, f"{len(live)} live tokens, {len(roots)} root{configuring}")
