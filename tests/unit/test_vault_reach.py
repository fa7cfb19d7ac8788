"""INV6: what a policy lets its bearer change, as Vault judges it."""

import pytest

from bootstrap.intent.hcl import read_policy
from bootstrap.intent.vault_reach import CONTROL, changes, reads_all, writes

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
        [
            ("secret/*", "update"),
            *((f"secret/{k}/plat*", "deny") for k in KINDS),
            ("secret/config", "deny"),  # how long any version of that mount is kept
        ],
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
    blocks += [("secret/config", "deny")]
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
        *(
            ((f"auth/{path}", "update"), "which policies a login gives")
            for path in (
                *(
                    "kubernetes/role/*",
                    "kubernetes/role/external-secrets",
                    "kubernetes/role/team",
                    "+/role/+",
                ),
                *("approle/role/app-*", "approle/role/app/policies", "jwt/role*", "userpass/users/alice"),
                *(
                    "ldap/groups/ops",
                    "cert/certs/web",
                    "github/map/teams/dev",
                    "userpass/users/{{x}}/policies",
                ),
            )
        ),
        (("auth/jwt/config", "update"), "whom a login believes"),
        (("auth/approle/role/app/secret-id", "update"), ""),
        (("auth/userpass/users/{{identity.entity.name}}/password", "update"), ""),
        (("auth/token/create", "update"), ""),
        (("identity/entity", "create"), "entities"),
        (("identity/entity-alias/id/*", "update"), "aliases of entities"),
        (("identity/alias", "update"), "aliases of entities"),
        (("identity/group-alias/id/1", "update"), "aliases of groups"),
        (("sys/storage/raft/snapshot-force", "update"), "the whole storage"),
        (("sys/storage/raft/snapshot", "recover"), "the whole storage"),
        (("sys/generate-root/update", "update"), "the root token"),
        (("bootstrap-transit/sign/countersign/sha2-256", "update"), "what Vault has signed"),
        (("bootstrap-transit/restore/countersign", "update"), "the key with which Vault countersigns"),
        (("bootstrap-transit/verify/countersign", "update"), ""),
        (("auth/token/roles/x", "update"), "token roles"),
        (("identity/entity/id/+", "update"), "entities"),
        (("identity/group", "update"), "groups"),
        (("identity/group/name/x", "update"), "groups"),
        (("bootstrap-transit/sign/countersign", "update"), "what Vault has signed"),
        (("bootstrap-transit/sign/+", "update"), "what Vault has signed"),
        (("bootstrap-transit/keys/countersign/config", "update"), "the key with which Vault countersigns"),
        (("bootstrap-transit/keys/countersign/rotate", "update"), "the key with which Vault countersigns"),
        (("bootstrap-transit/keys/countersign", "read"), ""),
        (("sys/mounts/bootstrap-transit", "delete"), "the mount of Vault's own key"),
        (("sys/policies/acl/*", "read list"), ""),
    ],
)
def test_inv6_who_may_say_who_may(block: tuple[str, str], what: str) -> None:
    assert (what in found(policy(block))) if what else found(policy(block)) == ()


@pytest.mark.parametrize("name", ["probe", "a*", "+", "*", "{{identity.entity.id}}"])
def test_inv6_a_denial_of_some_names_hides_no_power_over_the_others(name: str) -> None:
    """Where the denial is of every name, there is none to hide."""
    denied = [(f"{path.rstrip('/')}/{name}", "deny") for path in CONTROL if path.endswith("/")]
    exact = [(path.rstrip("/"), "deny") for path in CONTROL]
    whole = name in ("+", "*", "{{identity.entity.id}}")
    found_policies = "policies" in found(policy(("sys/*", "update"), *denied, *exact))
    assert found_policies is not whole


@pytest.mark.parametrize(
    ("path", "verbs", "every"),
    [
        *(
            (path, "read", True)
            for path in ("*", "+/data/*", "secret*", "secret/data/+", "secret/data/+/+/+")
        ),
        *((path, "list", True) for path in ("secret/*", "{{identity.entity.name}}/data/*")),
        ("secret/*", "deny", False),
        *(
            (p, "read", False)
            for p in ("secret/data/a*", "secret/data/+/config", "secret/metadata/*", "other/*")
        ),
        ("secret/data/{{identity.entity.id}}/*", "create read", False),
    ],
)
def test_s2_who_reaches_every_secret(path: str, verbs: str, every: bool) -> None:
    (grant,) = read_policy("test", policy((path, verbs)).encode())
    assert reads_all(grant) is every
