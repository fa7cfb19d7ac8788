"""No loss of the authority passes unnoticed, and none is made up: every order of writes, crashes and losses (INV4)."""

import pytest

from tests.models.checker import explore
from tests.models.heads import Guards, model


def test_inv4_every_loss_is_asked_about_and_nothing_else() -> None:
    verdict = explore(model(Guards()))
    print(f"heads: {verdict}")
    assert verdict.wrong == ""


@pytest.mark.parametrize("guard", ["head_last", "asks_without_vault", "asks_behind", "two_places"])
def test_inv4_each_guard_is_needed(guard: str) -> None:
    verdict = explore(model(Guards(**{guard: False})))
    print(f"heads without {guard}: {verdict}")
    assert verdict.wrong != ""
