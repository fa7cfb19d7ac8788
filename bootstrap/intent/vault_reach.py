"""What a Vault policy lets its bearer change: a secret of the catalog, or who may change one (INV4, INV6).

As Vault judges a request: of the paths of one policy that match, the most specific one counts.
Source: developer.hashicorp.com/vault/docs/concepts/policies, "Policy syntax" (priority matching).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from bootstrap.intent.hcl import Grant
from bootstrap.model.names import KV_MOUNT, PKI_MOUNT, POD_LOGIN, TRANSIT_KEY, TRANSIT_MOUNT

WRITES = frozenset({"create", "update", "patch", "delete", "recover"})
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_ANY = "\ud800"  # a name that no policy can spell: what matches it matches every name
_DEEPEST = 8  # segments of a secret's path that are tried
# What changes who may do what; a grant to write there is a grant of everything. A path with ``/`` at its end stands
# for itself and for all below it, ``+`` for one segment.
CONTROL = {
    "sys/policies/acl/": "policies",
    "sys/policy/": "policies",
    "sys/raw/": "raw storage",
    "sys/mounts/secret/": "the mount of the secrets",
    f"sys/mounts/{TRANSIT_MOUNT}/": "the mount of Vault's own key",
    f"{TRANSIT_MOUNT}/keys/": "the key with which Vault countersigns",
    f"{TRANSIT_MOUNT}/restore/": "the key with which Vault countersigns",
    f"{TRANSIT_MOUNT}/sign/{TRANSIT_KEY}/": "what Vault has signed",
    f"sys/mounts/{PKI_MOUNT}/": "the mount of Vault's certificates",
    f"{KV_MOUNT}/config": "how versions are kept",
    "sys/remount": "mounts",
    "sys/plugins/catalog/": "plugins",
    "sys/audit/": "audit devices",  # one writes a file of the caller's choice on Vault's machine
    "sys/auth/": "logins",
    "sys/storage/raft/snapshot": "the whole storage",
    "sys/storage/raft/snapshot-force": "the whole storage",
    "sys/generate-root/": "the root token",
    "sys/rekey/": "the unseal key",
    "sys/rekey-recovery-key/": "the unseal key",
    "auth/+/config/": "whom a login believes",
    f"auth/{POD_LOGIN}/": "the login of Vault's pods",
    # Who defines one of these gives it any policy, the configuring one too. A secret id is none of them.
    "auth/+/role/+": "which policies a login gives",
    "auth/+/role/+/policies": "which policies a login gives",
    "auth/+/users/+": "which policies a login gives",
    "auth/+/users/+/policies": "which policies a login gives",
    "auth/+/groups/+": "which policies a login gives",
    "auth/+/certs/+": "which policies a login gives",
    "auth/+/map/": "which policies a login gives",
    f"{PKI_MOUNT}/": "certificates of Vault",
    "auth/token/roles/": "token roles",
    "identity/entity/": "entities",
    "identity/entity-alias/": "aliases of entities",
    "identity/alias/": "aliases of entities",  # the older name, which Vault still answers
    "identity/group/": "groups",
    "identity/group-alias/": "aliases of groups",
}
# The same where ``sudo`` is granted too: without it a token has no policy that its maker has not.
WITH_SUDO = {
    "auth/token/create": "tokens of any policy",
    "auth/token/create-orphan": "tokens of any policy",
}


def changes(grants: Sequence[Grant], secrets: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """In words what the bearer changes; ``secrets`` are (path, name), of a folder with ``/`` at its end."""
    if not any(grant.capabilities & WRITES for grant in grants):
        return ()
    return (*sorted({name for path, name in secrets if writes(grants, path)}), *control(grants))


def writes(grants: Sequence[Grant], path: str) -> bool:
    """Whether the secret at ``path`` can be written, taken away, or brought back to an older version's state."""
    kinds = ("data", "metadata", "delete", "undelete", "destroy")
    if path.endswith("/"):
        return any(_touches(grants, grant, f"{KV_MOUNT}/{kind}/{path}") for grant in grants for kind in kinds)
    return any(_allowed(grants, f"{KV_MOUNT}/{kind}/{path}") & WRITES for kind in kinds)


def control(grants: Sequence[Grant]) -> Iterator[str]:
    """What of ``CONTROL`` the bearer can write."""
    found = {what for grant in grants for path, what in CONTROL.items() if _touches(grants, grant, path)}
    able = [grant for grant in grants if "sudo" in grant.capabilities]
    found |= {what for grant in able for path, what in WITH_SUDO.items() if _touches(grants, grant, path)}
    yield from sorted(found)


def reads_all(grant: Grant) -> bool:
    """Whether one block reaches every secret of some depth. A template stands for one name for each bearer."""
    deny = grant.capabilities <= {"deny"}
    pattern = plain(grant.path) if grant.path.startswith("{{") else grant.path
    depths = ("/".join([_ANY] * count) for count in range(1, _DEEPEST + 1))
    return not deny and any(_matches(pattern, f"{KV_MOUNT}/data/{path}") for path in depths)


def _touches(grants: Sequence[Grant], grant: Grant, path: str) -> bool:
    if not grant.capabilities & WRITES:
        return False
    pattern = plain(grant.path)
    return any(
        _matches(pattern, probe) and bool(_allowed(grants, probe) & WRITES) for probe in _met(pattern, path)
    )


def _met(pattern: str, path: str) -> Iterator[str]:
    """Where a grant and a place of ``CONTROL`` could meet: what the place leaves open is called as the grant has it,
    what both leave open by a name that no denial spells."""
    given = _named(pattern)
    wanted = path.rstrip("/").split("/")
    here = [name if name != "+" else given[at] if at < len(given) else _ANY for at, name in enumerate(wanted)]
    yield "/".join(here)
    if path.endswith("/"):
        yield "/".join([*here, *(given[len(wanted) :] or [_ANY])])


def _named(pattern: str) -> list[str]:
    filled = pattern.removesuffix("*") + (_ANY if pattern.endswith("*") else "")
    return filled.replace("+", _ANY).split("/")


def _allowed(grants: Sequence[Grant], path: str) -> frozenset[str]:
    """The capabilities of the most specific of the paths that match; those of equal paths add up, denying wins."""
    found = [(pattern, g.capabilities) for g in grants if _matches(pattern := plain(g.path), path)]
    if not found:
        return frozenset()
    best = max(found, key=lambda each: _specific(each[0]))[0]
    capabilities = frozenset().union(*(c for pattern, c in found if pattern == best))
    return frozenset() if "deny" in capabilities else capabilities


@cache
def plain(path: str) -> str:
    """A template stands for whatever it may become."""
    return _TEMPLATE.sub("+", path)


def _specific(pattern: str) -> tuple[int, bool, int, int, str]:
    """Higher is more specific: the first wildcard later, no ``*`` at the end, fewer ``+``, longer, greater."""
    ends = pattern.endswith("*")
    first = min(
        (at for at in (pattern.find("+"), len(pattern) - 1 if ends else -1) if at >= 0), default=1 << 30
    )
    return first, not ends, -pattern.count("+"), len(pattern), pattern


def _matches(pattern: str, path: str) -> bool:
    return _compiled(pattern).fullmatch(path) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    glob = pattern.endswith("*")
    body = pattern.removesuffix("*")
    segments = "/".join(
        "[^/]+" if s == "+" else re.escape(s).replace(r"\+", "[^/]*") for s in body.split("/")
    )
    return re.compile(segments + (".*" if glob else ""), re.DOTALL)
