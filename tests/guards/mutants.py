"""What can be taken out of a module, one at a time: a branch, a condition or a part of it, a call, a filter, an
identity."""

import ast
import copy
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

IDENTITIES = frozenset(
    {"uid", "resource_version", "cas", "cas_required", "resourceVersion"}
)  # of a compare-and-swap
Change = Callable[[Any], ast.AST]  # of a node of a copy of the tree


@dataclass(frozen=True)
class Mutant:
    """``before`` and ``after`` are the text of what was changed; ``line`` is where that stands now."""

    module: str
    function: str
    line: int
    what: str
    before: str
    after: str
    count: int  # of the same change of the same text in this function, those before
    tree: ast.Module

    @property
    def name(self) -> str:
        """The same for as long as this text is in this function, wherever that stands."""
        text = "\0".join((self.module, self.function, self.what, self.before, self.after, str(self.count)))
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    def __str__(self) -> str:
        text = " ".join(self.before.split())
        return f"{self.module}:{self.function} | {self.what}: {text[:90]}"


def mutants(file: Path, module: str) -> Iterator[Mutant]:
    """The tree of each holds the function or class that was changed, and nothing else of the module."""
    tree = ast.parse(file.read_text())
    owners, seen = dict(_owned(tree)), Counter[tuple[str, ...]]()
    for top in tree.body:
        for at, node in enumerate(ast.walk(top)):
            for what, change in _changes(node) if node in owners else ():
                twin = ast.Module([copy.deepcopy(top)], [])
                target: Any = next(islice(ast.walk(twin.body[0]), at, None))
                before, made = _text(target), change(target)
                _put(twin, target, made)
                key = (owners[node], what, before, _text(made))
                line = (target.pattern if isinstance(target, ast.match_case) else target).lineno
                yield Mutant(module, key[0], line, what, before, key[3], seen[key], twin)
                seen[key] += 1


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.If(body=[told], orelse=[]) if _is_told(told):
            pass
        case ast.If(body=[ast.Raise()], orelse=[]) | ast.match_case(guard=ast.expr()) | ast.While():
            yield "never", partial(_constant, False)
        case ast.If() | ast.IfExp():
            yield "never", partial(_constant, False)
            yield "always", partial(_constant, True)
        case ast.Return(value=ast.Compare() | ast.UnaryOp(op=ast.Not())) | ast.keyword(value=ast.Compare()):
            yield "false", partial(_constant, False)
            yield "true", partial(_constant, True)
        case ast.BoolOp(values=values):
            for n in range(len(values)):
                yield f"without part {n + 1}", partial(_without_part, n)
        case ast.Expr() if _is_told(node):
            pass
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name("super"))))):
            yield "gone", _only_super
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()) | ast.Raise() | ast.Continue():
            yield "gone", lambda old: ast.copy_location(ast.Pass(), old)
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.AugAssign():
            yield "gone", lambda old: ast.copy_location(ast.Pass(), old)
        case ast.Call(keywords=keywords) if any(k.arg in IDENTITIES for k in keywords):
            yield "any", _any_identity
        case ast.Dict(keys=keys) if any(_is_identity(k) for k in keys):
            yield "any", _no_identity
        case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
            for n, generator in enumerate(node.generators):
                for of in range(len(generator.ifs)):
                    yield "unfiltered", partial(_unfiltered, n, of)
        case _:
            pass


def _is_told(node: ast.AST) -> bool:
    """To a person on the way, and nothing rests on it: what it tells of is looked at itself."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Attribute(attr="narrator"), attr="event"))):
            return True
        case _:
            return False


def _only_super(old: Any) -> ast.AST:
    """Without any, the code would not fit the closure of the function that is loaded."""
    old.value = old.value.func.value
    return old  # type: ignore[no-any-return]


def _constant(value: bool, old: Any) -> ast.AST:
    asked = next(name for name in ("guard", "test", "value") if name in old._fields)
    setattr(old, asked, ast.Constant(value))
    return old  # type: ignore[no-any-return]


def _without_part(n: int, old: Any) -> ast.AST:
    old.values = [value for at, value in enumerate(old.values) if at != n]
    return old.values[0] if len(old.values) == 1 else old  # type: ignore[no-any-return]


def _any_identity(old: Any) -> ast.AST:
    for keyword in old.keywords:
        if keyword.arg in IDENTITIES:
            keyword.value = ast.Constant("")
    return old  # type: ignore[no-any-return]


def _no_identity(old: Any) -> ast.AST:
    kept = [(k, v) for k, v in zip(old.keys, old.values, strict=True) if not _is_identity(k)]
    old.keys, old.values = [k for k, _ in kept], [v for _, v in kept]
    return old  # type: ignore[no-any-return]


def _is_identity(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value in IDENTITIES


def _unfiltered(n: int, of: int, old: Any) -> ast.AST:
    del old.generators[n].ifs[of]
    return old  # type: ignore[no-any-return]


def _put(tree: ast.Module, old: ast.AST, made: ast.AST) -> None:
    for parent in ast.walk(tree) if made is not old else ():
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, made)
            elif isinstance(value, list):
                value[:] = [made if each is old else each for each in value]
    ast.fix_missing_locations(tree)


def _owned(node: ast.AST, name: str = "", *, inside: bool = False) -> Iterator[tuple[ast.AST, str]]:
    """Each node of a function's body, with the qualified name of the outermost function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and not inside:
            inner = f"{name}.{child.name}".lstrip(".")
            yield from _owned(child, inner, inside=isinstance(child, ast.FunctionDef))
        elif not isinstance(child, ast.arguments):
            if inside:
                yield child, name
            yield from _owned(child, name, inside=inside)


def _text(node: ast.AST) -> str:
    match node:
        case ast.If(test=test, body=[first, *_]) | ast.While(test=test, body=[first, *_]):
            return f"if {ast.unparse(test)}: {ast.unparse(first)}"
        case ast.match_case(pattern=pattern, guard=guard):
            return f"case {ast.unparse(pattern)} if {ast.unparse(guard) if guard else ''}"
        case _:
            return ast.unparse(node)
