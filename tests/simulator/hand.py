"""A hand on a simulated platform: for the violations of ``tests/seeds``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Refused
from bootstrap.steps.secrets.values import vault_values
from tests.simulator.controllers import ExternalSecrets
from tests.simulator.platform import SimulatedPlatform, opened
from tests.simulator.vault import Token
from tests.support.program import commit_all

ROOT = Sensitive(b"hvs.of-the-hand", "root token of a test")


class SimulatedHand:
    """Implements ``tests.seeds.hand.Hand``. Its root token is gone again once it has asked."""

    def __init__(self, platform: SimulatedPlatform) -> None:
        self.platform = platform
        self.cluster = platform.cluster

    def create(self, obj: Object) -> None:
        made = self.cluster.create(obj)
        assert not isinstance(made, Refused), made

    def edit(self, kind: str, name: str, namespace: str, change: Callable[[Object], None]) -> None:
        live = self._live(kind, name, namespace)
        if kind == "Secret":
            live["data"] = {key: value.reveal().decode() for key, value in live["data"].items()}
        change(live)
        if kind == "Secret":
            live["data"] = {key: Sensitive(value.encode(), key) for key, value in live["data"].items()}
        made = self.cluster.update_as("hand", live)
        assert not isinstance(made, Refused), made

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        live = self._live(kind, name, namespace)
        ref = next(
            r for r in self.cluster.everything() if (r.kind, r.name, r.namespace) == (kind, name, namespace)
        )
        gone = self.cluster.delete(ref, uid=live["metadata"]["uid"])
        assert not isinstance(gone, Refused), gone

    def names(self, kind: str, namespace: str) -> list[str]:
        refs = self.cluster.everything()
        return sorted(ref.name for ref in refs if (ref.kind, ref.namespace) == (kind, namespace))

    def vault(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        vault, given = self.platform.vault, ROOT.reveal().decode()
        vault.live().tokens[given] = Token("of-the-hand", ("root",))
        try:
            answer = vault.call(method, path, body, pod="vault-0", token=ROOT)
        finally:
            vault.live().tokens.pop(given)
        assert answer.ok, answer
        return answer.data

    def value(self, path: str, field: str) -> str:
        value: Sensitive = self.vault("GET", f"secret/data/{path}")["data"][field]
        return value.reveal().decode()

    def git_value(self, secret: str, field: str) -> str:
        world = self.platform.world()
        return vault_values(world, world.intent.secret(secret))[field].reveal().decode()

    def stop_operator(self) -> None:
        self.cluster.controllers[:] = [
            c for c in self.cluster.controllers if not isinstance(c, ExternalSecrets)
        ]

    def commit(self, path: str, change: Callable[[str], str]) -> None:
        file = self.platform.repository / path
        file.write_text(change(file.read_text()))
        commit_all(self.platform.repository)
        opened.cache_clear()

    def record(self, name: str, change: Callable[[str], str] | None) -> None:
        file: Path = self.platform.records / self.cluster.uid() / name
        if change is None:
            file.unlink()
        else:
            file.write_text(change(file.read_text()))

    def _live(self, kind: str, name: str, namespace: str) -> Object:
        found = self.cluster.everything().items()
        return next(o for r, o in found if (r.kind, r.name, r.namespace) == (kind, name, namespace))
