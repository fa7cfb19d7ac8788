"""What of the program one test runs, and for how long: a mutant is shown to those alone that run its function."""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, TracebackType

import pytest

Function = tuple[str, str]  # file, and qualified name of the outermost function


@dataclass(frozen=True)
class Run:
    """``seconds`` of processor, while it was watched."""

    seconds: float
    functions: frozenset[Function]


class Calls:
    """The code of everything that is called meanwhile, in all threads. By identity: code of two modules is equal where
    the same text stands in the same line of both."""

    def __init__(self) -> None:
        self.seen: dict[int, CodeType] = {}

    def __enter__(self) -> "Calls":
        sys.settrace(self._call)
        threading.settrace(self._call)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def _call(self, frame: FrameType, _event: str, _arg: object) -> None:
        self.seen[id(frame.f_code)] = frame.f_code


@dataclass
class Watch:
    """What a fixture runs counts for all tests of its file, whichever of them came first."""

    begun: dict[Path, dict[int, CodeType]] = field(default_factory=lambda: defaultdict(dict))
    calls: Calls = field(default_factory=Calls)

    def is_set_up(self, item: pytest.Item) -> None:
        self.begun[item.path] |= self.calls.seen

    def runs(self, items: Sequence[pytest.Item], run: Callable[[pytest.Item], object]) -> Mapping[str, Run]:
        found: dict[str, tuple[float, dict[int, CodeType]]] = {}
        for item in items:
            self.calls, begun = Calls(), time.process_time()
            with self.calls:
                run(item)
            found[item.nodeid] = (time.process_time() - begun, self.calls.seen)
        return {
            item.nodeid: Run(found[item.nodeid][0], _functions(found[item.nodeid][1] | self.begun[item.path]))
            for item in items
        }


def _functions(codes: Mapping[int, CodeType]) -> frozenset[Function]:
    return frozenset(
        (code.co_filename, code.co_qualname.partition(".<locals>")[0])
        for code in codes.values()
        if "/bootstrap/" in code.co_filename
    )
