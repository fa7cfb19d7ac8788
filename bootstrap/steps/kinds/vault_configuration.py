"""Configuration as code, under the run's identity: KV v2 at ``secret/``, policies and identities per namespace.

One role serves every namespace; what a namespace may do comes from its own entity, whose alias is
``NAMESPACE/external-secrets`` (D2, D6, S3).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.plan import Step
from bootstrap.steps.context.names import KV_MOUNT, READER_ACCOUNT, READER_ROLE
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.run_policy import pusher, reader


@dataclass(frozen=True, slots=True)
class Wish:
    """One leaf of the configuration: a path and the fields that it must have."""

    path: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Observation:
    mounted: bool
    changed: tuple[Wish, ...]
    unaliased: tuple[str, ...]  # namespaces whose entity has no alias yet


class VaultConfiguration:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.reading = world.intent.reading_namespaces
        self.pushing = world.intent.pushing_namespaces
        self.namespaces = tuple(sorted({*self.reading, *self.pushing}))

    def observe(self) -> Observation:
        session = self.world.session
        mounted = f"{KV_MOUNT}/" in granted(session.read("sys/mounts"), "sys/mounts").data
        changed = tuple(wish for wish in self._wishes() if self._differs(wish))
        unaliased = tuple(ns for ns in self.namespaces if not self._aliased(ns))
        return Observation(mounted, changed, unaliased)

    def decide(self, seen: Observation) -> Decision:
        changes = [] if seen.mounted else [f"mount KV v2 at {KV_MOUNT}/"]
        changes += [f"write {wish.path}" for wish in seen.changed]
        changes += [f"alias {ns}/{READER_ACCOUNT}" for ns in seen.unaliased]
        if changes:
            return Act("configure Vault", tuple(changes))
        return Satisfied(f"KV v2 at {KV_MOUNT}/, {len(self.namespaces)} namespaces with their own policies")

    def act(self, seen: Observation) -> None:
        session = self.world.session
        if not seen.mounted:
            body = {"type": "kv", "options": {"version": "2"}}
            granted(session.call("POST", f"sys/mounts/{KV_MOUNT}", body), f"mount {KV_MOUNT}/")
            self.world.wait("KV v2 is ready", lambda: session.read(f"{KV_MOUNT}/config").ok, seconds=60)
        for wish in seen.changed:
            granted(session.call("POST", wish.path, wish.body), wish.path)
        if seen.unaliased:
            # A node that lags may not know the mount yet, so one look is not enough.
            accessor = self.world.wait("auth mount kubernetes/ is listed", self._accessor, seconds=60)
            for ns in seen.unaliased:
                entity = granted(session.read(f"identity/entity/name/ns-{ns}"), f"entity ns-{ns}").data["id"]
                alias = {"name": f"{ns}/{READER_ACCOUNT}", "canonical_id": entity, "mount_accessor": accessor}
                granted(session.call("POST", "identity/entity-alias", alias), f"alias {ns}/{READER_ACCOUNT}")

    def _accessor(self) -> str:
        mounted = granted(self.world.session.read("sys/auth"), "sys/auth").data
        return str(mounted.get("kubernetes/", {}).get("accessor", ""))

    def _wishes(self) -> Iterator[Wish]:
        for ns, paths in self.reading.items():
            yield Wish(f"sys/policies/acl/reader-{ns}", {"policy": reader(paths)})
        for ns, paths in self.pushing.items():
            yield Wish(f"sys/policies/acl/pusher-{ns}", {"policy": pusher(paths)})
        for ns in self.namespaces:
            policies = [f"reader-{ns}"] * (ns in self.reading) + [f"pusher-{ns}"] * (ns in self.pushing)
            yield Wish(f"identity/entity/name/ns-{ns}", {"policies": policies})
        if self.namespaces:
            yield Wish(f"auth/kubernetes/role/{READER_ROLE}", self._role())

    def _role(self) -> dict[str, Any]:
        return {
            "bound_service_account_names": [READER_ACCOUNT],
            "bound_service_account_namespaces": list(self.namespaces),
            "alias_name_source": "serviceaccount_name",
            "audience": "vault",
            "token_ttl": 900,
            "token_explicit_max_ttl": 3600,
            "token_no_default_policy": True,
            "token_type": "service",
        }

    def _differs(self, wish: Wish) -> bool:
        answer = self.world.session.read(wish.path)
        if not answer.ok:
            return True
        return any(_plain(answer.data.get(name)) != _plain(value) for name, value in wish.body.items())

    def _aliased(self, ns: str) -> bool:
        answer = self.world.session.read(f"identity/entity/name/ns-{ns}")
        aliases = (answer.data.get("aliases") or ()) if answer.ok else ()
        return any(a.get("name") == f"{ns}/{READER_ACCOUNT}" for a in aliases)


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple) else value
