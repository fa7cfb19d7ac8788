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
