"""The init window in the cluster: one ConfigMap, changed by compare-and-swap only, and the create-only slots."""

from collections.abc import Mapping
from contextlib import suppress

from bootstrap.model.errors import UnknownOutcome, WorldError
from bootstrap.model.init_window import Window
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Cluster, Object, Ref
from bootstrap.steps.context.names import SYSTEM_NAMESPACE, WINDOW, labels
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.vault.swapped import parsed, swapped

REF = Ref("v1", "ConfigMap", WINDOW, SYSTEM_NAMESPACE)
RESTORED = "restored"  # a window's facts, where a snapshot took the place of the store
REBUILT = "rebuilt"  # a window's facts, where it was made again from the escrow


class WindowStore:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def read(self) -> Window | None:
        found = self.cluster.get(REF)
        return self._parsed(found["data"]) if found else None

    @staticmethod
    def _parsed(data: Mapping[str, str]) -> Window:
        return parsed(data, Window.from_data, REF, "E_WINDOW")

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
        return swapped(self.cluster, self._object(after), lambda data: self._parsed(data) == before)

    def _object(self, window: Window) -> Object:
        meta = {"name": WINDOW, "namespace": SYSTEM_NAMESPACE, "labels": labels("init-window")}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": window.to_data()}


def slot_ref(volume: str, part: str) -> Ref:
    """Slots are named by the volume whose store they open, so a slot can never be taken for another's."""
    return Ref("v1", "Secret", f"vault-slot-{volume}-{part}", SYSTEM_NAMESPACE)


def share_part(generation: int) -> str:
    """The slot of the share of one generation."""
    return Slots.SHARE if generation == 1 else f"{Slots.SHARE}-{generation}"


class Slots:
    """Ciphertexts of one volume's share and root token. Written once, never changed (immutable Secrets)."""

    SHARE, ROOT = "share", "root"

    def __init__(self, cluster: Cluster, volume: str) -> None:
        self.cluster = cluster
        self.volume = volume

    def read(self, part: str) -> Sensitive | None:
        """An OpenPGP message to the unseal key. It is ciphertext; the type keeps it out of logs all the same."""
        found = self.cluster.get(slot_ref(self.volume, part))
        return found["data"].get("ciphertext") if found else None

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
