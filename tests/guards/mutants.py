"""What can be taken out of a module, one thing at a time: its mutants."""

import ast
import copy
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

IDENTITIES = frozenset(
    {"uid", "resource_version", "cas", "cas_required", "resourceVersion"}
)  # of a compare-and-swap
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}


@dataclass(frozen=True)
class Mutant:
    """``before`` and ``after`` are one statement's or expression's text; ``line`` is where it stands now."""

    path: str
    function: str
    line: int
    what: str
    before: str
    after: str
    tree: ast.Module

    @cached_property
    def name(self) -> str:
        """The same while the function's text around it is the same, wherever in the file it stands."""
        text = "\0".join((self.path, self.function, self.what, self.before, self.after))
        return hashlib.sha256(text.encode()).hexdigest()[:10]


def mutants(path: Path, shown: str) -> Iterator[Mutant]:
    tree = ast.parse(path.read_text())
    owners = _owners(tree)
    for number, node in enumerate(ast.walk(tree)):
        if node not in owners:
            continue
        for what, change in _changes(node):
            twin = copy.deepcopy(tree)
            target = next(each for n, each in enumerate(ast.walk(twin)) if n == number)
            before = _text(target)
            after = _text(_put(twin, target, change(target)))
            if before != after:
                yield Mutant(
                    shown, owners[node], node.lineno, what, before, after, ast.fix_missing_locations(twin)
                )  # type: ignore[attr-defined]


Change = Callable[[ast.AST], ast.AST]


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.If() | ast.IfExp() | ast.While():
            yield "never", lambda n: _with(n, test=ast.Constant(False))
            if not isinstance(node, ast.While):
                yield "always", lambda n: _with(n, test=ast.Constant(True))
        case ast.Compare(ops=[op]) if type(op) in OPPOSITE:
            yield "opposite", lambda n: _with(n, ops=[OPPOSITE[type(n.ops[0])]()])  # type: ignore[attr-defined]
        case ast.BoolOp(values=values):
            for at in range(len(values)):
                yield f"without part {at + 1}", lambda n, at=at: _without(n, at)  # type: ignore[misc]
        case ast.UnaryOp(op=ast.Not()):
            yield "not gone", lambda n: n.operand  # type: ignore[attr-defined]
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()) | ast.Raise() | ast.Continue():
            yield "gone", lambda n: ast.copy_location(ast.Pass(), n)
        case ast.comprehension(ifs=[_, *_]):
            pass
        case ast.Call(keywords=keywords) if any(k.arg in IDENTITIES for k in keywords):
            yield (
                "identity",
                lambda n: _with(
                    n,
                    keywords=[
                        ast.keyword(k.arg, ast.Constant("")) if k.arg in IDENTITIES else k
                        for k in n.keywords  # type: ignore[attr-defined]
                    ],
                ),
            )
        case ast.Dict(keys=keys) if any(isinstance(k, ast.Constant) and k.value in IDENTITIES for k in keys):
            yield "identity", _no_identity
        case ast.Return(value=ast.Constant(value=bool())):
            yield "other", lambda n: _with(n, value=ast.Constant(not n.value.value))  # type: ignore[attr-defined]
        case ast.Assign() | ast.AugAssign() if _clears(node):
            yield "gone", lambda n: ast.copy_location(ast.Pass(), n)
        case _:
            pass
    if isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp):
        for at, generator in enumerate(node.generators):
            for of in range(len(generator.ifs)):
                yield "unfiltered", lambda n, at=at, of=of: _unfiltered(n, at, of)  # type: ignore[misc]


def _clears(node: ast.Assign | ast.AugAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return isinstance(targets[0], ast.Attribute | ast.Subscript)


def _no_identity(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Dict)
    kept = [
        (k, v)
        for k, v in zip(node.keys, node.values, strict=True)
        if not (isinstance(k, ast.Constant) and k.value in IDENTITIES)
    ]
    return _with(node, keys=[k for k, _ in kept], values=[v for _, v in kept])


def _unfiltered(node: ast.AST, at: int, of: int) -> ast.AST:
    del node.generators[at].ifs[of]  # type: ignore[attr-defined]
    return node


def _without(node: ast.AST, at: int) -> ast.AST:
    assert isinstance(node, ast.BoolOp)
    rest = [v for n, v in enumerate(node.values) if n != at]
    return rest[0] if len(rest) == 1 else _with(node, values=rest)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _put(tree: ast.Module, old: ast.AST, new: ast.AST) -> ast.AST:
    if new is old:
        return new
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(each is old for each in value):
                value[next(n for n, each in enumerate(value) if each is old)] = new
    return new


def _owners(tree: ast.Module) -> dict[ast.AST, str]:
    """Each node of a body of a function to the function's qualified name."""
    found: dict[ast.AST, str] = {}

    def enter(node: ast.AST, name: str, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef() | ast.ClassDef() if not inside:
                    inner = f"{name}.{child.name}".lstrip(".")
                    enter(child, inner, isinstance(child, ast.FunctionDef))
                case _:
                    if inside and not isinstance(child, ast.arguments):
                        found[child] = name
                    enter(child, name, inside)

    enter(tree, "", False)
    return found


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.If | ast.While):
        keyword = "while" if isinstance(node, ast.While) else "if"
        return f"{keyword} {ast.unparse(node.test)}: {ast.unparse(node.body[0])}"
    return ast.unparse(node)
