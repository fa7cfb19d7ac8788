"""The KV engine behind the run's session, in memory: compare-and-set, deleted versions, lost answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bootstrap.model.errors import UnknownOutcome
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.flight import Flight

TIME = "2026-01-02T03:04:05.678901234Z"
Versions = list[dict[str, Any]]


@dataclass
class Kv:
    """``versions`` and ``metadata`` by path, ``gone`` are deleted ones; ``asked`` is METHOD PATH of each request.

    ``before`` and ``after`` see each request; ``loses`` says of which write the answer is lost.
    """

    versions: dict[str, Versions] = field(default_factory=dict)
    metadata: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    gone: set[tuple[str, int]] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    txns: dict[str, str] = field(default_factory=dict)  # request id to the header of its write
    before: Callable[[str], object] = lambda _: None
    after: Callable[[str], object] = lambda _: None
    loses: Callable[[str], bool] = lambda _: False
    refuses: Callable[[str], bool] = lambda _: False
    flight: Flight = field(default_factory=Flight)

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def read(self, path: str) -> Answer:
        return self.call("GET", path)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, txn: str = "") -> Answer:
        what, request = f"{method} {path}", f"r-{next(self._numbers)}"
        self.asked.append(what)
        self.before(what)
        if self.refuses(what):
            return Answer(status=400, data={}, errors=("no",), request_id=request)
        self.txns[request] = txn
        answer = self._applied(method, path, body or {}, request)
        self.after(what)
        if self.loses(what):
            raise UnknownOutcome("the connection broke", code="E_UNKNOWN_OUTCOME", where=path)
        return answer

    def _applied(self, method: str, path: str, body: Mapping[str, Any], request: str) -> Answer:
        _, kind, rest = path.split("/", 2)
        place, _, version = rest.partition("?version=")
        if method == "POST":
            return (
                self._metadata(place, body, request)
                if kind == "metadata"
                else self._write(place, body, request)
            )
        if method == "LIST":
            names = [p.removeprefix(f"{place}/") for p in self.metadata if p.startswith(f"{place}/")]
            return Answer(status=200 if names else 404, data={"keys": names}, request_id=request)
        if kind == "metadata":
            known = place in self.metadata
            data = {"current_version": len(self.versions.get(place, ()))} if known else {}
            return Answer(status=200 if known else 404, data=data, request_id=request)
        return self._held(place, int(version or len(self.versions.get(place, ()))), request)

    def _metadata(self, place: str, body: Mapping[str, Any], request: str) -> Answer:
        self.metadata[place] = body
        return Answer(status=204, data={}, request_id=request)

    def _write(self, place: str, body: Mapping[str, Any], request: str) -> Answer:
        known, cas = self.versions.setdefault(place, []), body.get("options", {}).get("cas")
        if cas != len(known) and (cas is not None or self.metadata.get(place, {}).get("cas_required")):
            return Answer(status=400, data={}, errors=("check-and-set did not match",), request_id=request)
        known.append(dict(body["data"]))
        self.metadata.setdefault(place, {})
        return Answer(status=200, data={"version": len(known)}, request_id=request)

    def _held(self, place: str, version: int, request: str) -> Answer:
        known = self.versions.get(place, ())
        if not 0 < version <= len(known):
            return Answer(status=404, data={}, request_id=request)
        marks = self.metadata.get(place, {}).get("custom_metadata")
        about = {"version": version, "created_time": TIME, "custom_metadata": marks}
        if (place, version) in self.gone:
            return Answer(status=404, data={"data": None, "metadata": about}, request_id=request)
        return Answer(status=200, data={"data": known[version - 1], "metadata": about}, request_id=request)


def held(text: str) -> Sensitive:
    return Sensitive(text.encode())
