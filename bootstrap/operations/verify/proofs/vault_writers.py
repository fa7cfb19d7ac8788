"""Vault's policies by what they allow, and whom they reach (INV6)."""

from collections.abc import Iterator, Mapping, Sequence

from bootstrap.intent.hcl import Grant, read_policy
from bootstrap.intent.vault_reach import changes
from bootstrap.operations.verify.pod_logins import wider_logins
from bootstrap.operations.verify.proof import State, Verdict, claim, names
from bootstrap.operations.verify.vault_census import Census, Holder
from bootstrap.steps.context.names import (
    CONFIGURE_POLICY,
    JOB_ACCOUNT,
    JOB_POLICY,
    JOB_ROLE,
    POD_LOGIN,
    READER_ACCOUNT,
    READER_ROLE,
    RUN_ACCOUNT,
    RUN_POLICY,
    RUN_ROLE,
    SNAPSHOT_ACCOUNT,
    SNAPSHOT_POLICY,
    SNAPSHOT_ROLE,
    SYSTEM_NAMESPACE,
    renewer,
)
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.leaves import Fields, agrees, every_leaf
from bootstrap.steps.vault.ledger_copy import FOLDER
from bootstrap.steps.vault.objects import pod_names
from bootstrap.steps.vault.policies import CONFIGURE, RUN, job, pusher, reader, renewing, saver
from bootstrap.steps.vault.presence import MOST
from bootstrap.steps.vault.transit import live_key

BY_ITSELF = ("sys/policies/", "identity/entity/")
UPGRADE = "the run's policy is of an older version: `bootstrap up` writes it anew"
UNSEEN = "batch tokens, who may ask for the credentials of a login with power, who holds the unseal key"
HINT = "declare them in bootstrap.yaml (spec.operators, with a reason), or take the grant away"


@claim(
    "vault-writers",
    "INV6",
    "whoever can change a secret in Vault is declared",
    reads="every policy, judged by what it allows; every role, user, group, entity and live token that holds it",
    unseen="batch tokens; who may ask for the credentials of a login with power (a secret id, a password); who holds "
    "the unseal key; what logins of other kinds than Vault's usual ones give (named, and left out)",
)
def vault_writers(world: World) -> Verdict:
    census, intent = Census(world), world.intent
    secrets = [(s.path, s.name) for s in intent.secrets if s.path]
    secrets += [(i.path, i.name) for i in intent.internals]
    secrets += [(f"{FOLDER}/", "the ledger's copy")]
    power = {name: changes(grants, secrets) for name, grants in census.policies.items()}
    power["root"] = ("everything",)
    people = {p for o in intent.platform.operators for p in o.policies}
    expected = set(_expected(world))
    strange = [
        f"policy {name} changes {_short(what)}" + names(_holders(census, name))
        for name, what in sorted(power.items())
        if what and name not in expected | people | {"root"}
    ]
    strange += [
        f"{holder}{_how(holder)} holds {', '.join(sorted(found))}"
        for holder in census.holders
        if (found := {p for p in holder.policies if p not in people} & (expected | {"root"}))
        and not _is_ours(holder, world)
    ]
    strange += [
        f"{holder} gives {', '.join(sorted(found))} to every account"
        for holder in census.holders
        if (found := {p for p in holder.policies if power.get(p)}) and _is_for_all(holder)
    ]
    seen = f"declared: role {RUN_ROLE} (up), policy {CONFIGURE_POLICY} (up, for one change)"
    seen += "".join(f", policy pusher-{name} (PushSecret)" for name in sorted(intent.pushing_namespaces))
    seen += "".join(f", policy {p} (operators)" for p in sorted(people))
    harmless = sorted(n for n, what in power.items() if not what and n not in expected | {"default"})
    seen += f"; without power over a secret of ours: policy {', '.join(harmless)}" if harmless else ""
    return _verdict(f"{seen}; cannot be seen: {UNSEEN}", strange, census, HINT)


@claim(
    "vault-grants",
    "INV6",
    "our policies, roles and entities in Vault grant what `up` writes, and no more",
    reads="the text of `bootstrap-run`, `bootstrap-snapshot`, `bootstrap-snapshot-job`, `bootstrap-configure`, "
    "`vault-renewer-*`, `reader-*` and `pusher-*`, our roles, the entities `ns-*` with their aliases and groups, "
    "the settings of the logins, the roles of certificates, the key with which Vault countersigns, and the keys "
    "by which Vault's pods log in, beside those that the API server shows",
    unseen="how a mount or a login is tuned besides",
)
def vault_grants(world: World) -> Verdict:
    census = Census(world)
    wider = []
    for name, text in _expected(world).items():
        more = _more(census.policies.get(name, ()), read_policy(name, text.encode()))
        wider += [f"policy {name} allows {', '.join(more)}"] if more else []
    for name in sorted(census.policies):
        if name.startswith(("reader-", "pusher-")) and name not in _expected(world):
            wider += [f"policy {name} is of no namespace of the catalog"] if census.policies[name] else []
    accessor, groups = census.accessor("kubernetes"), census.groups
    wider += [why for holder in census.holders for why in _wider(holder, world, accessor, groups)]
    wider += wider_logins(world, census)
    wider += [f"{path} is not as declared" for path in _otherwise(world, census)]
    there = len(_expected(world).keys() & census.policies.keys())
    seen = f"{there} policies, {len(_roles(world)) + len(world.session.pods)} roles"
    return _verdict(seen, wider, census, "`bootstrap up` writes ours as declared; find out who changed them")


def _otherwise(world: World, census: Census) -> Iterator[str]:
    """Roles and settings that `up` would write anew. What policies grant, and who is given them, is compared by itself:
    less is no harm; an audit device is the matter of ``audit``. EvidenceError E_COUNTERSIGN for a key that may have
    left Vault."""
    live_key(world.session.call)
    for leaf in every_leaf(world):
        if isinstance(leaf, Fields) and not leaf.path.startswith(BY_ITSELF):
            found = census.read(leaf.path)
            if found is not None and found.ok and not agrees(found, leaf.body):
                yield leaf.path


def _verdict(seen: str, strange: Sequence[str], census: Census, hint: str) -> Verdict:
    seen += f"; not declared: {'; '.join(strange)}" if strange else ""
    seen += f"; not looked into: {', '.join(census.opaque)}" if census.opaque else ""
    if census.unread:
        seen += f"; no right to read {', '.join(sorted(set(census.unread)))} ({UPGRADE})"
    if strange:
        return Verdict(State.BROKEN, seen, hint)
    if census.unread or census.opaque:
        return Verdict(State.LEFT_OUT, seen)
    return Verdict(State.HOLDS, seen)


def _expected(world: World) -> dict[str, str]:
    """Policy to its text, as `up` writes it."""
    found = {RUN_POLICY: RUN, CONFIGURE_POLICY: CONFIGURE, SNAPSHOT_POLICY: saver(world.intent.saved_paths)}
    found |= {
        renewer(pod): renewing(pod) for pod in pod_names(MOST)
    }  # a smaller platform keeps those of before
    if world.intent.platform.snapshots is not None:
        found[JOB_POLICY] = job(world.intent.job_paths)
    found |= {f"reader-{ns}": reader(paths) for ns, paths in world.intent.reading_namespaces.items()}
    return found | {f"pusher-{ns}": pusher(paths) for ns, paths in world.intent.pushing_namespaces.items()}


def _more(live: Sequence[Grant], wanted: Sequence[Grant]) -> list[str]:
    """What a policy grants beyond ``wanted``; an older text that grants less is no harm."""
    allowed = {grant.path: grant.capabilities for grant in wanted}
    found = []
    for grant in live:
        extra = grant.capabilities - allowed.get(grant.path, frozenset()) - {"deny"}
        found += [f"{'/'.join(sorted(extra))} {grant.path}"] if extra else []
    return found


def _is_ours(holder: Holder, world: World) -> bool:
    """Those that hold our policies as `up` makes it; what else they have is judged by ``vault-grants``."""
    if holder.kind == "role":
        return holder.name in _roles(world) or holder.name.startswith(f"auth/{POD_LOGIN}/")
    if holder.kind == "entity":
        return holder.name in {f"ns-{name}" for name in _namespaces(world)}
    return holder.kind == "token" and _is_given(holder)


def _is_given(token: Holder) -> bool:
    """By a login, of which roles and entities say whom it lets in. One with root, or that configures, is the matter of
    ``no-root``."""
    made = token.policies & {"root", CONFIGURE_POLICY}
    return bool(made) or str(token.about.get("path") or "").endswith("/login")


def _how(holder: Holder) -> str:
    return ", which no login gave," if holder.kind == "token" else ""


def _is_for_all(holder: Holder) -> bool:
    bound = ("bound_service_account_names", "bound_service_account_namespaces")
    return all("*" in (holder.about.get(each) or ()) for each in bound)


def _roles(world: World) -> dict[str, tuple[str, set[str], set[str]]]:
    """Our roles of the login of Kubernetes: the account that may log in, from which namespaces, and the policies that
    it gets."""
    return {
        RUN_ROLE: (RUN_ACCOUNT, {SYSTEM_NAMESPACE}, {RUN_POLICY}),
        SNAPSHOT_ROLE: (SNAPSHOT_ACCOUNT, {SYSTEM_NAMESPACE}, {SNAPSHOT_POLICY}),
        JOB_ROLE: (JOB_ACCOUNT, {SYSTEM_NAMESPACE}, {JOB_POLICY}),
        READER_ROLE: (READER_ACCOUNT, _namespaces(world), set()),
    }


def _namespaces(world: World) -> set[str]:
    return {*world.intent.reading_namespaces, *world.intent.pushing_namespaces}


def _wider(holder: Holder, world: World, accessor: str, groups: Mapping[str, set[str]]) -> Iterator[str]:
    about = holder.about
    if holder.kind == "role" and (ours := _roles(world).get(holder.name)):
        account, places, policies = ours
        more = set(about.get("bound_service_account_names") or ()) - {account}
        more |= set(about.get("bound_service_account_namespaces") or ()) - places
        more |= holder.policies - policies
        more |= {"namespaces by label"} if about.get("bound_service_account_namespace_selector") else set()
        if more:
            yield f"role {holder.name} is given to, or gives, {', '.join(sorted(more))}"
    if holder.kind == "entity" and holder.name.startswith("ns-"):
        name = holder.name.removeprefix("ns-")
        if name not in _namespaces(world):
            return
        wider = holder.policies - {f"reader-{name}", f"pusher-{name}"}
        own = (f"{name}/{READER_ACCOUNT}", accessor)
        found = {(str(a.get("name")), str(a.get("mount_accessor"))) for a in about.get("aliases") or ()}
        more = {f"alias {alias}" for alias, _ in found - {own}}
        more |= {f"group {group}" for group in groups.get(str(about.get("id")), ())}
        if wider or more:
            yield f"entity {holder.name} has {', '.join(sorted(wider | more))}"


def _holders(census: Census, policy: str) -> Iterator[str]:
    found = [str(h) if h.kind != "token" else "a live token" for h in census.holders if policy in h.policies]
    yield from sorted(set(found))


def _short(what: Sequence[str]) -> str:
    return ", ".join(what[:4]) + (f" and {len(what) - 4} more" if len(what) > 4 else "")
