"""Vault's transit engine, as far as ours goes: one ed25519 key that never leaves Vault, and its signatures (H4).

Ed25519 gives the same signature for the same bytes, so a request of which the outcome is not known is sent again.
"""

import base64
import binascii
from typing import Any, Final

from bootstrap.ledger.countersigning import Countersigner, public_key
from bootstrap.ledger.envelope import PublicKey
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.names import TRANSIT_KEY, TRANSIT_MOUNT
from bootstrap.ports import Answer
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.session import Session
from bootstrap.steps.vault.root_session import Call
from bootstrap.waiting import LOST, retry

SIGN: Final = f"{TRANSIT_MOUNT}/sign/{TRANSIT_KEY}"
KEYS: Final = f"{TRANSIT_MOUNT}/keys/{TRANSIT_KEY}"
# What a key of ours is: nothing brings it out of Vault, and nothing takes it away.
MADE: Final = {"type": "ed25519", "exportable": False, "allow_plaintext_backup": False}
FLAGS: Final = {**MADE, "deletion_allowed": False, "derived": False}
SECONDS: Final = 60.0  # that Vault is asked for one signature
_PREFIX: Final = "vault:v1:"


def live_key(call: Call) -> PublicKey | None:
    """The public half of the key that Vault has; None where it has none. EvidenceError E_COUNTERSIGN where it is not
    as it was made: it may have left Vault."""
    try:
        answer = call("GET", KEYS)
    except WorldError as error:
        if error.code != "E_VAULT_DENIED":
            raise
        return None  # by a policy of a version that knew of none
    if answer.status == 404:
        return None
    data = granted(answer, KEYS).data
    wrong = sorted(name for name, value in FLAGS.items() if data.get(name) != value)
    if data.get("latest_version") != 1:
        wrong.append("latest_version")
    if wrong:
        raise EvidenceError(
            f"the key is not as `up` makes it ({', '.join(wrong)}): it may lie elsewhere too",
            code="E_COUNTERSIGN",
            where=KEYS,
            hint="find out who changed it (Vault's audit log): since then it proves no more than the ledger key",
        )
    try:
        return public_key(str(data["keys"]["1"]["public_key"]))
    except (KeyError, TypeError, ValueError):
        raise WorldError("Vault names no public half", code="E_VAULT_REFUSED", where=KEYS) from None


class TransitSigner:
    """Implements ``Signer``: Vault signs, with the key that the ledger announces."""

    def __init__(self, session: Session, named: Countersigner) -> None:
        self._session = session
        self._named = named
        self.key_id = named.key.key_id

    def sign(self, data: bytes) -> bytes:
        path = f"{self._named.mount}/sign/{self._named.name}"

        def once() -> Answer:
            return self._session.ask(path, sign_body(data))

        answer = retry(once, clock=self._session.clock, seconds=SECONDS, pause=0.5, longest=4, errors=LOST)
        return signature_in(answer, path)


def sign_body(data: bytes) -> dict[str, Any]:
    """Version 1 of the key: there is no other."""
    return {"input": base64.b64encode(data).decode(), "key_version": 1}


def signature_in(answer: Answer, path: str = SIGN) -> bytes:
    """WorldError E_VAULT_REFUSED where Vault did not sign."""
    text = str(granted(answer, path).data.get("signature", ""))
    try:
        return base64.b64decode(text.removeprefix(_PREFIX).encode(), validate=True)
    except (ValueError, binascii.Error):
        raise WorldError("Vault answered no signature", code="E_VAULT_REFUSED", where=path) from None
