"""A Flux repository as a team has it: several Kustomizations, `.sops.yaml`, Secrets of every shape, by the real `sops`.

Values are the caller's; the recipients are an age key and an OpenPGP key beside it.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.real_sops import Gpg, real_tools, run

BYTES = bytes(range(256))  # no text
NAMESPACES = ("shop", "billing", "ingress")
FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec:
  interval: 10m
  path: ./{path}
  prune: true
  sourceRef: {{kind: GitRepository, name: flux-system}}
  decryption: {{provider: sops, secretRef: {{name: sops-age}}}}
{more}"""
SHOP = """\
# The shop's login; no namespace: its kustomization says it
apiVersion: v1
kind: Secret
metadata:
  name: shop-db
stringData:
  username: shop
  password: "{password}"
data:
  keystore.p12: {bytes}
"""
REGISTRY = """\
apiVersion: v1
kind: Secret
metadata: {{name: registry, namespace: shop}}
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: '{config}'
"""
SEVERAL = """\
apiVersion: v1
kind: Secret
metadata: {{name: invoices, namespace: billing}}
stringData: {{api-key: "{key}"}}
---
# the second of the file
apiVersion: v1
kind: Secret
metadata: {{name: ledger, namespace: billing, annotations: {{team: billing}}}}
immutable: true
type: kubernetes.io/basic-auth
stringData: {{username: ledger, password: "{second}"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: invoices, namespace: billing}}
data: {{currency: eur}}
"""
TLS = """\
apiVersion: v1
kind: Secret
metadata: {{name: edge}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
    {certificate}
  tls.key: |
    {private}
"""
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


@dataclass(frozen=True)
class Flux:
    """``expected``: namespace and name of each Secret to its type and its values."""

    folder: Path
    fingerprint: str
    expected: Mapping[tuple[str, str], tuple[str, Mapping[str, bytes]]]

    def content(self) -> dict[str, bytes]:
        return {
            str(p.relative_to(self.folder)): p.read_bytes() for p in self.folder.rglob("*") if p.is_file()
        }


def flux_tree(folder: Path, recipient: str, gpg: Gpg, canary: str) -> Flux:
    """Written, and sealed in place as people do it: `sops encrypt --in-place`, which reads `.sops.yaml`."""
    fingerprint = gpg.new_key("flux", "future-default", "default", "never")
    config = json.dumps({"auths": {"registry.example": {"auth": f"{canary}-registry"}}})
    body = base64.b64encode(canary.encode()).decode()
    certificate = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    private = f"{canary}-tls\nof two lines\n"
    plain = {
        "clusters/a/shop.yaml": FLUX.format(name="shop", path="apps/shop", more=""),
        "clusters/a/billing.yaml": FLUX.format(name="billing", path="apps/billing", more=""),
        "clusters/a/ingress.yaml": FLUX.format(
            name="ingress", path="infra/ingress", more="  targetNamespace: ingress\n"
        ),
        "apps/shop/kustomization.yaml": f"{KUSTOMIZATION}namespace: shop\nresources: [db.yaml, registry.yaml]\n",
        "apps/shop/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\n",
        "apps/billing/kustomization.yaml": f"{KUSTOMIZATION}resources: [secrets.yaml]\n",
    }
    sealed = {
        "apps/shop/db.yaml": SHOP.format(password=f"{canary}-shop", bytes=base64.b64encode(BYTES).decode()),
        "apps/shop/registry.yaml": REGISTRY.format(config=config),
        "apps/billing/secrets.yaml": SEVERAL.format(key=f"{canary}-key", second=f"{canary}-second"),
        "infra/ingress/tls.yaml": TLS.format(
            certificate=certificate.strip().replace("\n", "\n    "),
            private=private.strip().replace("\n", "\n    "),
        ),
    }
    rule = f"age: {recipient}, pgp: {fingerprint}"
    plain[".sops.yaml"] = (
        f"creation_rules:\n  - {{path_regex: '\\.yaml$', encrypted_regex: '^(data|stringData)$', {rule}}}\n"
    )
    for name, text in {**plain, **sealed}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in sealed:
        words = ("--config", str(folder / ".sops.yaml"), "encrypt", "--in-place", str(folder / name))
        run(real_tools()["sops"], *words, GNUPGHOME=str(gpg.home))
    return Flux(
        folder,
        fingerprint,
        {
            ("shop", "shop-db"): (
                "Opaque",
                {"username": b"shop", "password": f"{canary}-shop".encode(), "keystore.p12": BYTES},
            ),
            ("shop", "registry"): ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": config.encode()}),
            ("billing", "invoices"): ("Opaque", {"api-key": f"{canary}-key".encode()}),
            ("billing", "ledger"): (
                "kubernetes.io/basic-auth",
                {"username": b"ledger", "password": f"{canary}-second".encode()},
            ),
            ("ingress", "edge"): (
                "kubernetes.io/tls",
                {"tls.crt": certificate.encode(), "tls.key": private.encode()},
            ),
        },
    )


def adopted(repository: Path, flux: Flux) -> None:
    """What a person adds after the import: who answers for each entry, who else reads, the namespaces."""
    for path in (repository / "secrets").glob("imported*.yaml"):
        text = path.read_text().replace("owner: FILL-IN", "owner: shop-team")
        path.write_text(text.replace("purpose: FILL-IN", "purpose: What the shop had"))
    (repository / "keys/readers.txt").write_text(f"{flux.fingerprint} # Flux's OpenPGP key\n")
    spaces = [f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n" for name in NAMESPACES]
    (repository / "manifests/workloads/90-imported.yaml").write_text("---\n".join(spaces))
