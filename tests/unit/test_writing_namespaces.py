"""The External Secrets Operator may write where the commit has something for it to write, and not elsewhere (S2)."""

from dataclasses import replace

import pytest

from bootstrap.steps.context.operator import writing_namespaces
from tests.support.small_intent import an_intent

OF_THE_CATALOG = ("demo", "postgres")


def manifest(kind: str, namespace: str) -> bytes:
    place = f", namespace: {namespace}" if namespace else ""
    api = "external-secrets.io/v1"
    return f"{{apiVersion: {api}, kind: {kind}, metadata: {{name: a{place}}}, spec: {{}}}}\n".encode()


def test_s2_readers_and_pushers_of_the_catalog() -> None:
    assert writing_namespaces(an_intent()) == OF_THE_CATALOG


@pytest.mark.parametrize(
    ("path", "data", "more"),
    [
        ("manifests/apps/a.yaml", manifest("ExternalSecret", "shop"), "shop"),
        ("manifests/apps/deep/a.yaml", manifest("ExternalSecret", ""), "default"),
        ("manifests/apps/a.yaml", b"kind: SecretStore\nmetadata: {name: a}\napiVersion: v1\n---\n"
         + manifest("ExternalSecret", "shop"), "shop"),
        ("manifests/apps/a.yaml", manifest("SecretStore", "shop"), ""),
        ("manifests/apps/a.yaml", manifest("ClusterExternalSecret", "shop"), ""),
        ("manifests/apps/a.yaml", manifest('"External\\x53ecret"', "shop"), "shop"),
        ("manifests/apps-of-before/a.yaml", manifest("ExternalSecret", "shop"), ""),
        ("manifests/other/a.yaml", manifest("ExternalSecret", "shop"), ""),
    ],
)  # fmt: skip
def test_s2_a_manifest_that_is_applied_counts_however_it_is_spelt(path: str, data: bytes, more: str) -> None:
    intent = an_intent()
    platform = replace(intent.platform, workloads=("manifests/apps",))
    intent = replace(intent, manifests={path: data}, platform=platform)
    assert writing_namespaces(intent) == tuple(sorted({*OF_THE_CATALOG, more} - {""}))
