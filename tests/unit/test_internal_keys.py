"""An internal entry publishes no Secret that holds a key of an encrypted repository: what the names tell (S1)."""

import pytest

from bootstrap.intent.findings import errors
from bootstrap.intent.load import examine
from tests.support.intent_fake import INTERNAL, PLATFORM, changed

SOURCE = "{namespace: postgres, secret: orders-app}"
FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {decryption: {provider: sops, secretRef: {name: the-key}}}
"""


def found(entry: str, **manifests: str) -> set[str]:
    files = {f"manifests/workloads/{name}.yaml": text for name, text in manifests.items()}
    made = changed({"bootstrap.yaml": PLATFORM, "secrets/more.yaml": entry, **files})
    return {f.id for f in errors(examine(made)[1])}


@pytest.mark.parametrize(
    "source",
    [
        "flux-system, secret: sops-age",
        "flux-system, secret: sops-gpg",
        "argocd, secret: helm-secrets-private-keys",
        "ops, secret: age-key",
        "ops, secret: sops-keys",
        "kubeseal, secret: sealed-secrets-key7x2q",
    ],
)
def test_s1_a_secret_that_holds_a_key_by_its_name_is_not_published(source: str) -> None:
    assert "E_ROOT_SOURCE" in found(INTERNAL.replace(SOURCE, f"{{namespace: {source}}}"))


@pytest.mark.parametrize("key", ["age.agekey", "team.agekey", "keys.txt", "sops.asc", "identity.asc"])
def test_s1_nor_one_by_the_name_of_a_key_in_it(key: str) -> None:
    assert "E_ROOT_SOURCE" in found(INTERNAL.replace("user: username", f"{key}: username"))


def test_s1_nor_the_one_that_a_kustomization_decrypts_with() -> None:
    entry = INTERNAL.replace(SOURCE, "{namespace: flux-system, secret: the-key}")
    assert "E_ROOT_SOURCE" in found(entry, flux=FLUX)
    assert "E_ROOT_SOURCE" not in found(entry)
    assert "E_ROOT_SOURCE" not in found(entry, flux=FLUX.replace("the-key", "another"))


@pytest.mark.parametrize("name", ["orders-app", "age-of-things", "sops-agent", "keystore"])
def test_others_are_published(name: str) -> None:
    assert found(INTERNAL.replace(SOURCE, f"{{namespace: postgres, secret: {name}}}")) == set()
