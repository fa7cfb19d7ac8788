"""A Vault on its way into the serving shape, around that one step: what it looks at and makes, without keys or raft.

A certificate is the text ``POD of CA, due``, where ``due`` stands for one of whose life too little is left.
"""

from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.model.certificates import Certificate
from bootstrap.model.errors import PreconditionError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref, SealStatus
from bootstrap.steps.kinds import vault_serve
from bootstrap.steps.kinds.vault_serve import VaultServe
from bootstrap.steps.vault.init_window import Slots, WindowStore
from bootstrap.steps.vault.objects import stateful_set
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.controllers import stateful_sets
from tests.simulator.small_world import STEP, each, small_world
from tests.support.simulated_clock import SimulatedClock

SET = Ref("apps/v1", "StatefulSet", "vault", "vault")
POD = Ref("v1", "Pod", "vault-0", "vault")
TLS = Ref("v1", "Secret", "vault-tls", "vault")
UNSEAL = Ref("v1", "Secret", "vault-unseal-1", "vault")
CA = b"-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n"
SHARE = b"age-encryption.org/v1\nsealed"
OPEN = SealStatus(initialized=True, sealed=False)
SEALED = SealStatus(initialized=True, sealed=True)


class Serving:
    """``late``: for two looks after the pod was ended, it is ``gone``, ``ends`` still, is ``silent`` or ``sealed``."""

    pods = ("vault-0", "vault-1", "vault-2")
    flight = SimpleNamespace(each=each)

    def __init__(self, monkeypatch: pytest.MonkeyPatch, late: str = "", **spec: Any) -> None:
        self.cluster, self.late, self.looks = SimulatedCluster(), late, 0
        for name in ("vault", "bootstrap-system"):
            self.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.cluster.controllers.append(self.controls)
        self.status: SealStatus | None = OPEN
        self.behind: tuple[Object, ...] = ()
        self.taken: tuple[PreconditionError, ...] = ()
        self.world = small_world(self.cluster, self, **spec)
        self.world.intent.keys["vault-ca.crt"] = CA  # type: ignore[index]
        self.world.certificates = SimpleNamespace(read=self.read, is_signed_by=self.is_signed)
        opened = SimpleNamespace(decrypt=lambda data: Sensitive(b"opened " + data, "share"))
        self.world.material = SimpleNamespace(unseal_key=lambda: opened)
        clock = self.world.clock
        assert isinstance(clock, SimulatedClock)
        clock.on_sleep.append(self.pass_time)
        for name, value in {
            "behind": lambda _: self.behind,
            "taken": lambda _: self.taken,
            "tls_secret": issued,
            "marked": lambda _, secret: (
                secret | {"metadata": secret["metadata"] | {"annotations": {"ours": "yes"}}}
            ),
            "give_share": self.give_share,
        }.items():
            monkeypatch.setattr(vault_serve, name, value)
        self.spec = self.world.intent.platform.vault

    @property
    def step(self) -> VaultServe:
        return VaultServe(STEP, self.world)

    # ------------------------------------------------------------ what is there

    def first_replica(self, replicas: int = 1) -> None:
        self.cluster.apply(stateful_set(self.spec, replicas=replicas, tls_secret="vault-tls-init-1"))

    def slot(self) -> None:
        window = Window(attempt=1, nonce="n", phase=WindowPhase.VERIFIED, volume="v")
        WindowStore(self.cluster).create(window)
        Slots(self.cluster, "v").write(Slots.SHARE, Sensitive(SHARE, "share"))

    def finished(self) -> None:
        """As the step itself makes it, from a first replica."""
        self.slot()
        self.first_replica()
        late, self.late = self.late, ""
        self.step.act(self.step.observe())
        self.late = late
        self.cluster.mutations.clear()

    def tls(self, **data: str | None) -> None:
        """Other content of some fields, None for none; dots are underscores."""
        live = self.need(TLS)
        for name, text in data.items():
            field = name.replace("_", ".").replace("vault.", "vault-", 1)
            live["data"].pop(field, None)
            if text is not None:
                live["data"][field] = Sensitive(text.encode(), field)
        self.cluster.update_as("another", live)
        self.cluster.mutations.clear()

    def need(self, ref: Ref) -> Object:
        found = self.cluster.get(ref)
        assert found is not None, ref
        return found

    def content(self) -> dict[str, str]:
        return {name: value.reveal().decode() for name, value in self.need(TLS)["data"].items()}

    # ------------------------------------------------------------ what happens

    def controls(self, cluster: SimulatedCluster, verb: str, obj: Object) -> None:
        if verb == "deleted" and obj["kind"] == "Pod":
            self.looks = 2
            if self.late == "gone":
                return
        stateful_sets(cluster, verb, obj)
        if (verb, obj["kind"]) == ("changed", "Pod") and "deletionTimestamp" in obj["metadata"]:
            self.looks = 2

    def pass_time(self) -> None:
        self.looks -= 1
        if self.looks == 0 and self.late == "gone":
            stateful_sets(self.cluster, "changed", self.need(SET))
        if self.looks == 0 and self.late == "ends":
            pod = self.need(POD)
            pod["metadata"]["finalizers"] = []
            self.late = ""
            self.cluster.update_as("kubelet", pod)

    def seal_status(self, pod: str) -> SealStatus | None:
        if self.looks > 0 and self.late in ("silent", "sealed"):
            return SEALED if self.late == "sealed" else None
        return self.status

    def lacks(self) -> str:
        return self.late if self.looks > 0 else ""

    # ------------------------------------------------------------ certificates and the share

    def read(self, pem: Sensitive) -> Certificate:
        now = self.cluster.server_time()
        year = now.replace(year=now.year + 1) - now
        until = now + year * (0.33 if pem.reveal().endswith(b", due") else 0.34)
        return Certificate("leaf", "ca", "", "", "01", until - year, until)

    @staticmethod
    def is_signed(pem: Sensitive, authority: bytes) -> bool:
        return b"of theirs" not in pem.reveal() and authority == CA

    def give_share(self, _: object, ref: Ref, share: Sensitive) -> None:
        meta = {"name": ref.name, "namespace": ref.namespace}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"key": share}}
        self.cluster.create(secret)


def issued(_: object, ref: Ref, pods: dict[str, tuple[str, ...]]) -> Object:
    data = {"ca.crt": Sensitive(CA, "ca.crt")}
    for pod in pods:
        for end in ("crt", "key", "until"):
            data[f"{pod}.{end}"] = Sensitive(f"{pod} of ours".encode(), end)
    meta = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}
