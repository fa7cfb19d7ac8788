"""No value is in any place where one could be left; in each, the same search finds one that is put there (B1, B2, S3).

Places that a server makes are looked at on a lab: ``tests/lab/test_no_leak.py``.
"""

import base64
import os
import secrets
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.leaks.places import PLACES
from tests.leaks.program_run import Run, made
from tests.leaks.sinks import HERE, LAB, SINKS, in_room
from tests.support.canaries import Canaries
from tests.support.scan import Scanner


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    run = made(tmp_path_factory.mktemp("leaks"))
    yield run
    for path in run.left:
        path.unlink()


def test_there_are_32_places_and_each_is_looked_at() -> None:
    assert len(SINKS) == 32
    assert sorted(PLACES) == sorted(in_room(HERE))
    assert all(rooms and rooms <= {HERE, LAB} for rooms in SINKS.values())


@pytest.mark.parametrize("place", in_room(HERE))
def test_b1_no_value_is_left_in(run: Run, place: str) -> None:
    found = PLACES[place].look(run, Scanner(run.needles))
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize("place", in_room(HERE))
def test_one_that_is_put_there_is_found_in(run: Run, place: str) -> None:
    decoy = f"d3coy-{secrets.token_hex(16)}"
    scanner = Scanner({"decoy": decoy.encode()})
    assert not any(PLACES[place].look(run, scanner).values())
    PLACES[place].plant(run, decoy)
    no_core = place == "core" and not any(name.startswith("core") for name in run.planted)
    if no_core and os.environ.get("CI") != "true":
        pytest.skip(f"this machine writes no core file: {Path('/proc/sys/kernel/core_pattern').read_text()}")
    assert any(PLACES[place].look(run, scanner).values())


VALUE = b"c4nary-\x00" + bytes(range(60, 120)) + secrets.token_bytes(16)
FORMS = {
    "raw": VALUE,
    "hex": VALUE.hex().encode(),
    "base64": base64.b64encode(b"xy" + VALUE),
    "url": urllib.parse.quote_from_bytes(VALUE, safe="").encode(),
}


@pytest.mark.parametrize("at", range(0, 20, 3))
@pytest.mark.parametrize("form", FORMS)
def test_a_piece_of_a_value_is_found_in_every_form(at: int, form: str) -> None:
    part = FORMS[form][at : at + 64]
    assert Scanner({"value": VALUE}).find(b"before " + part + b" after")
    assert not Scanner({"value": VALUE}, whole=["value"]).find(b"before " + part + b" after")


def test_a_run_beside_this_one_leaves_nothing_that_looks_like_a_value_of_it() -> None:
    """Two runs write into the same folders: what one leaves in the clear by design is no leak of the other."""
    other = Canaries.new()
    scanner = Scanner(Canaries.new().needles)
    assert (
        scanner.find("\n".join((other.deploy, other.session, other.superuser, other.pem, other.frame))) == []
    )
