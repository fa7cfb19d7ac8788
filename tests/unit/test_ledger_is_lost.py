"""A retired bootstrap copy is not made again while it is not known what was handed over (INV2)."""

from types import SimpleNamespace
from typing import cast

import pytest

from bootstrap.ledger.chain import Ledger
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.ports import Object, Ref, SealStatus
from bootstrap.steps.context.admission import API
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import labels
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.admission import POLICY
from bootstrap.steps.secrets.bootstrap_copy import ledger_is_lost
from bootstrap.steps.vault import cluster_head
from bootstrap.steps.vault.init_window import REBUILT
from bootstrap.steps.vault.init_window import REF as WINDOW
from tests.support.authorities import NOTE, ledger
from tests.support.small_intent import an_intent


def made(ref: Ref, **more: Object) -> Object:
    meta = {"name": ref.name, "namespace": ref.namespace, "labels": labels()}
    return {"apiVersion": ref.api, "kind": ref.kind, "metadata": meta, **more}


VAULT = made(Ref("apps/v1", "StatefulSet", "vault", "vault"), spec={"replicas": 1})
REFUSED = made(Ref(API, "ValidatingAdmissionPolicy", POLICY))
HEAD = made(cluster_head.REF, data={})


def window(facts: str = "") -> Object:
    data = Window(attempt=1, nonce="n", phase=WindowPhase.VERIFIED, facts=facts).to_data()
    return made(WINDOW, data=data)


def lost(*live: Object, known: Ledger | None = None, holds: bool = True) -> bool:
    found = {ref_of(obj): obj for obj in live}
    status = SealStatus(initialized=holds, sealed=False)
    world = SimpleNamespace(
        intent=an_intent(),
        cluster=SimpleNamespace(get=found.get),
        ledger=SimpleNamespace(read=lambda: known or Ledger()),
        session=SimpleNamespace(seal_status=lambda _: status),
    )
    return ledger_is_lost(cast("World", world))


@pytest.mark.parametrize(
    ("live", "is_lost"),
    [
        ((), False),
        ((REFUSED, window(REBUILT)), False),
        ((VAULT,), True),
        ((VAULT, window()), False),
        ((VAULT, window(REBUILT)), True),
        ((VAULT, window(), REFUSED), True),
    ],
)
def test_inv2_without_a_record_beside_a_vault_that_is_past_its_beginning(
    live: tuple[Object, ...], is_lost: bool
) -> None:
    assert lost(*live) is is_lost
    assert not lost(*live, holds=False), "no Vault holds anything"


def test_inv2_with_records_only_while_they_come_back() -> None:
    known = ledger(NOTE)
    assert not lost(VAULT, known=known)
    assert not lost(VAULT, window(), REFUSED, known=known)
    assert lost(VAULT, window(REBUILT), known=known)
    assert not lost(window(REBUILT), known=known), "there is no Vault whose copy would tell"
    assert not lost(VAULT, window(REBUILT), HEAD, known=known), (
        "the run that rebuilt them has come to its end"
    )
