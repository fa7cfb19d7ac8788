"""Every parser of what comes from outside: whatever the bytes, only errors of ours come out, and no value (B1).

And in bounds: no input of a few kilobytes takes a million calls, or a hundred megabytes. Some hundred inputs each,
others every day; with ``--whole`` an hour over those that read what others wrote. Where ``atheris`` is installed:
``test_guided.py``, by coverage.
"""

import resource
import time

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.inputs import ATOMS, every_exchange, exchanged, spoilt
from tests.fuzz.parsers import PARSERS, TREE, Parser
from tests.simulator.sweep import SEED
from tests.support.work import calls_at_most

LONG = [name for name, parser in PARSERS.items() if parser.long]
SECONDS, SECONDS_LONG = 60.0, 3600.0 / len(LONG)  # with ``--whole``
EACH = 8  # nodes of the good tree that are exchanged for everything, one by one, by default
MOST_CALLS = 1_000_000  # for one input of a few kilobytes
MOST_MEMORY = 400 << 10  # KiB more than before, over all inputs of one parser


def inputs(parser: Parser) -> st.SearchStrategy[bytes]:
    bytes_of = spoilt(parser.good)
    return st.one_of(bytes_of, exchanged(parser.good)) if parser.of == TREE else bytes_of


def in_bounds(parser: Parser, data: bytes) -> None:
    with calls_at_most(MOST_CALLS):
        parser.attempt(data)


@pytest.mark.parametrize("name", PARSERS)
def test_only_our_errors_come_out(name: str, whole: bool) -> None:
    parser = PARSERS[name]
    parser.attempt(parser.good)  # what is imported late is imported now
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    until, tried = time.monotonic() + (SECONDS_LONG if parser.long else SECONDS), 0

    @seed(SEED)
    @settings(
        max_examples=10_000_000 if whole else parser.inputs,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(parser))
    def attempt(data: bytes) -> None:
        nonlocal tried
        if whole and tried >= parser.inputs and time.monotonic() > until:
            return
        tried += 1
        in_bounds(parser, data)

    attempt()
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{name}: {tried} inputs, {more >> 10} MiB, seed {SEED}")
    assert tried >= 10
    assert more < MOST_MEMORY, f"{more >> 10} MiB more than before"


@pytest.mark.parametrize("name", [name for name, parser in PARSERS.items() if parser.of == TREE])
def test_each_node_may_be_anything(name: str, whole: bool) -> None:
    """Every node of the good tree for every hostile one: what a random choice meets late."""
    parser = PARSERS[name]
    made = list(every_exchange(parser.good, None if whole else EACH, SEED))
    for data in made:
        in_bounds(parser, data)
    print(f"{name}: {len(made)} exchanges, seed {SEED}")
    assert len(made) > len(ATOMS)
