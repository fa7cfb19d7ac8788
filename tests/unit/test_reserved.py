"""No entry takes from, puts into or writes where the keys of the platform and its administrators live (S3)."""

from itertools import product

import pytest

from bootstrap.intent.findings import errors
from bootstrap.intent.load import examine
from tests.support.intent_fake import INTERNAL, PLATFORM, SCAFFOLD, SECRET, changed

NAMESPACES = (
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "kube-anything",
    "bootstrap-system",
    "external-secrets",
    "eso",
    "eso-accounts",
)
ELSEWHERE = "{adopt: eso/operator, serviceAccount: eso-accounts/operator}"
NAMES = ("vault-unseal-1", "vault-unseal-2", "vault-tls", "vault-tls-init-3")
USES = {
    "source": (INTERNAL, "{namespace: postgres, secret: orders-app}", "{namespace: NS, secret: NAME}"),
    "consumer": (SECRET, "{namespace: web, secret: web-session,", "{namespace: NS, secret: NAME,"),
    "consumer of an internal": (
        INTERNAL,
        "{namespace: orders, secret: orders-db,",
        "{namespace: NS, secret: NAME,",
    ),
    "scaffold": (
        SCAFFOLD,
        "scaffold: {namespace: vault, name: pull}",
        "scaffold: {namespace: NS, name: NAME}",
    ),
    "consumer of a scaffold": (
        SCAFFOLD,
        "{namespace: vault, secret: pull-vault}",
        "{namespace: NS, secret: NAME}",
    ),
}


def found(use: str, namespace: str, name: str) -> set[str]:
    text, old, new = USES[use]
    assert old in text
    entry = text.replace(old, new.replace("NS", namespace).replace("NAME", name))
    platform = PLATFORM + f"    platform: [{namespace}]\n"
    if namespace.startswith("eso"):
        platform = platform.replace("{install: manifests/external-secrets}", ELSEWHERE)
    made = changed({"bootstrap.yaml": platform, "secrets/more.yaml": entry, "secrets/web.yaml": None})
    return {f.id for f in errors(examine(made)[1])}


@pytest.mark.parametrize(("use", "namespace"), [*product(USES, NAMESPACES)])
def test_s3_a_reserved_namespace_is_not_for_entries(use: str, namespace: str) -> None:
    assert "E_NAMESPACE" in found(use, namespace, "any")


@pytest.mark.parametrize(("use", "name"), [*product(USES, NAMES)])
def test_s3_the_names_of_vaults_own_secrets_are_not_for_entries(use: str, name: str) -> None:
    assert "E_NAMESPACE" in found(use, "vault", name)


def test_s3_nothing_is_published_from_vaults_namespace() -> None:
    assert "E_NAMESPACE" in found("source", "vault", "any")


@pytest.mark.parametrize("use", [use for use in USES if use != "source"])
def test_vaults_namespace_may_have_secrets_of_other_names(use: str) -> None:
    assert "E_NAMESPACE" not in found(use, "vault", "pull")
    assert "E_NAMESPACE" not in found(use, "elsewhere", NAMES[0])


@pytest.mark.parametrize("namespace", ["kube-system", "bootstrap-system", "external-secrets"])
def test_s3_vault_itself_lives_in_none_of_them(namespace: str) -> None:
    platform = PLATFORM.replace("  vault:\n", f"  vault:\n    namespace: {namespace}\n")
    assert "E_NAMESPACE" in {f.id for f in errors(examine(changed({"bootstrap.yaml": platform}))[1])}
