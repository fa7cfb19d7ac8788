"""Every interleaving of the init window within bounds: no key lost, no live data removed, never stuck (B4, PH3)."""

from dataclasses import replace

import pytest

from tests.models.checker import explore
from tests.models.init_window import Guards, model

DEFAULT = Guards(crashes=1, losses=1)
WHOLE = Guards(crashes=2, losses=2)


def test_b4_no_interleaving_loses_a_key_or_live_data(whole: bool) -> None:
    verdict = explore(model(WHOLE if whole else DEFAULT))
    print(f"init window: {verdict}")
    assert not verdict.wrong, verdict


@pytest.mark.parametrize("guard", ["by_uid", "bound", "swap", "fresh", "foreign", "proven", "by_volume"])
def test_b4_each_guard_is_needed(guard: str) -> None:
    without = replace(DEFAULT, **{guard: False}, stranger=guard == "foreign")
    verdict = explore(model(without))
    print(f"init window without {guard}: {verdict}")
    assert verdict.wrong


GIVEN_BACK = Guards(crashes=0, losses=0, abandons=1)


def test_h2_a_run_that_is_given_back_loses_nothing_either(whole: bool) -> None:
    verdict = explore(model(replace(GIVEN_BACK, crashes=1, losses=1) if whole else GIVEN_BACK))
    print(f"init window, given back: {verdict}")
    assert not verdict.wrong, verdict


@pytest.mark.parametrize("guard", ["given_up", "swap", "by_uid", "fresh"])
def test_h2_each_guard_of_giving_back_is_needed(guard: str) -> None:
    crashes = 1 if guard in ("by_uid", "fresh") else GIVEN_BACK.crashes
    verdict = explore(model(replace(GIVEN_BACK, **{guard: False}, crashes=crashes)))
    print(f"init window, given back without {guard}: {verdict}")
    assert verdict.wrong
