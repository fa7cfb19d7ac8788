"""Vault's nodes as they stand on a finished platform, without the road there: for what asks of them alone."""

from pysequoia import Cert, encrypt

from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.layout import ESCROW
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import SYSTEM_NAMESPACE, labels, namespace
from bootstrap.steps.vault.escrow import Escrow
from bootstrap.steps.vault.init_window import Slots, WindowStore
from bootstrap.steps.vault.objects import base_objects, pod_names, stateful_set
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.vault import Store

SHARE = "5" * 64
KEY = Ref("v1", "Secret", "vault-unseal-1", "vault")
KEYS = (KEY.name, "vault-unseal-2")  # what each unsealer reads


def nodes(platform: SimulatedPlatform, *holding: int) -> Store:
    """Three, of which these hold the store of the three; their unsealers have its share."""
    spec = platform.world().intent.platform.vault
    for each in (namespace("vault", {}), namespace(SYSTEM_NAMESPACE, {})):
        platform.cluster.create(each)
    meta = {"name": KEY.name, "namespace": KEY.namespace, "labels": labels("unseal-key")}
    unseal: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "immutable": True}
    platform.cluster.create({**unseal, "data": {"key": Sensitive(SHARE.encode(), "key")}})
    for obj in base_objects(spec, pod_names(3)):
        platform.cluster.apply(obj)
    platform.cluster.apply(stateful_set(spec, replicas=3, tls_secret="vault-tls", unseal_secrets=KEYS))
    store = Store(SHARE, "a-cluster", voters=set(pod_names(3)))
    platform.vault.stores |= {claim(platform, number): store for number in holding}
    return store


def claim(platform: SimulatedPlatform, number: int) -> str:
    """The UID of a node's data claim."""
    live = platform.cluster.get(Ref("v1", "PersistentVolumeClaim", f"data-vault-{number}", "vault"))
    assert live is not None
    return str(live["metadata"]["uid"])


def sealed_to_root(platform: SimulatedPlatform, share: str) -> Sensitive:
    """The share as a ciphertext to the unseal key."""
    key = Cert.from_bytes(platform.world().material.unseal_key().certificate)
    return Sensitive(bytes(encrypt(share.encode(), recipients=[key], armor=False)), "share ciphertext")


def proven(platform: SimulatedPlatform) -> Store:
    """All three hold it, and its key is proven: window, slot, and the escrow outside the cluster."""
    store, world, ciphertext = nodes(platform, 0, 1, 2), platform.world(), sealed_to_root(platform, SHARE)
    volume, uid = claim(platform, 0), platform.cluster.uid()
    window = Window(
        attempt=1, nonce="ab", phase=WindowPhase.VERIFIED, volume=volume, cluster_id=store.cluster_id
    )
    WindowStore(platform.cluster).create(window)
    Slots(platform.cluster, volume).write(Slots.SHARE, ciphertext)
    escrow = Escrow(uid, volume, world.material.unseal_key().fingerprint, ciphertext)
    world.records.write(uid, ESCROW, escrow.to_bytes())
    assert all((status := platform.vault.seal_status(pod)) and not status.sealed for pod in pod_names(3))
    return store
