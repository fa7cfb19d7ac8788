"""Server-side apply of an object as it was seen: a request that arrives late undoes nothing."""

from collections.abc import Callable, Iterable

from bootstrap.ports import Object, Reason, Refused
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World


def applied(world: World, obj: Object, still: Callable[[], bool] = lambda: True) -> bool:
    """False when ``still`` no longer held once the object had been looked at; then nothing is applied.

    The apply names the resourceVersion that was seen, so a change by another writer meanwhile makes it look
    again. An object that is not there yet has none: only its first request could come late.
    """
    ref = ref_of(obj)

    def once() -> str:
        live = world.cluster.get(ref)
        if not still():
            return "no"
        seen = {"resourceVersion": live["metadata"]["resourceVersion"]} if live else {}
        answer = world.cluster.apply({**obj, "metadata": obj["metadata"] | seen})
        if isinstance(answer, Refused) and answer.reason is Reason.CONFLICT:
            return ""  # a controller's status moves it too: look again
        expect(answer, ref)
        return "yes"

    return world.wait(f"{ref} is as declared", once, seconds=60) == "yes"


def applied_in_any_order(
    world: World, objects: Iterable[Object], still: Callable[[], bool] = lambda: True
) -> None:
    """``applied`` of each, many at once: none of them needs another one to be there."""
    world.each(lambda obj: applied(world, obj, still), objects, "objects applied")
