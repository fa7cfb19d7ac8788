"""How full Vault's volumes are, as the last line of its renewer says; what is not known is said to be (OK4)."""

from types import SimpleNamespace
from typing import cast

import pytest

from bootstrap.model.errors import WorldError
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.containers import FULL
from bootstrap.steps.vault.volumes import Volumes, volumes


def world(log: str | WorldError) -> World:
    def logs(namespace: str, pod: str, container: str) -> str:
        assert (namespace, pod, container) == ("vault", "vault-0", "renewer")
        if isinstance(log, WorldError):
            raise log
        return log

    found = SimpleNamespace(
        cluster=SimpleNamespace(logs=logs),
        session=SimpleNamespace(pods=("vault-0",)),
        intent=SimpleNamespace(platform=SimpleNamespace(vault=SimpleNamespace(namespace="vault"))),
    )
    return cast(World, found)


def test_the_last_line_counts() -> None:
    log = "volumes: data 1%, audit 2%\nit renews\nvolumes: data 12%, audit 34%\n"
    assert list(volumes(world(log))) == [Volumes("vault-0", 12, 34)]
    assert str(Volumes("vault-0", 12, 34)) == "vault-0: data 12 %, audit 34 % full"


@pytest.mark.parametrize("log", ["", "volumes: data x%, audit 2%\n", WorldError("no", code="E_KUBE_DENIED")])
def test_what_no_line_says_is_not_known(log: str | WorldError) -> None:
    (found,) = volumes(world(log))
    assert (found.data, found.audit, found.soon_full) == (None, None, False)
    assert str(found) == "vault-0: not known"
    assert str(Volumes("vault-0", 1, None)) == str(Volumes("vault-0", None, 1)) == "vault-0: not known"


@pytest.mark.parametrize(
    ("data", "audit", "full"),
    [(FULL, 0, True), (0, FULL, True), (FULL - 1, FULL - 1, False), (None, FULL, True), (FULL, None, True)],
)
def test_either_volume_is_soon_full(data: int | None, audit: int | None, full: bool) -> None:
    found = Volumes("vault-0", data, audit)
    assert found.soon_full is full
    assert str(found).endswith("soon FULL") is (full and None not in (data, audit))
