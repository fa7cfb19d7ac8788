"""Looks at every process of this machine while a block runs: command lines and environments."""

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

PAUSE = 0.05  # seconds


class Processes:
    """``seen`` maps what was found in /proc to where it first was; each distinct content is kept once."""

    def __init__(self) -> None:
        self.seen: dict[bytes, str] = {}
        self.rounds = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Processes":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        known: set[tuple[str, bytes]] = set()
        while not self._stop.wait(PAUSE):
            self.rounds += 1
            for folder in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):  # it has ended meanwhile
                    content = (folder / "cmdline").read_bytes()
                    if content and (folder.name, content) not in known:  # or has become another program
                        known.add((folder.name, content))
                        self.seen.setdefault(content, f"command line of {folder.name}")
                        self.seen.setdefault(
                            (folder / "environ").read_bytes(), f"environment of {folder.name}"
                        )
