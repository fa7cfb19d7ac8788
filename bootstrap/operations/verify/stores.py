"""ExternalSecrets and PushSecrets of any owner: which of them reach our paths in Vault, by which store (INV5, INV6)."""

from collections.abc import Iterator, Mapping
from posixpath import normpath
from typing import Any
from urllib.parse import urlsplit

from bootstrap.model.catalog import Intent
from bootstrap.model.names import kv_path
from bootstrap.ports import Object
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import KV_MOUNT, STORE
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.external_secret_objects import external_secrets, published

# Kind to the field that is the spec of one; of a namespace the spec is that itself.
EXTERNALS = {
    ("external-secrets.io/v1", "ExternalSecret"): "",
    ("external-secrets.io/v1", "ClusterExternalSecret"): "externalSecretSpec",
}
PUSHES = {
    ("external-secrets.io/v1alpha1", "PushSecret"): "",
    ("external-secrets.io/v1alpha1", "ClusterPushSecret"): "pushSecretSpec",
}
GENERATOR = ("generators.external-secrets.io/v1alpha1", "VaultDynamicSecret")
STORES = (("external-secrets.io/v1", "ClusterSecretStore"), ("external-secrets.io/v1", "SecretStore"))
OURS = ("platform-data", "platform-config", "bootstrap")  # prefixes that are ours alone
ANY = "*"


def paths(intent: Intent) -> frozenset[str]:
    """Every path below ``secret/`` that the catalog names."""
    return frozenset(filter(None, (*(s.path for s in intent.secrets), *(i.path for i in intent.internals))))


def derived(intent: Intent) -> Iterator[Object]:
    """Every ExternalSecret and PushSecret of the catalog."""
    yield from external_secrets(intent)
    for _, push, readers in published(intent):
        yield from (push, *readers)


class Foreign:
    """What others ask of our Vault. WorldError E_KUBE_DENIED without the right to list everywhere."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._paths = paths(world.intent)
        self._declared = {ref_of(obj) for obj in derived(world.intent)}
        listed = [obj for kind in STORES for obj in world.cluster.list(*kind)]
        self._stores = {
            (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): within
            for o in listed
            if (within := _reaches(o, world.intent.platform.vault.namespace)) is not None
        }

    def readers(self) -> Iterator[str]:
        for obj, spec in self._others(EXTERNALS):
            asked = (_below(w, path) for store, path in _asked(spec) for w in self._within(obj, store))
            if hit := sorted({p for path in asked if (p := self._hit(path))}):
                yield f"{ref_of(obj)} reads {', '.join(hit)}"
        for obj in self._world.cluster.list(*GENERATOR):
            spec = obj.get("spec") or {}
            place = obj["metadata"].get("namespace", "")
            ours = self._is_ours(str((spec.get("provider") or {}).get("server") or ""), place)
            if ours and (path := self._hit(str(spec.get("path") or ""))):
                yield f"{ref_of(obj)} reads {path}"

    def pushers(self) -> Iterator[str]:
        for obj, spec in self._others(PUSHES):
            # By labels or by name, in this namespace or of the cluster: any store of ours will do.
            within = {w for store in spec.get("secretStoreRefs") or () for w in self._within(obj, store)}
            keys = [
                str(((d.get("match") or {}).get("remoteRef") or {}).get("remoteKey") or "")
                for d in spec.get("data") or ()
            ]
            keys += [ANY] if spec.get("dataTo") else []
            if hit := sorted({p for w in within for path in keys if (p := self._hit(_below(w, path)))}):
                yield f"{ref_of(obj)} writes {', '.join(hit)}"

    def _others(self, kinds: Mapping[tuple[str, str], str]) -> Iterator[tuple[Object, Mapping[str, Any]]]:
        """What is not declared, with what it asks for."""
        for kind, inner in kinds.items():
            for obj in self._world.cluster.list(*kind):
                spec = obj.get("spec") or {}
                if ref_of(obj) not in self._declared:
                    yield obj, (spec.get(inner) or {}) if inner else spec

    def _within(self, obj: Object, store: Mapping[str, Any]) -> set[str]:
        """Where below our mount that store, or each that its labels may choose, begins; none for what is not ours. What
        is of the whole cluster finds a store in any namespace."""
        kind = store.get("kind") or "SecretStore"
        place = obj["metadata"].get("namespace") if kind == "SecretStore" else ""
        return {
            within
            for (k, p, name), within in self._stores.items()
            if k == kind and place in (None, p) and store.get("name", name) == name
        }

    def _is_ours(self, server: str, place: str) -> bool:
        return _names(server, self._world.intent.platform.vault.namespace, place)

    def _hit(self, path: str) -> str:
        """The path as it is named, where it is one of ours; empty otherwise."""
        if path.endswith(ANY):
            return "whatever it finds"
        plain = kv_path(path)
        return plain if plain in self._paths or plain.partition("/")[0] in OURS else ""


def _below(within: str, path: str) -> str:
    return ANY if within == ANY else f"{within}{path}"


def _reaches(store: Object, namespace: str) -> str | None:
    """Where below our mount a store begins that names our Vault: ours by its name, any other by the address of our
    Service or of a pod. None for what does not. One that asks as for a web page may reach whatever there is."""
    if store["kind"] == "ClusterSecretStore" and store["metadata"]["name"] == STORE:
        return ""
    provider = (store.get("spec") or {}).get("provider") or {}
    place = store["metadata"].get("namespace", "")
    if _names(str((provider.get("webhook") or {}).get("url") or ""), namespace, place):
        return ANY
    vault = provider.get("vault") or {}
    mount, _, below = normpath(f"/{vault.get('path') or KV_MOUNT}").strip("/").partition("/")
    if mount != KV_MOUNT or not _names(str(vault.get("server") or ""), namespace, place):
        return None
    return f"{below}/" if below else ""


def _names(address: str, namespace: str, place: str) -> bool:
    """Whether an address is that of our Vault's Service or of a pod, as it is called in namespace ``place``."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    first, _, rest = host.partition(".")
    if first != "vault" and not first.startswith("vault-"):
        return False
    inside = rest.removeprefix("vault-internal.").split(".")
    return inside[0] == namespace or (inside == [""] and place == namespace)


def _asked(spec: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Each remote key that an ExternalSecret names, with the store that it asks; ``find`` asks for any."""
    usual = spec.get("secretStoreRef") or {}
    for each in (*(spec.get("data") or ()), *(spec.get("dataFrom") or ())):
        store = (each.get("sourceRef") or {}).get("storeRef") or usual
        if "generatorRef" in (each.get("sourceRef") or {}):
            continue
        if "find" in each:
            yield store, ANY
        key = (each.get("remoteRef") or each.get("extract") or {}).get("key")
        if key:
            yield store, str(key)
