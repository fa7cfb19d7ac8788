"""INV6: what a policy lets its bearer change, as Vault judges it."""

import pytest

from bootstrap.intent.hcl import read_policy
from bootstrap.operations.verify.vault_reach import changes, writes

PATH = "platform/database/superuser"
SECRETS = [(PATH, "superuser"), ("platform-data/postgres/orders", "orders")]


KINDS = ("data", "metadata", "delete", "undelete", "destroy")


def policy(*blocks: tuple[str, str]) -> str:
    return "".join(
        f'path "{path}" {{ capabilities = [{", ".join(repr(v) for v in verbs.split())}] }}\n'.replace(
            "'", '"'
        )
        for path, verbs in blocks
    )


def found(text: str) -> tuple[str, ...]:
    return changes(read_policy("test", text.encode()), SECRETS)


@pytest.mark.parametrize(
    "block",
    [
        ("secret/data/*", "update"),
        ("secret/*", "create"),
        ("*", "update"),
        ("+/data/platform/*", "patch"),
        ("secret/+/platform/database/superuser", "update"),
        (f"secret/data/{PATH}", "create"),
        (f"secret/metadata/{PATH}", "delete"),
        (f"secret/destroy/{PATH}", "update"),
        (f"secret/undelete/{PATH}", "update"),
        ("secret/data/plat*", "update"),
        ("secret/data/{{identity.entity.name}}/database/superuser", "update"),
    ],
)
def test_inv6_it_reaches_a_secret(block: tuple[str, str]) -> None:
    assert "superuser" in found(policy(block))


@pytest.mark.parametrize(
    "blocks",
    [
        [("secret/data/*", "read list")],
        [("secret/data/team/*", "create update")],
        [("other/data/platform/database/superuser", "update")],
        [("secret/data/+", "update")],  # one segment
        [("secret/data/platform/database/superuse", "update")],
        [("secret/*", "update"), *((f"secret/{k}/plat*", "deny") for k in KINDS)],
        [
            ("secret/data/*", "update"),
            ("secret/data/platform/*", "read"),
            ("secret/data/platform-data/*", "read"),
        ],
        [("cubbyhole/*", "create update delete")],
        [("auth/token/renew-self", "update"), ("sys/tools/hash", "update")],
    ],
)
def test_it_reaches_none(blocks: list[tuple[str, str]]) -> None:
    assert found(policy(*blocks)) == ()


def test_a_denial_with_a_plus_gives_way_to_a_glob_without_one() -> None:
    """Of two paths whose first wildcard is at the same place, the one with fewer ``+`` counts."""
    blocks = [("secret/*", "update"), ("secret/+/platform/*", "deny"), ("secret/+/platform-data/*", "deny")]
    assert found(policy(*blocks)) == ("orders", "superuser")


def test_the_most_specific_path_counts_and_equal_ones_add_up() -> None:
    wide = policy(("secret/data/*", "deny"), (f"secret/data/{PATH}", "update"))
    assert writes(read_policy("test", wide.encode()), PATH)
    twice = policy((f"secret/data/{PATH}", "read"), (f"secret/data/{PATH}", "update"))
    assert writes(read_policy("test", twice.encode()), PATH)
    denied = policy((f"secret/data/{PATH}", "update"), (f"secret/data/{PATH}", "deny"))
    assert not writes(read_policy("test", denied.encode()), PATH)


@pytest.mark.parametrize(
    ("block", "what"),
    [
        (("sys/policies/acl/*", "update"), "policies"),
        (("sys/policies/acl/team-*", "create"), "policies"),
        (("sys/policies/acl/reader-orders", "update"), "policies"),
        (("sys/policy/x", "update"), "policies"),
        (("sys/*", "update"), "policies"),
        (("sys/raw/*", "update"), "raw storage"),
        (("sys/auth/github", "create"), "logins"),
        (("auth/kubernetes/role/*", "update"), "the run's role"),
        (("auth/kubernetes/role/external-secrets", "update"), "the readers' role"),
        (("auth/token/roles/x", "update"), "token roles"),
        (("identity/entity/id/+", "update"), "entities"),
        (("identity/group", "update"), ""),
        (("identity/group/name/x", "update"), "groups"),
        (("bootstrap-transit/sign/countersign", "update"), "what Vault has signed"),
        (("bootstrap-transit/sign/+", "update"), "what Vault has signed"),
        (("bootstrap-transit/keys/countersign/config", "update"), "the key with which Vault countersigns"),
        (("bootstrap-transit/keys/countersign/rotate", "update"), "the key with which Vault countersigns"),
        (("bootstrap-transit/keys/countersign", "read"), ""),
        (("sys/mounts/bootstrap-transit", "delete"), "the mount of Vault's own key"),
        (("auth/kubernetes/role/team", "update"), ""),
        (("sys/policies/acl/*", "read list"), ""),
    ],
)
def test_inv6_who_may_say_who_may(block: tuple[str, str], what: str) -> None:
    assert (what in found(policy(block))) if what else found(policy(block)) == ()
