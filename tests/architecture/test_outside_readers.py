"""What came from outside is read by the readers that bound it: no library's own beside them (G5)."""

import re
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "bootstrap"
# By what is called, the files that may, and why the others need not.
ALLOWED: dict[str, frozenset[str]] = {
    r"\bjson\.(?:loads?|JSONDecoder)\(": frozenset(
        {
            "model/outside.py",  # the reader
            "model/sensitive.py",  # meets RecursionError itself, and says nothing of the value
            "ledger/canonical.py",  # the same, with hooks
            "adapters/sops/nodes.py",  # the same
            "intent/hcl_syntax.py",  # its depth is counted before
            "engine/plan_diff.py",  # our own plan, just written
            "operations/rekey/stanzas.py",  # a file that nodes.py has read before
        }
    ),
    r"\.is(?:digit|decimal|numeric)\(": frozenset(
        {
            "model/outside.py",  # the reader
            "intent/hcl_tokens.py",  # which of two kinds of escape, both matched before
            "intent/yaml_source.py",  # a quick look before an expression of ASCII
            "adapters/sops/times.py",  # groups of at most nine digits of ASCII
            "cli/value.py",  # a descriptor's number: what is too large is met there
        }
    ),
    r"\byaml\.(?:safe_load|load|full_load|unsafe_load)(?:_all)?\(": frozenset(
        {
            "intent/manifests.py",  # the reader
            "adapters/local/inventory.py",  # argument_specs of our own roles
        }
    ),
}


@pytest.mark.parametrize("call", ALLOWED)
def test_g5_one_reader_for_what_came_from_outside(call: str) -> None:
    found = {
        path.relative_to(PROGRAM).as_posix()
        for path in PROGRAM.rglob("*.py")
        if re.search(call, path.read_text()) and "lab" not in path.relative_to(PROGRAM).parts
    }
    assert found == ALLOWED[call]
