"""The ledger's copy in Vault: batches as KV v2 secrets below ``secret/bootstrap/ledger/``, written once."""

from contextlib import suppress

from bootstrap.model.errors import EvidenceError, UnknownOutcome
from bootstrap.model.names import kv, kv_data
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.session import Session

FOLDER = "bootstrap/ledger"


class KvCopy:
    """Implements ``ledger.copies.VaultCopy``."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def read(self, name: str) -> bytes | None:
        """The batch, or None. Any answer but 200 and 404 is an error, never taken for absence."""
        answer = self.session.read(kv_data(f"{FOLDER}/{name}"))
        if answer.status == 404:
            return None
        value: Sensitive = granted(answer, name).data["data"]["batch"]
        return value.record()

    def write_once(self, name: str, content: bytes) -> None:
        body = {"options": {"cas": 0}, "data": {"batch": content.decode()}}
        with suppress(UnknownOutcome):  # the read below tells
            self.session.call("POST", kv_data(f"{FOLDER}/{name}"), body)
        if self.read(name) != content:
            raise EvidenceError(
                f"{name} in Vault's copy is another one", code="E_FORK", where=kv(f"{FOLDER}/{name}")
            )
