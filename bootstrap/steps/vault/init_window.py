"""The init window in the cluster: one ConfigMap, changed by compare-and-swap only, and the create-only slots."""

from contextlib import suppress

from bootstrap.model.errors import UnknownOutcome, WorldError
from bootstrap.model.init_window import Window
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Cluster, Object, Ref, Refused
from bootstrap.steps.context.names import SYSTEM_NAMESPACE, WINDOW, labels
from bootstrap.steps.context.outcome import expect

REF = Ref("v1", "ConfigMap", WINDOW, SYSTEM_NAMESPACE)
REBUILT = "rebuilt"  # a window's facts, where it was made again from the escrow


class WindowStore:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def read(self) -> Window | None:
        found = self.cluster.get(REF)
        return Window.from_data(found["data"]) if found else None

    def create(self, window: Window) -> Window:
        """The window that is there afterwards: ours, or that of a faster run."""
        with suppress(UnknownOutcome):  # the read below tells
            self.cluster.create(self._object(window))
        found = self.read()
        if found is None:
            raise WorldError("the init window could not be created", code="E_WINDOW", where=str(REF))
        return found

    def swap(self, before: Window, after: Window) -> bool:
        """True when the window went from ``before`` to ``after`` by this very call."""
        found = self.cluster.get(REF)
        if found is None or Window.from_data(found["data"]) != before:
            return False
        obj = self._object(after)
        obj["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
        # UnknownOutcome leaves here: a caller that cannot know whether it swapped must not act on it.
        return not isinstance(self.cluster.replace(obj), Refused)

    def _object(self, window: Window) -> Object:
        meta = {"name": WINDOW, "namespace": SYSTEM_NAMESPACE, "labels": labels("init-window")}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": window.to_data()}


def slot_ref(volume: str, part: str) -> Ref:
    """Slots are named by the volume whose store they open, so a slot can never be taken for another's."""
    return Ref("v1", "Secret", f"vault-slot-{volume}-{part}", SYSTEM_NAMESPACE)


class Slots:
    """Ciphertexts of one volume's share and root token. Written once, never changed (immutable Secrets)."""

    SHARE, ROOT = "share", "root"

    def __init__(self, cluster: Cluster, volume: str) -> None:
        self.cluster = cluster
        self.volume = volume

    def read(self, part: str) -> Sensitive | None:
        """An OpenPGP message to the unseal key. It is ciphertext; the type keeps it out of logs all the same."""
        found = self.cluster.get(slot_ref(self.volume, part))
        return found["data"]["ciphertext"] if found else None

    def both(self) -> bool:
        return bool(self.volume) and all(self.read(p) is not None for p in (self.SHARE, self.ROOT))

    def write(self, part: str, ciphertext: Sensitive) -> None:
        ref = slot_ref(self.volume, part)
        with suppress(UnknownOutcome):  # the read below tells
            expect(self.cluster.create(self._object(ref, ciphertext)), ref)
        if self.read(part) != ciphertext:
            raise WorldError("the slot does not hold what was written", code="E_SLOT", where=str(ref))

    def remove(self, part: str) -> None:
        found = self.cluster.get(slot_ref(self.volume, part))
        if found is not None:
            expect(
                self.cluster.delete(slot_ref(self.volume, part), uid=found["metadata"]["uid"]),
                slot_ref(self.volume, part),
            )

    def _object(self, ref: Ref, ciphertext: Sensitive) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "immutable": True,
            "metadata": {"name": ref.name, "namespace": ref.namespace, "labels": labels("init-slot")},
            "data": {"ciphertext": ciphertext},
        }
