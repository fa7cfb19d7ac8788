"""Every interleaving of handover and retirement within bounds: nothing lost, doubled, overwritten or stuck (H1-H3)."""

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.model.catalog import RetireMode
from tests.models.checker import explore
from tests.models.handover import Guards, model

DEFAULT = Guards()
WHOLE = Guards(crashes=2, losses=2, plans=6)
NEEDS: dict[str, dict[str, Any]] = {
    "fence": {"purge": True},
    "given_back": {"purge": True},
    "announced": {"stranger": True},
    "swap": {"retire": RetireMode.INERT},
}


@pytest.mark.parametrize("extra", ["", "stranger", "purge"])
def test_h2_no_interleaving_loses_overwrites_or_doubles(extra: str, whole: bool) -> None:
    more: dict[str, Any] = {extra: True} if extra else {}
    verdict = explore(model(replace(WHOLE if whole else DEFAULT, **more)))
    print(f"handover {extra}: {verdict}")
    assert not verdict.wrong, verdict


@pytest.mark.parametrize("mode", [RetireMode.INERT, RetireMode.IGNORED])
def test_h3_one_that_is_not_deleted_is_emptied_once_or_left_alone(mode: RetireMode, whole: bool) -> None:
    verdict = explore(model(replace(WHOLE if whole else DEFAULT, retire=mode)))
    print(f"handover, {mode}: {verdict}")
    assert not verdict.wrong, verdict


@pytest.mark.parametrize(
    "guard",
    ["cas", "fence", "given_back", "version_one", "announced", "commit_first", "by_uid", "swap", "refused"],
)
def test_h2_each_guard_is_needed(guard: str) -> None:
    without: dict[str, Any] = {guard: False, **NEEDS.get(guard, {})}
    verdict = explore(model(replace(DEFAULT, **without)))
    print(f"handover without {guard}: {verdict}")
    assert verdict.wrong
