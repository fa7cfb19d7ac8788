"""A violation for each way of Kubernetes' RBAC to a secret of ours, or to root in Vault: a binding of a user."""

from collections.abc import Callable

from bootstrap.operations.verify.kubernetes_ways import READ_KEY, READS, WAYS, Way, Where
from tests.seeds import objects as made
from tests.seeds.hand import Hand, Seed

PLACES = {
    Where.SECRETS: "orders",
    Where.UNSEAL: "vault",
    Where.ACCOUNTS: "bootstrap-system",
    Where.PUSHES: "database",
    Where.DERIVED: "orders",
    Where.PODS: "bootstrap-system",
    Where.ANYWHERE: made.STRANGERS,
    Where.CLUSTER: "",
}


def _planted(way: Way) -> Callable[[Hand], None]:
    place = PLACES[way.where]

    def plant(hand: Hand) -> None:
        if place == made.STRANGERS:
            hand.create(made.namespace())
        hand.create(made.role("of-eve", [made.rule(way.verbs[0], way.resources[0], way.group)]))
        hand.create(made.binding("of-eve", [made.user("eve")], "of-eve", place))

    return plant


def _seed(way: Way) -> Seed:
    verb, resource, place = way.verbs[0], way.resources[0], PLACES[way.where]
    power = READ_KEY if (way.where, way.verbs) == (Where.UNSEAL, READS) else f"{verb} {resource}"
    kind = "RoleBinding" if place else "ClusterRoleBinding"
    return Seed(
        claim="kubernetes-writers",
        what=f"a user may {verb} {resource} in {place}"
        if place
        else f"a user may {verb} {resource} everywhere",
        named=f"User eve ({power}, {kind} of-eve)",
        plant=_planted(way),
    )


SEEDS: tuple[Seed, ...] = tuple(map(_seed, WAYS))
