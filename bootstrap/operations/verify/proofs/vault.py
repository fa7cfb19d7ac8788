"""Vault itself: the right one, whole, audited, and without a root token (G7, B4, B5, B6)."""

from typing import Final

from bootstrap.operations.verify.proof import State, Verdict, claim, judged
from bootstrap.steps.context.names import AUDIT_DEVICE, CONFIGURE_POLICY
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.configuring import powerful
from bootstrap.steps.vault.init_window import WindowStore

AUDIT_OFF: Final = "E_AUDIT_OFF"


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
    servers = [s["node_id"] for s in data["config"]["servers"] if s["voter"]]
    sealed = [p for p in world.session.pods if (s := world.session.seal_status(p)) is None or s.sealed]
    others = sorted(set(servers) - set(world.session.pods))
    seen = f"voters {', '.join(sorted(servers))}" + (f"; sealed: {', '.join(sealed)}" if sealed else "")
    seen += f"; not declared: {', '.join(others)}" if others else ""
    hint = f"each election counts them; `vault operator raft remove-peer {others[0]}`" if others else ""
    return judged(set(world.session.pods) == set(servers) and not sealed, seen, hint)


@claim(
    "audit",
    "B6",
    "auditing is on",
    reads="Vault's audit devices",
    unseen="whether it was on all the time: the log's own lines say that",
)
def auditing(world: World) -> Verdict:
    devices = granted(world.session.read("sys/audit"), "sys/audit").data
    if f"{AUDIT_DEVICE}/" in devices:
        return Verdict(State.HOLDS, ", ".join(devices))
    others = f"no audit device {AUDIT_DEVICE}/ among {', '.join(devices)}" if devices else "no audit device"
    hint = "`bootstrap up` turns it on again; the last lines of Vault's audit log say who turned it off"
    return Verdict(State.BROKEN, f"{AUDIT_OFF}: {others}", hint)


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
