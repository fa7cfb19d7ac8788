"""A finished platform whose Vault was tampered with: `up` stops and says what, or puts it right (INV1, H1, B6)."""

import time

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.hand import hand_on
from tests.support.program import assert_decent, assert_refused, run_bootstrap, said

pytestmark = pytest.mark.lab
SECRET, PATH = "orders-payment-token", "applications/orders/payment-token"
TAKEN = "applications/orders/taken"
ENTRY = f"""---
apiVersion: bootstrap/v1
kind: Secret
metadata:
  name: taken
spec:
  class: runtime
  owner: orders-team
  purpose: An entry whose path is in use
  source: {{file: encrypted/orders.sops.yaml, key: payment.token, field: token}}
  runtime: {{path: {TAKEN}}}
  handover: {{renew: keep, reason: It is a test}}
"""


def refused(road: Road, kube: Kube, exit_code: int, code: str, *words: str) -> None:
    audit = ApiAudit(kube.lab.audit_log)
    done = run_bootstrap("up", *road.platform.to_cluster())
    assert_refused(done, exit_code, code, *words)
    time.sleep(2)
    assert audit.mutations() == []


def goes_on(road: Road) -> None:
    done = run_bootstrap("up", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert_decent(done)


def test_inv1_a_value_that_vault_lost_is_not_written_again(road: Road, kube: Kube) -> None:
    with hand_on(kube, road.platform) as hand:
        hand.vault("DELETE", f"secret/metadata/{PATH}")
        refused(road, kube, 6, "E_VALUE_LOST", SECRET, PATH)
    goes_on(road)


def test_h1_a_strangers_value_at_our_path_is_not_overwritten(road: Road, kube: Kube) -> None:
    with hand_on(kube, road.platform) as hand:
        hand.vault("POST", f"secret/data/{TAKEN}", {"data": {"value": "a stranger's"}, "options": {"cas": 0}})
        hand.commit("secrets/orders.yaml", lambda text: text + ENTRY)
        refused(road, kube, 6, "E_AUTHORITY_CONFLICT", "taken", TAKEN)
        assert hand.value(TAKEN, "value") == "a stranger's"
    goes_on(road)


def test_b6_auditing_that_was_turned_off_is_named_and_turned_on_again(road: Road, kube: Kube) -> None:
    with hand_on(kube, road.platform) as hand:
        hand.vault("DELETE", "sys/audit/file")
        assert "file/" not in hand.vault("GET", "sys/audit")
        done = run_bootstrap("verify", *road.platform.to_cluster())
        assert done.returncode == 6, said(done)
        assert "E_AUDIT_OFF" in done.stdout
        goes_on(road)
        assert "file/" in hand.vault("GET", "sys/audit")
        hand.forget()  # what would turn it on once more
