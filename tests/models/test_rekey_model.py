"""At each moment of a rekey a share that is kept opens Vault: each order of crashes, restarts, late requests (B4)."""

import pytest

from tests.models.checker import explore
from tests.models.rekey import Guards, model


def test_b4_a_share_that_is_kept_opens_vault_at_each_moment() -> None:
    verdict = explore(model(Guards()))
    print(f"rekey: {verdict}")
    assert verdict.wrong == ""
    assert verdict.states > 100


@pytest.mark.parametrize("guard", ["kept_first", "ended_first", "proven", "both"])
def test_b4_each_guard_is_needed(guard: str) -> None:
    verdict = explore(model(Guards(**{guard: False})))
    print(f"rekey without {guard}: {verdict}")
    assert verdict.wrong != ""
