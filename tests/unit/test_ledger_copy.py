"""The ledger's copy in Vault: a batch is written once, and only 404 is absence (INV4, H4)."""

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.errors import EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.session import Session
from bootstrap.steps.vault.ledger_copy import KvCopy

DATA, LISTED = "secret/data/bootstrap/ledger/", "secret/metadata/bootstrap/ledger"


def batch(text: str) -> str:
    return f'[{{"payload":"{text}"}}]'


class Vault:
    """``held`` are the batches; ``status`` answers every read and list instead, where it is given."""

    def __init__(self, **held: str) -> None:
        self.held, self.status, self.lost, self.reads = held, 0, False, list[str]()

    def read(self, path: str) -> Answer:
        name = path.removeprefix(DATA)
        self.reads.append(name)
        if self.status:
            return Answer(self.status, {})
        if name not in self.held:
            return Answer(404, {})
        return Answer(200, {"data": {"batch": Sensitive(self.held[name].encode(), "batch")}})

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        if method == "LIST":
            assert path.rstrip("/") == LISTED
            return Answer(self.status or (200 if self.held else 404), {"keys": sorted(self.held)})
        assert body is not None
        name = path.removeprefix(DATA)
        if name not in self.held or body["options"] != {"cas": 0}:
            self.held[name] = body["data"]["batch"]
        if self.lost:
            raise UnknownOutcome("the answer was lost", code="E_UNKNOWN_OUTCOME")
        return Answer(200, {})

    def once(self, _: object, read: Callable[[], Any]) -> Any:
        return read()

    def copy(self) -> KvCopy:
        look = SimpleNamespace(once=self.once)
        return KvCopy(cast(Session, SimpleNamespace(read=self.read, call=self.call, look=look)))


def each(read: Callable[[str], bytes | None], names: Iterable[str], _: str) -> list[bytes | None]:
    return [read(name) for name in names]


def test_inv4_a_batch_is_read_or_is_not_there() -> None:
    vault = Vault(one=batch("1"))
    assert vault.copy().read("one") == batch("1").encode()
    assert vault.copy().read("two") is None
    vault.status = 400
    with pytest.raises(WorldError) as stopped:
        vault.copy().read("one")
    assert stopped.value.code == "E_VAULT_REFUSED"


def test_inv4_what_is_read_ahead_is_given_out_once() -> None:
    vault = Vault(one=batch("1"), two=batch("2"))
    copy = vault.copy().ahead(each)
    assert vault.reads == ["one", "two"]
    assert (copy.read("one"), copy.read("two"), copy.read("three")) == (
        batch("1").encode(),
        batch("2").encode(),
        None,
    )
    assert vault.reads == ["one", "two", "three"], "those of before are not read again"
    vault.held["one"] = batch("changed")
    assert copy.read("one") == batch("changed").encode()
    assert Vault().copy().ahead(each).read("one") is None
    vault.status = 400
    with pytest.raises(WorldError):
        vault.copy().ahead(each)


@pytest.mark.parametrize("lost", [False, True])
def test_h4_a_batch_is_written_once_and_a_lost_answer_is_looked_at(lost: bool) -> None:
    vault = Vault()
    vault.lost = lost
    vault.copy().write_once("one", batch("1").encode())
    vault.copy().write_once("one", batch("1").encode())
    assert vault.held == {"one": batch("1")}
    with pytest.raises(EvidenceError) as stopped:
        vault.copy().write_once("one", b"another")
    assert (stopped.value.code, vault.held) == ("E_FORK", {"one": batch("1")})
    assert stopped.value.where.endswith("bootstrap/ledger/one")
