"""An intent repository held in a dict, and the smallest valid one."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bootstrap.model.errors import DefinitionError

AGE = b"age-encryption.org/v1\n-> X25519 abc\n" + b"A" * 43 + b"\n--- " + b"A" * 43 + b"\n" + bytes(32)
_SEALED = b"ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:str]"
SOPS = b"token: %b\nsops:\n  lastmodified: x\n  mac: %b\n" % (_SEALED, _SEALED)

CRDS = b"""\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: externalsecrets.external-secrets.io}
"""

PLATFORM = """\
apiVersion: bootstrap/v1
kind: Platform
metadata: {name: demo}
spec:
  vault:
    version: 1.21.1
    image: docker.io/hashicorp/vault:1.21.1@sha256:abababababababababababababababababababababababababababababababab
    seal: {type: shamir, custody: cluster}
  components:
    externalSecrets: {install: manifests/external-secrets}
"""

SECRET = """\
apiVersion: bootstrap/v1
kind: Secret
metadata: {name: web-session}
spec:
  class: runtime
  owner: web-team
  purpose: Signs the sessions of the shop
  source: {file: encrypted/web.sops.yaml, key: session}
  runtime: {path: applications/web/session}
  handover: {renew: generate}
  consumers:
    - {namespace: web, secret: web-session, workload: Deployment/web}
"""

INTERNAL = """\
apiVersion: bootstrap/v1
kind: InternalSecret
metadata: {name: orders-db}
spec:
  owner: data-team
  purpose: Login of the orders
  source: {namespace: postgres, secret: orders-app}
  path: platform-data/postgres/orders
  properties: {user: username, pass: password}
  consumers:
    - {namespace: orders, secret: orders-db, keys: {U: username}}
"""
SCAFFOLD = (
    SECRET.replace("web-session", "pull")
    .replace("web/session", "web/pull")
    .replace("class: runtime", "class: bootstrap")
    .replace("{renew: generate}", "{renew: reissue}\n  scaffold: {namespace: vault, name: pull}")
    .replace(
        "{namespace: web, secret: pull, workload: Deployment/web}", "{namespace: vault, secret: pull-vault}"
    )
)

MATERIAL = "---\n".join(
    f"""\
apiVersion: bootstrap/v1
kind: Secret
metadata: {{name: {name}-key}}
spec:
  class: root-material
  owner: platform-team
  purpose: Key {name} of the platform
  source: {{file: encrypted/root-material/{name}.age}}
"""
    for name in ("ledger", "commitment", "vault-ca", "unseal")
)


def valid() -> dict[str, bytes]:
    """Files of a repository in which `check` finds nothing at all."""
    files = {
        "bootstrap.yaml": PLATFORM.encode(),
        "secrets/material.yaml": MATERIAL.encode(),
        "secrets/web.yaml": SECRET.encode(),
        "encrypted/web.sops.yaml": SOPS,
        "manifests/external-secrets/operator.yaml": b"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x}\n",
        "manifests/external-secrets/crds.yaml": CRDS,
        "keys/root.txt": b"# holders\nage1first\nage1second\n",
    }
    keys = ("ledger", "commitment", "vault-ca", "unseal")
    files |= {f"encrypted/root-material/{name}.age": AGE + name.encode() for name in keys}
    files |= {f"keys/{n}": b"public\n" for n in ("ledger.pub", "unseal.asc")}
    files["keys/vault-ca.crt"] = b"-----BEGIN CERTIFICATE-----\npublic\n-----END CERTIFICATE-----\n"
    return files


@dataclass(frozen=True)
class FakeRepository:
    files: Mapping[str, bytes] = field(default_factory=valid)
    commit: str = "1" * 40
    tree: str = "2" * 40
    location: str = "fake"

    def paths(self) -> Sequence[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise DefinitionError("no such file", code="E_FILE_MISSING", where=path)
        return self.files[path]

    def blob(self, path: str) -> str:
        return hashlib.sha1(self.files[path]).hexdigest()

    def unused_changes(self) -> Sequence[str]:
        return ()


def changed(changes: Mapping[str, str | bytes | None]) -> FakeRepository:
    """The valid repository with some files replaced, added, or (None) removed."""
    files = valid()
    for path, content in changes.items():
        if content is None:
            files.pop(path)
        else:
            files[path] = content.encode() if isinstance(content, str) else content
    return FakeRepository(files)
