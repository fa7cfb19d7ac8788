"""One object that many runs write: it goes from what one of them has read to what that one wants, or not at all."""

from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.ports import Cluster, Object, Refused
from bootstrap.steps.context.health import ref_of


def swapped(cluster: Cluster, wanted: Object, is_before: Callable[[Mapping[str, Any]], bool]) -> bool:
    """True when it went from data that ``is_before`` to ``wanted`` by this very call."""
    found = cluster.get(ref_of(wanted))
    if found is None or not is_before(found["data"]):
        return False
    version = {"resourceVersion": found["metadata"]["resourceVersion"]}
    # UnknownOutcome leaves here: a caller that cannot know whether it swapped must not act on it.
    answer = cluster.replace({**wanted, "metadata": wanted["metadata"] | version})
    return not isinstance(answer, Refused)
