"""The ledger's copy in Vault: batches as KV v2 secrets below ``secret/bootstrap/ledger/``, written once."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self

from bootstrap.model.errors import EvidenceError, UnknownOutcome
from bootstrap.model.names import kv, kv_data, kv_metadata
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.session import Session

FOLDER = "bootstrap/ledger"


Each = Callable[[Callable[[str], bytes | None], Iterable[str], str], list[bytes | None]]


class KvCopy:
    """Implements ``ledger.copies.VaultCopy``."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._ahead: dict[str, bytes | None] = {}

    def ahead(self, each: Each) -> Self:
        """Reads all batches that are there now, many at once; each is then given out once."""
        path = kv_metadata(FOLDER)
        listed = self.session.call("LIST", path)
        names = () if listed.status == 404 else granted(listed, path).data["keys"]
        self._ahead = dict(zip(names, each(self._shared, names, "batches of the ledger read"), strict=True))
        return self

    def read(self, name: str) -> bytes | None:
        """The batch, or None. Any answer but 200 and 404 is an error, never taken for absence."""
        return self._ahead.pop(name) if name in self._ahead else self._read(name)

    def _shared(self, name: str) -> bytes | None:
        """Records are no values: of these a look keeps as many as there are."""
        return self.session.look.once((FOLDER, name), lambda: self._read(name))

    def _read(self, name: str) -> bytes | None:
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
