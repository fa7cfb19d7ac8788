"""Other code for the functions of a module that is loaded: whatever holds them runs it from now on."""

import gc
from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, FunctionType


def loaded(filename: str) -> dict[str, list[FunctionType]]:
    found: dict[str, list[FunctionType]] = defaultdict(list)
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename == filename:
            found[each.__code__.co_qualname].append(each)
    return found


def swap(functions: dict[str, list[FunctionType]], changed: CodeType) -> int:
    """How many functions have other code now."""
    codes: dict[str, list[CodeType]] = defaultdict(list)
    for code in _top(changed):
        codes[code.co_qualname].append(code)
    count = 0
    for name, live in functions.items():
        lines = sorted({f.__code__.co_firstlineno for f in live})
        new = sorted(codes[name], key=lambda code: code.co_firstlineno)
        if len(lines) != len(new):
            continue
        for function in live:
            code = new[lines.index(function.__code__.co_firstlineno)]
            if code != function.__code__ and len(code.co_freevars) == len(function.__code__.co_freevars):
                function.__code__ = code
                count += 1
    return count


def _top(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _top(each)
