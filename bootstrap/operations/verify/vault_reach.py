"""What a Vault policy lets its bearer change: a secret of the catalog, or who may change one (INV6).

As Vault judges a request: of the paths of one policy that match, the most specific one counts.
Source: developer.hashicorp.com/vault/docs/concepts/policies, "Policy syntax" (priority matching).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from bootstrap.intent.hcl import Grant
from bootstrap.steps.context.names import (
    KV_MOUNT,
    PKI_MOUNT,
    POD_LOGIN,
    READER_ROLE,
    RUN_ROLE,
    TRANSIT_KEY,
    TRANSIT_MOUNT,
)

WRITES = frozenset({"create", "update", "patch", "delete"})
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
# What changes who may do what; a grant to write at, above or below one of them is a grant of everything.
CONTROL = {
    "sys/policies/acl/": "policies",
    "sys/policy/": "policies",
    "sys/raw/": "raw storage",
    "sys/mounts/secret": "the mount of the secrets",
    f"sys/mounts/{TRANSIT_MOUNT}": "the mount of Vault's own key",
    f"{TRANSIT_MOUNT}/keys/": "the key with which Vault countersigns",
    f"{TRANSIT_MOUNT}/sign/{TRANSIT_KEY}": "what Vault has signed",
    "sys/remount": "mounts",
    "sys/auth/": "logins",
    "sys/storage/raft/snapshot": "the whole storage",
    "auth/kubernetes/config": "the login of Kubernetes",
    f"auth/{POD_LOGIN}/": "the login of Vault's pods",
    f"auth/kubernetes/role/{RUN_ROLE}": "the run's role",
    f"auth/kubernetes/role/{READER_ROLE}": "the readers' role",
    f"{PKI_MOUNT}/intermediate/": "the CA of Vault's certificates",
    f"{PKI_MOUNT}/roles/": "the names in Vault's certificates",
    "auth/token/roles/": "token roles",
    "identity/entity/": "entities",
    "identity/entity-alias": "aliases of entities",
    "identity/group/": "groups",
    "identity/group-alias": "aliases of groups",
}


def changes(grants: Sequence[Grant], secrets: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """In words what the bearer changes; ``secrets`` are (path, name)."""
    if not any(grant.capabilities & WRITES for grant in grants):
        return ()
    return (*sorted({name for path, name in secrets if writes(grants, path)}), *_control(grants))


def writes(grants: Sequence[Grant], path: str) -> bool:
    """Whether the secret at ``path`` can be written, taken away, or brought back to an older version's state."""
    return any(
        _allowed(grants, f"{KV_MOUNT}/{kind}/{path}") & WRITES
        for kind in ("data", "metadata", "delete", "undelete", "destroy")
    )


def _control(grants: Sequence[Grant]) -> Iterator[str]:
    found = {what for grant in grants for path, what in CONTROL.items() if _touches(grants, grant, path)}
    yield from sorted(found)


def _touches(grants: Sequence[Grant], grant: Grant, path: str) -> bool:
    if not grant.capabilities & WRITES:
        return False
    pattern = plain(grant.path)
    below = path.endswith("/") and pattern.startswith(path) and pattern != path.rstrip("/")
    probe = f"{path}probe" if path.endswith("/") else path
    return below or bool(_matches(pattern, probe) and _allowed(grants, probe) & WRITES)


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
