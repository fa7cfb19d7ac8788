"""Other code for the functions of a module that is loaded: whatever holds them runs it from now on."""

import gc
import importlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

from tests.guards.table import ROOT

Live = dict[str, list[FunctionType]]  # qualified name to the functions that have it


def loaded(file: Path) -> Live:
    """Of a module below the root of the repository, which is imported for it: kinds of steps are, only once they are
    asked for."""
    importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    return functions_of(str(file))


def functions_of(filename: str) -> Live:
    found: Live = defaultdict(list)
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename == filename:
            found[each.__code__.co_qualname].append(each)
    return found


def swap(functions: Live, changed: CodeType) -> set[str]:
    """The names of those that have other code now, or the same from another line."""
    codes: dict[str, list[CodeType]] = defaultdict(list)
    for code in _within(changed):
        codes[code.co_qualname].append(code)
    found = set()
    for name, live in functions.items():
        lines = sorted({function.__code__.co_firstlineno for function in live})
        made = sorted(codes[name], key=lambda code: code.co_firstlineno)
        for function in live if len(lines) == len(made) else ():
            code = made[lines.index(function.__code__.co_firstlineno)]
            if code != function.__code__ and len(code.co_freevars) == len(function.__code__.co_freevars):
                function.__code__ = code
                found.add(name)
    return found


def _within(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _within(each)
