"""Violations on the operator's side: the commit, and what lies outside the cluster."""

import json
import re

from tests.seeds.hand import Hand, Seed


def _damaged(text: str) -> str:
    """The first ciphertext of a SOPS file, with one character changed."""
    found = re.search(r"data:(.)", text)
    assert found is not None
    other = "A" if found[1] != "A" else "B"
    return text[: found.start(1)] + other + text[found.end(1) :]


def _of_another(text: str) -> str:
    return json.dumps({**json.loads(text), "cluster": "another"})


def _replaced(hand: Hand, path: str, old: str, new: str) -> None:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    hand.commit(path, change)


def _declares_snapshots(text: str) -> str:
    return text.rstrip() + (
        '\n  snapshots: {schedule: "0 3 * * *", image: example.com/bootstrap:1, where: {pvc: {size: 1Gi}}}\n'
    )


SEEDS: tuple[Seed, ...] = (
    Seed(
        claim="voters",
        what="nodes are declared that are not there",
        named="sealed: vault-3, vault-4",
        plant=lambda hand: _replaced(hand, "bootstrap.yaml", "replicas: 3", "replicas: 5"),
    ),
    Seed(
        claim="voters",
        what="voters are there that are not declared",
        named="not declared: vault-1, vault-2",
        plant=lambda hand: _replaced(hand, "bootstrap.yaml", "replicas: 3", "replicas: 1"),
    ),
    Seed(
        claim="escrow",
        what="the folder of records is lost",
        named="no escrow found",
        plant=lambda hand: hand.record("escrow.json", None),
    ),
    Seed(
        claim="escrow",
        what="the escrow is another cluster's",
        named="escrow",
        plant=lambda hand: hand.record("escrow.json", _of_another),
    ),
    Seed(
        claim="rebuild",
        what="a ciphertext is damaged",
        named="orders-session-key (E_",
        plant=lambda hand: hand.commit("encrypted/orders.sops.yaml", _damaged),
    ),
    Seed(
        claim="rebuild",
        what="a source does not hold what its entry says",
        named="orders-session-key (E_",
        plant=lambda hand: _replaced(hand, "secrets/orders.yaml", "key: session,", "key: nothing,"),
    ),
    Seed(
        claim="snapshots",
        what="they are declared, and nothing saves them",
        named="not as declared: ConfigMap bootstrap-system/snapshot-settings",
        plant=lambda hand: hand.commit("bootstrap.yaml", _declares_snapshots),
    ),
    Seed(
        claim="residuals",
        what="the unseal key lies in the cluster, and custody is offline",
        named="from seal.custody: cluster",
        plant=lambda hand: _replaced(hand, "bootstrap.yaml", "custody: cluster", "custody: offline"),
    ),
)
