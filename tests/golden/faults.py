"""Intent repositories with faults: what each changes in the good one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

INPUTS = Path(__file__).with_name("inputs")
ORDERS, SHOP, PLATFORM = "secrets/orders.yaml", "secrets/shop.yaml", "bootstrap.yaml"
VECTORS = Path(__file__).parents[1] / "vectors"
AGE = b"age-encryption.org/v1\n-> X25519 abc\n" + b"A" * 43 + b"\n--- " + b"A" * 43 + b"\n" + bytes(32)


@dataclass(frozen=True)
class Swap:
    """Text of a file replaced, once, by other text."""

    old: str
    new: str


Change = Swap | tuple[Swap, ...] | str | bytes | None  # None: the file is not there
Changes = Mapping[str, Change]


def changed(good: Mapping[str, bytes], changes: Changes) -> dict[str, bytes]:
    files = dict(good)
    for path, change in changes.items():
        if change is None:
            files.pop(path)
        elif isinstance(change, bytes | str):
            files[path] = change.encode() if isinstance(change, str) else change
        else:
            for swap in (change,) if isinstance(change, Swap) else change:
                files[path] = _swapped(path, files[path], swap)
    return files


def _swapped(path: str, content: bytes, swap: Swap) -> bytes:
    old, new = swap.old.encode(), swap.new.encode()
    assert old in content, f"{path} does not hold {swap.old!r}"
    return content.replace(old, new, 1)


def entry(name: str, *lines: str, kind: str = "Secret") -> str:
    """One document of the catalog; ``lines`` stand below ``spec``."""
    body = "".join(f"  {line}\n" for line in ("owner: shop-team", "purpose: Is wrong", *lines))
    return f"apiVersion: bootstrap/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{body}"


def entries(*documents: str) -> str:
    return "---\n".join(documents)


SOURCE = "source: {file: encrypted/orders.sops.yaml, key: session}"

OWN = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: own, namespace: shop}
spec:
  target: {name: shop-login}
  dataFrom: [{extract: {key: x}}]
"""

FAULTS: dict[str, Changes] = {
    # ------------------------------------------------------------ what is written
    "unknown-field": {
        ORDERS: (
            Swap("  owner: orders-team", "  ownr: orders-team"),
            Swap("renew: generate", "renwe: generate"),
        ),
        PLATFORM: Swap("    replicas: 3", "    replica: 3"),
    },
    "unknown-kind": {
        ORDERS: (
            Swap("kind: Secret", "kind: Secrit"),
            Swap("apiVersion: bootstrap/v1\nkind: Secret\n", "kind: Secret\n"),
        ),
        SHOP: Swap("apiVersion: bootstrap/v1", "apiVersion: bootstrap/v2"),
    },
    "wrong-types": {
        ORDERS: (Swap("length: 48", 'length: "48"'), Swap("key: session", "key: 7")),
        PLATFORM: (Swap("replicas: 3", "replicas: three"), Swap("platform: [gitops]", "platform: gitops")),
        SHOP: Swap("  consumers:\n    - {namespace: shop, secret: shop-login}", "  consumers: shop"),
    },
    "wrong-values": {
        ORDERS: (Swap("length: 48", "length: 4"), Swap("renew: reissue", "renew: sometimes")),
        PLATFORM: (Swap("replicas: 3", "replicas: 2"), Swap("custody: cluster", "custody: nobody")),
        SHOP: (Swap("2099-12-31", "2099-02-31"), Swap("encoding: base64", "encoding: base32")),
    },
    "missing-fields": {
        ORDERS: (Swap("  owner: orders-team\n", ""), Swap("  class: runtime\n", "")),
        SHOP: (
            Swap("  purpose: Logs the shop in at its provider\n", '  purpose: ""\n'),
            Swap("metadata:\n  name: shop-mail\n", "metadata: {}\n"),
        ),
    },
    "duplicate-keys": {
        ORDERS: Swap("  class: runtime\n", "  class: runtime\n  class: bootstrap\n"),
        PLATFORM: Swap("    replicas: 3", "    replicas: 3\n    replicas: 5"),
    },
    "broken-yaml": {
        ORDERS: "apiVersion: bootstrap/v1\nkind: [\n",
        SHOP: "a: b\n\tc: d\n",
        PLATFORM: "- a\n- b\n",
    },
    "odd-yaml": {
        ORDERS: "apiVersion: bootstrap/v1\nkind: Secret\nmetadata: &a {name: x}\nspec: *a\n",
        SHOP: "kind: !!python/name:os.system x\n",
        "secrets/bytes.yaml": b"kind: \xff\xfe\n",
        "secrets/empty.yaml": "",
        "secrets/notes.txt": "not read\n",
    },
    "no-platform": {PLATFORM: None},
    "placeholder": {
        ORDERS: (
            Swap("owner: orders-team", "owner: FILL-IN"),
            Swap("purpose: Calls the payment provider", "purpose: FILL-IN"),
        )
    },
    # ------------------------------------------------------------ what belongs together
    "names": {
        "secrets/names.yaml": entries(
            entry("Shop_Login", "class: runtime", "runtime: {path: applications/shop/upper}"),
            entry("shop-login", "class: runtime", "runtime: {path: applications/shop/twice}"),
            entry("x" * 70, "class: runtime", "runtime: {path: applications/shop/long}"),
        ),
    },
    "paths": {
        "secrets/paths.yaml": entries(
            entry("a", "class: runtime", "runtime: {path: applications/shop/login}"),
            entry("b", "class: runtime", "runtime: {path: /applications//Shop/}"),
            entry("c", "class: runtime", "runtime: {path: sys/raw}"),
            entry("d", "class: runtime", "runtime: {path: platform-data/postgres/orders}"),
            entry("e", "class: runtime", "runtime: {path: applications/staging/shop}"),
            entry("f", "class: runtime", "runtime: {path: applications/shop/login/below}"),
        ),
    },
    "classes": {
        "secrets/classes.yaml": entries(
            entry("a", "class: bootstrap", SOURCE, "runtime: {path: applications/x/a}"),
            entry(
                "b",
                "class: runtime",
                SOURCE,
                "scaffold: {namespace: gitops, name: b}",
                "runtime: {path: applications/x/b}",
            ),
            entry("c", "class: derived", SOURCE, "runtime: {path: applications/x/c}"),
            entry("d", "class: root-material", SOURCE, "runtime: {path: applications/x/d}"),
            entry("e", "class: runtime"),
            entry(
                "f",
                "class: bootstrap",
                SOURCE,
                "runtime: {path: applications/x/f}",
                "scaffold: {namespace: gitops, name: f}",
                "handover: {renew: generate}",
                "consumers: [{namespace: orders, secret: f}]",
            ),
        ),
    },
    "rotation": {
        "secrets/rotation.yaml": entries(
            entry(
                "a",
                "class: runtime",
                "runtime: {path: applications/x/a}",
                "rotation: {rotation_type: time-based}",
            ),
            entry(
                "b",
                "class: runtime",
                "runtime: {path: applications/x/b}",
                "rotation: {rotation_type: time-based, ttl: 1d, rotate_before: 2d, max_overlap: 48h}",
            ),
            entry(
                "c",
                "class: runtime",
                "runtime: {path: applications/x/c}",
                "rotation: {rotation_type: time-based, ttl: soon}",
            ),
        ),
    },
    "retirement": {
        "secrets/gitops.yaml": Swap("retire: deleted", "retire: inert"),
        "secrets/more.yaml": entry(
            "kept",
            "class: bootstrap",
            SOURCE,
            "runtime: {path: platform/gitops/kept}",
            "scaffold: {namespace: gitops, name: kept, type: kubernetes.io/tls}",
            "handover: {retire: inert, renew: reissue, reason: because, until: '2099-01-01'}",
        ),
    },
    "internal": {
        "secrets/internal.yaml": entries(
            entry(
                "a",
                "source: {namespace: database, secret: a}",
                "path: applications/x/a",
                "properties: {u: username}",
                kind="InternalSecret",
            ),
            entry(
                "b",
                "source: {namespace: database, secret: b}",
                "path: platform-data/postgres/b",
                "properties: {u: user}",
                kind="InternalSecret",
            ),
            entry(
                "c",
                "source: {namespace: shop, secret: c}",
                "path: platform-config/kafka/c",
                "properties: {u: host}",
                "consumers: [{namespace: shop, secret: d, keys: {A: port}}]",
                kind="InternalConfig",
            ),
            entry(
                "d",
                "source: {namespace: database, secret: d}",
                "path: platform-data/postgres/d",
                "properties: {}",
                kind="InternalSecret",
            ),
        ),
    },
    "consumers": {
        ORDERS: Swap("workload: Deployment/orders-web", "workload: Deployment/orders-wep"),
        SHOP: (
            Swap("secret: shop-mail", "secret: shop-login"),
            Swap("{MAIL_PASSWORD: password}", "{MAIL_PASSWORD: pasword}"),
        ),
    },
    # ------------------------------------------------------------ what is encrypted
    "plaintext": {
        "encrypted/orders.sops.yaml": "session: invented\npayment: {token: invented}\nsigning: invented\n",
        "encrypted/more.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: invented}\n",
        "manifests/workloads/secret.yaml": "kind: Secret\nmetadata: {name: a}\ndata: {a: aW52ZW50ZWQ=}\n",
    },
    "private-key": {
        "notes.txt": b"not for here\n" + (INPUTS / "good.root.key").read_bytes(),
        "docs/key.asc": (INPUTS / "pgp.root.key").read_bytes(),
    },
    "forms": {
        "encrypted/crypt.yaml": b"\0GITCRYPT\0\1\2",
        "encrypted/ansible.yaml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
        "encrypted/sealed.yaml": "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec: {encryptedData: {}}\n",
        "encrypted/empty.age": "",
        "encrypted/age.yaml": AGE,
        "encrypted/cut.age": AGE,
        "encrypted/plain.bin": "invented\n",
    },
    "sources": {
        ORDERS: (
            Swap("encrypted/orders.sops.yaml", "encrypted/order.sops.yaml"),
            Swap("key: payment.token", "key: payment.tokn"),
        ),
        SHOP: Swap("encrypted/shop.env", "../good.root.key"),
        "encrypted/unused.age": AGE,
    },
    "stranger": {"encrypted/other.yaml": (VECTORS / "sops-3.13.3/both.yaml").read_bytes()},
    "changed-value": {
        "encrypted/orders.sops.yaml": Swap(
            "session: ENC[AES256_GCM,data:0780", "session: ENC[AES256_GCM,data:0781"
        )
    },
    "typed": {
        "encrypted/typed.json": (INPUTS / "parts/typed.json").read_bytes(),
        "secrets/typed.yaml": entry(
            "typed",
            "class: runtime",
            "source: {file: encrypted/typed.json, key: count}",
            "runtime: {path: applications/shop/typed}",
        ),
    },
    # ------------------------------------------------------------ keys, policies, manifests
    "missing-keys": {
        "keys/ledger.pub": None,
        "keys/root.txt": None,
        "encrypted/root-material/unseal.age": None,
    },
    "no-secrets": dict.fromkeys(
        ("secrets/database.yaml", "secrets/gitops.yaml", "secrets/root-material.yaml")
    ),
    "key-pair": {
        "keys/ledger.pub": (INPUTS / "pgp/keys/ledger.pub").read_bytes(),
        "keys/unseal.asc": "garbage\n",
    },
    "hcl": {
        "vault/shop.hcl": 'path "secret/data/applications/shop/*" {\n  capabilities = ["read"\n}\n',
        "vault/word.hcl": 'path "secret/data/x" {\n  capabilities = ["reed"]\n}\n',
        "vault/twice.hcl": 'path "secret/data/x" {\n  capabilities = ["read"]\n  capabilities = ["list"]\n}\n',
        "vault/text.hcl": "let it be\n",
        "vault/open.hcl": 'path "secret/data/x {\n',
    },
    "policies": {
        "vault/all.hcl": 'path "secret/*" { capabilities = ["read"] }\n',
        "vault/sudo.hcl": 'path "sys/seal" { capabilities = ["sudo"] }\n',
        "vault/root.hcl": 'path "sys/policies/acl/*" { capabilities = ["update"] }\n',
        "vault/second.hcl": 'path "secret/data/applications/shop/*" { capabilities = ["update"] }\n',
        "vault/role.yaml": "token_policies: [root]\n",
    },
    "manifests": {
        "manifests/workloads/orders.yaml": "apiVersion: v1\nkind: [\n",
        "manifests/workloads/kind.yaml": "apiVersion: v1\nmetadata: {name: a}\n",
        "manifests/workloads/cycle.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: &a {name: x, labels: *a}\n",
        "manifests/workloads/number.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 5}\n",
    },
    "no-definitions": {"manifests/external-secrets/crds.yaml": None},
    "no-workloads": {PLATFORM: Swap("manifests/workloads", "manifests/nowhere")},
    "authority": {"manifests/workloads/own.yaml": OWN},
}
