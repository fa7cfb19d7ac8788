"""What a finished handover leaves in a cluster besides Vault and the ledger: enough to ask before starting anew."""

from collections.abc import Iterator

from bootstrap.model.layout import ESCROW
from bootstrap.ports import Ref
from bootstrap.steps.context.admission import API
from bootstrap.steps.context.names import MANAGED_BY, STORE, is_ours
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.admission import POLICY
from bootstrap.steps.vault.escrow import kept_outside
from bootstrap.steps.vault.presence import VOLUMES, volumes_of_vault
from bootstrap.steps.vault.serving_secrets import foreign, tls_ref, unseal_ref

UNSEEN = "PersistentVolumes may not be listed, so none that a lost Vault left would be seen"
DERIVED = (("external-secrets.io/v1", "ExternalSecret"), ("external-secrets.io/v1alpha1", "PushSecret"))


def traces(world: World) -> tuple[str, ...]:
    """Each object in words, in the order in which they are worth looking at."""
    return (*_objects(world), *_derived(world), *_volumes(world), *_escrow(world))


def left_of_a_platform(world: World) -> tuple[str, ...]:
    """The same without what lies outside the cluster."""
    return (*_objects(world), *_derived(world), *_volumes(world))


def unseen(world: World) -> str:
    """What could not be looked for; empty where everything was."""
    return UNSEEN if world.cluster.missing((VOLUMES,)) else ""


def _objects(world: World) -> Iterator[str]:
    refs = (
        Ref(API, "ValidatingAdmissionPolicy", POLICY),
        Ref("external-secrets.io/v1", "ClusterSecretStore", STORE),
    )
    for ref in refs:
        live = world.cluster.get(ref)
        if live is not None and is_ours(live):
            yield str(ref)
    for ref in (tls_ref(world), unseal_ref(world)):
        if world.cluster.get(ref) is not None and not foreign(world, ref):
            yield str(ref)


def _derived(world: World) -> Iterator[str]:
    intent = world.intent
    for api, kind in DERIVED:
        namespaces = intent.pushing_namespaces if kind == "PushSecret" else intent.reading_namespaces
        for namespace in namespaces:
            for live in world.cluster.list(api, kind, namespace, f"{MANAGED_BY}=bootstrap"):
                yield f"{kind} {namespace}/{live['metadata']['name']}"


def _volumes(world: World) -> Iterator[str]:
    """Volumes that were bound to Vault's data claims, and that their class keeps."""
    for live in volumes_of_vault(world):
        phase = (live.get("status") or {}).get("phase", "")
        yield f"PersistentVolume {live['metadata']['name']} of {live['spec']['claimRef']['name']}" + (
            f" ({phase})" if phase else ""
        )


def _escrow(world: World) -> Iterator[str]:
    if kept_outside(world):
        yield f"records/{world.cluster.uid()}/{ESCROW}"
