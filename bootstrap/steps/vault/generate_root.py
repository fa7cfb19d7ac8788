"""A root token by ``sys/generate-root`` and the escrow's share, for one change of the configuration.

It comes as an OpenPGP message to the unseal key, by whose fingerprint an attempt of ours is known. On Vault 1.21 no
call here wants a token, and everybody who reaches Vault may begin an attempt or cancel ours: so ours is begun again,
within limits, and one of others is waited for, never cancelled.
"""

import base64
from typing import Final

from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, UnsealKey
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.unseal import opened_share

ATTEMPT: Final = "sys/generate-root/attempt"
UPDATE: Final = "sys/generate-root/update"
TRIES: Final = 5  # attempts that others cancelled
WAIT: Final = 60.0  # seconds for an attempt of others to end


def generated_root(world: World, txn: str) -> Sensitive:
    """WorldError E_GENERATE_ROOT while others do not let it end; EvidenceError E_ESCROW where the share does not fit.

    UnknownOutcome: a token may have been made that has no bearer; the census of the next look finds it.
    """
    attempts, share = _Attempts(world, txn), opened_share(world)
    for _ in range(TRIES):
        nonce = attempts.begun()
        answer = attempts.ask("PUT", UPDATE, {"key": share, "nonce": nonce})
        if answer.ok and answer.data.get("complete"):
            return attempts.opened(answer)
        if attempts.is_ours(nonce):  # nothing was cancelled: it is the share that was refused
            attempts.cancel()
            raise EvidenceError(
                "the escrow's share does not open this Vault",
                code="E_ESCROW",
                hint="compare records/ with the commit that belongs to this cluster",
            )
    raise _held(f"{TRIES} attempts were cancelled by others")


class _Attempts:
    def __init__(self, world: World, txn: str) -> None:
        self._world = world
        self._txn = txn
        self._key: UnsealKey = world.material.unseal_key()

    def ask(self, method: str, path: str, body: dict[str, object] | None = None) -> Answer:
        session = self._world.session
        return session.vault.call(method, path, body, pod=session.active(), token=None, txn=self._txn)

    def begun(self) -> str:
        """The nonce of an attempt that is ours and new."""
        key = base64.b64encode(self._key.certificate).decode()

        def begin() -> str:
            answer = self.ask("PUT", ATTEMPT, {"pgp_key": key})
            if answer.ok:
                return str(answer.data["nonce"])
            self._end_forgotten()  # one is under way
            return ""

        try:
            return self._world.wait("no other generate-root is under way", begin, seconds=WAIT)
        except WorldError as error:
            if error.code != "E_TIMEOUT":
                raise
            raise _held("another's attempt is under way") from None

    def is_ours(self, nonce: str) -> bool:
        return bool(self._status().data.get("nonce") == nonce)

    def cancel(self) -> None:
        self.ask("DELETE", ATTEMPT)

    def opened(self, answer: Answer) -> Sensitive:
        message: Sensitive = answer.data["encoded_token"]
        return self._key.decrypt(message.from_base64().ciphertext()).relabel("root token")

    def _end_forgotten(self) -> None:
        """Cancel what a killed run of ours left under way."""
        left = str(self._status().data.get("pgp_fingerprint", "")).upper()
        if left == self._key.fingerprint.upper():
            self.cancel()

    def _status(self) -> Answer:
        return granted(self.ask("GET", ATTEMPT), ATTEMPT)


def _held(why: str) -> WorldError:
    return WorldError(
        f"no root token can be generated: {why}",
        code="E_GENERATE_ROOT",
        where=ATTEMPT,
        hint="Vault's audit log says who; `vault operator generate-root -cancel` ends an attempt, then `bootstrap up`",
    )
