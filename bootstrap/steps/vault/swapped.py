"""One object that many runs write: it goes from what one of them has read to what that one wants, or not at all."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bootstrap.model.errors import EvidenceError
from bootstrap.ports import Cluster, Object, Ref, Refused
from bootstrap.steps.context.health import ref_of

T = TypeVar("T")


def parsed(data: Mapping[str, str], parse: Callable[[Mapping[str, str]], T], ref: Ref, code: str) -> T:
    """What a run wrote there. EvidenceError ``code`` where it is something else: nothing rests on a guess."""
    try:
        return parse(data)
    except (KeyError, ValueError):
        raise EvidenceError(
            "this is not what a run wrote: somebody changed it",
            code=code,
            where=str(ref),
            hint="put back what it held: the API server's audit log says who changed it, a backup of etcd what it was",
        ) from None


def swapped(cluster: Cluster, wanted: Object, is_before: Callable[[Mapping[str, Any]], bool]) -> bool:
    """True when it went from data that ``is_before`` to ``wanted`` by this very call."""
    found = cluster.get(ref_of(wanted))
    if found is None or not is_before(found["data"]):
        return False
    version = {"resourceVersion": found["metadata"]["resourceVersion"]}
    # UnknownOutcome leaves here: a caller that cannot know whether it swapped must not act on it.
    answer = cluster.replace({**wanted, "metadata": wanted["metadata"] | version})
    return not isinstance(answer, Refused)
