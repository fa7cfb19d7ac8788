"""A small fleet in the words of Flux, or of Argo CD with KSOPS: two applications and a base that both use."""

import subprocess
from pathlib import Path

import yaml

from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.program import commit_all

CANARY = "canary-40e1aa"
HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
FLUX = (
    "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {0}, namespace: f}}\n"
)
ARGO = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {0}, namespace: argocd}}\n"
SECRETS = {
    "apps/shop/db.sops.yaml": ("db", ""),
    "apps/shop/mail.sops.yaml": ("mail", ""),
    "apps/billing/api.sops.yaml": ("api", ""),
    "common/registry/pull.sops.yaml": ("pull", ""),
}


def fleet(folder: Path, controller: str, recipients: tuple[str, ...]) -> Path:
    """Sealed to ``recipients``, and committed."""
    ksops = controller == "argocd"
    if ksops:
        shop = f"{HEAD}namespace: shop # of the team\nresources: [../../common/registry]\n"
        shop += "generators: [secrets.yaml]\n"
    else:
        shop = f"{HEAD}namespace: shop # of the team\nresources:\n  - ../../common/registry\n"
        shop += "  # the two\n  - ./db.sops.yaml\n  - mail.sops.yaml # sent at night\n"
    files = {
        "apps/shop/kustomization.yaml": shop,
        "apps/shop/secrets.yaml": "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: s}\n"
        "files:\n  - ./db.sops.yaml\n  - mail.sops.yaml\n",
        "apps/billing/kustomization.yaml": f"{HEAD}namespace: billing\n"
        "resources: [api.sops.yaml, ../../common/registry]\n",
        "common/registry/kustomization.yaml": f"{HEAD}resources: [pull.sops.yaml]\n",
    }
    for name in ("shop", "billing"):
        head = (ARGO if ksops else FLUX).format(name)
        spec = {"path": f"./apps/{name}", "prune": True}
        if ksops:
            spec = {"source": {"path": f"apps/{name}", "repoURL": "x"}, "destination": {"namespace": name}}
        files[f"clusters/a/{name}.yaml"] = head + yaml.safe_dump({"spec": spec})
    if not ksops:
        del files["apps/shop/secrets.yaml"]
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    for path, (name, _) in SECRETS.items():
        tree: dict[str, Opened] = {
            "apiVersion": Sensitive(b"v1"),
            "kind": Sensitive(b"Secret"),
            "metadata": {"name": Sensitive(name.encode())},
            "stringData": {"token": Sensitive(f"{CANARY}-{name}".encode())},
        }
        (folder / path).write_bytes(encrypt_yaml(tree, recipients, encrypted_regex="^(data|stringData)$"))
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    commit_all(folder)
    return folder


PLACES = {("shop", "db"), ("shop", "mail"), ("billing", "api"), ("shop", "pull"), ("billing", "pull")}
