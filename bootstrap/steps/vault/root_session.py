"""The initial root token, in memory, for making the run's own identity and nothing else (B5)."""

from collections.abc import Mapping
from typing import Any, Protocol

from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import Slots, WindowStore, slot_ref


class Call(Protocol):
    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer: ...


class RootSession:
    """Opens the root token's slot. WorldError E_ROOT_TOKEN when the slot is gone (it was revoked)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._token: Sensitive | None = None

    @property
    def slot(self) -> Slots:
        window = WindowStore(self.world.cluster).read()
        return Slots(self.world.cluster, window.volume if window else "")

    def present(self) -> bool:
        return self.slot.read(Slots.ROOT) is not None

    def usable(self) -> bool:
        """Its ciphertext is there, and Vault still takes it: a run may have ended between revoking the token
        and removing the slot."""
        if not self.present():
            return False
        try:
            return self.call("GET", "auth/token/lookup-self").ok
        except WorldError as error:
            if error.code != "E_VAULT_DENIED":
                raise
            return False

    @property
    def reading(self) -> Call:
        """As root while its token is there (the run has no identity yet), as the run afterwards."""
        return self.call if self.usable() else self.world.session.call

    def token(self) -> Sensitive:
        if self._token is None:
            slot = self.slot
            ciphertext = slot.read(Slots.ROOT)
            if ciphertext is None:
                raise WorldError(
                    "the initial root token is gone, and the run's identity is not complete",
                    code="E_ROOT_TOKEN",
                    where=str(slot_ref(slot.volume, Slots.ROOT)),
                    hint="`vault operator generate-root` with the unseal key gives a new one",
                )
            self._token = self.world.material.unseal_key().decrypt(ciphertext.ciphertext())
        return self._token

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        session = self.world.session
        return session.vault.call(method, path, body, pod=session.active(), token=self.token())
