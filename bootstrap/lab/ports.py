"""What the lab needs from outside itself: something that runs a playbook, and a listener."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

Mark = Literal["start", "done", "skipped", "failed"]
# A piece of work begins or ends: what happened, to what, and the seconds it took (0 at the start).
OnEvent = Callable[[Mark, str, float], None]
Plain = str | int | bool


class Playbooks(Protocol):
    """Host work. Values are plain and end up in files and process lists: never a secret among them."""

    def run(self, name: str, variables: Mapping[str, Plain], on_event: OnEvent) -> None:
        """Run ``playbooks/NAME.yaml`` on this machine; ``WorldError`` names the task that failed."""
        ...
