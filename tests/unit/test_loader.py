"""Phase files are data: strict, ordered, and every fault has its file and line."""

import pytest

from bootstrap.engine.loader import load_phases, phase_files
from bootstrap.model.errors import DefinitionError
from bootstrap.steps.registry import KINDS

GOOD = """\
phase:
  id: 10-first
  title: First
  authority: Vault
steps:
  - id: one
    kind: claim
    title: The first
  - id: two
    kind: scaffold
    title: The second
    needs: [one]
    with: {component: demo, count: 3, on: true}
    gate: approve
"""


def load(text: str, name: str = "phases/10-first.yaml", **more: str) -> object:
    files = {name: text.encode(), **{f"phases/{k}.yaml": v.encode() for k, v in more.items()}}
    return load_phases(files, KINDS)


def test_a_phase_file_becomes_a_phase() -> None:
    (phase,) = load_phases({"phases/10-first.yaml": GOOD.encode()}, KINDS)
    assert (phase.id, phase.authority, [s.id for s in phase.steps]) == ("10-first", "Vault", ["one", "two"])
    two = phase.steps[1]
    assert (two.needs, dict(two.with_), two.gate) == (
        ("one",),
        {"component": "demo", "count": 3, "on": True},
        "approve",
    )
    assert two.where == "phases/10-first.yaml:9"


def test_the_phases_of_the_tool_load_in_order() -> None:
    phases = load_phases(phase_files(), KINDS)
    assert [phase.id[:2] for phase in phases] == ["00", "10", "20", "30", "40"]
    assert [phase.authority for phase in phases] == [
        "the offline root",
        "Git, encrypted",
        "Git, encrypted",
        "Vault",
        "Vault",
    ]
    assert {step.kind for phase in phases for step in phase.steps} <= set(KINDS)


@pytest.mark.parametrize(
    ("before", "after", "code", "line"),
    [
        ("    title: The first\n", "    titel: The first\n", "E_PHASE_KEY", 8),
        ("    title: The first\n", "", "E_PHASE_KEY", 6),
        ("kind: claim", "kind: clam", "E_KIND", 7),
        ("kind: claim", "kind: shell", "E_KIND", 7),
        ("id: two", "id: one", "E_PHASE_DUP", 9),
        ("needs: [one]", "needs: [oen]", "E_NEEDS", 9),
        ("needs: [one]", "needs: [two]", "E_NEEDS_ORDER", 9),
        ("    title: The first\n", "    title: The first\n    needs: [two]\n", "E_NEEDS_ORDER", 6),
        ("needs: [one]", "needs: one", "E_PHASE_VALUE", 12),
        ("component: demo", "component: [demo]", "E_PHASE_VALUE", 13),
        ("gate: approve", "gate: maybe", "E_PHASE_VALUE", 14),
        ("authority: Vault", "authority: Kubernetes", "E_PHASE_VALUE", 4),
        ("id: 10-first", "id: 11-other", "E_PHASE_VALUE", 2),
        ("    kind: claim\n", "    kind: claim\n    kind: claim\n", "E_YAML_DUP", 8),
        ("kind: claim", "kind: &a claim", "E_YAML_ALIAS", 7),
    ],
)
def test_every_fault_has_its_file_and_line(before: str, after: str, code: str, line: int) -> None:
    assert before in GOOD
    with pytest.raises(DefinitionError) as caught:
        load(GOOD.replace(before, after))
    assert caught.value.code == code
    assert caught.value.where.startswith(f"phases/10-first.yaml:{line}")


def test_a_step_id_is_unique_over_all_phases() -> None:
    second = GOOD.replace("10-first", "20-second").replace("id: two", "id: three").replace("needs: [one]", "")
    with pytest.raises(DefinitionError) as caught:
        load(GOOD, **{"20-second": second})
    assert (caught.value.code, caught.value.where) == ("E_PHASE_DUP", "phases/20-second.yaml:6")


def test_an_unknown_name_brings_a_suggestion() -> None:
    with pytest.raises(DefinitionError, match="did you mean 'claim'"):
        load(GOOD.replace("kind: claim", "kind: clam"))
