"""The hand that plants a violation: what an administrator can do with kubectl, with Vault as root, and with Git."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Object = dict[str, Any]


class Hand(Protocol):
    """On one finished platform made by `bootstrap init`. What is done is undone by whoever made the hand."""

    def create(self, obj: Object) -> None: ...
    def edit(self, kind: str, name: str, namespace: str, change: Callable[[Object], None]) -> None:
        """``change`` is given the object as it is; the data of a Secret are text, in the clear."""
        ...

    def delete(self, kind: str, name: str, namespace: str = "") -> None: ...
    def names(self, kind: str, namespace: str) -> list[str]: ...  # sorted
    def vault(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]: ...
    def value(self, path: str, field: str) -> str: ...  # as Vault holds it now
    def git_value(self, secret: str, field: str) -> str: ...  # as the commit holds it, encrypted
    def stop_operator(self) -> None: ...
    def commit(self, path: str, change: Callable[[str], str]) -> None: ...  # one file, and a new commit
    def record(self, name: str, change: Callable[[str], str] | None) -> None: ...  # None: it is lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """``named``: what the evidence must say. ``also``: further requirements that may break with it."""

    claim: str
    what: str
    named: str
    plant: Callable[[Hand], None]
    also: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        return f"{self.claim}: {self.what}"
