"""The vocabulary of steps is what the registry says, and deciding is a pure function of the observation."""

import ast
import inspect
import textwrap
from importlib import import_module
from typing import Any

import pytest

from bootstrap.operations.abandon.runner import PARTS
from bootstrap.steps.registry import KINDS, kind_class

CLASSES: dict[str, Any] = {**{name: kind_class(name) for name in KINDS}, **PARTS}
CONSTANT = {"intent", "plan"}  # of a World: the same for the whole run


@pytest.mark.parametrize("name", KINDS)
def test_each_name_is_a_class_in_the_file_of_its_name(name: str) -> None:
    module, _, attribute = KINDS[name].partition(":")
    assert module == f"bootstrap.steps.kinds.{name.replace('-', '_')}"
    assert inspect.isclass(getattr(import_module(module), attribute))


@pytest.mark.parametrize("name", CLASSES)
def test_each_looks_decides_and_acts(name: str) -> None:
    for method, arguments in (("observe", ["self"]), ("decide", ["self", "seen"]), ("act", ["self", "seen"])):
        assert list(inspect.signature(getattr(CLASSES[name], method)).parameters) == arguments


def impurities(source: str) -> list[str]:
    """What ``decide``, with all that it calls on ``self``, reads or changes besides its observation.

    Of ``self.world`` the intent and the plan are free; other attributes are, if only ``__init__`` sets them.
    """
    (cls,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    methods = {node.name: node for node in cls.body if isinstance(node, ast.FunctionDef)}
    late = {
        name
        for method in methods.values()
        if method.name != "__init__"
        for node in ast.walk(method)
        if (name := own(node)) and isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
    }
    found: list[str] = []
    reached, left = set(), ["decide"]
    while left:
        method = left.pop()
        if method in reached:
            continue
        reached.add(method)
        free = {
            id(node.value)
            for node in ast.walk(methods[method])
            if isinstance(node, ast.Attribute) and own(node.value) == "world" and node.attr in CONSTANT
        }
        for node in ast.walk(methods[method]):
            name = own(node)
            if name in methods:
                left.append(name)
            elif name == "world" and id(node) not in free:
                found.append(f"{method} touches the world")
            elif isinstance(node, ast.Attribute) and node.attr in ("observe", "act"):
                found.append(f"{method} goes on to {node.attr}")
            elif name in late:
                found.append(f"{method} depends on self.{name}, which changes")
    return found


def own(node: ast.AST) -> str:
    """``x`` of ``self.x``."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return ""


@pytest.mark.parametrize("name", CLASSES)
def test_decide_is_pure(name: str) -> None:
    assert impurities(textwrap.dedent(inspect.getsource(CLASSES[name]))) == []


SEEDED = {
    "looks": ("return self.world.cluster.get(seen)", "decide touches the world"),
    "asks for a hidden input": ("return self.world.approvals", "decide touches the world"),
    "hands the world on": ("return decided(self.world, seen)", "decide touches the world"),
    "looks by a method": ("return self.helper()", "helper touches the world"),
    "looks by a property of a property": ("return self.first", "second touches the world"),
    "has another look": ("return self.step.observe()", "decide goes on to observe"),
    "goes by what acting left": ("return self.waited", "decide depends on self.waited, which changes"),
    "leaves something": ("self.seen = seen", "decide depends on self.seen, which changes"),
}


@pytest.mark.parametrize("how", SEEDED)
def test_an_impure_decide_is_found(how: str) -> None:
    body, wanted = SEEDED[how]
    assert impurities(KIND.format(body=body)) == [wanted]


def test_a_pure_decide_is_none() -> None:
    pure = "return (seen, self.step.id, self.world.intent.secrets, self.world.plan.digest)"
    assert impurities(KIND.format(body=pure)) == []


KIND = """\
class Kind:
    def __init__(self, step, world):
        self.step = step
        self.world = world
        self.waited = False

    def observe(self):
        return self.world.cluster.get("x")

    def decide(self, seen):
        {body}

    def act(self, seen):
        self.waited = True

    def helper(self):
        return self.world.session.pods

    @property
    def first(self):
        return self.second

    @property
    def second(self):
        return self.world.clock.now()
"""
