"""The loader and the rules: each bad input with its code and its place."""

import base64
import json
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.intent.findings import IntentError, Level, errors
from bootstrap.intent.load import examine, load_intent
from bootstrap.intent.yaml_source import load_documents
from bootstrap.model.catalog import Custody, Renew, SecretClass
from bootstrap.model.errors import DefinitionError
from tests.support.intent_fake import (
    AGE,
    INTERNAL,
    MATERIAL,
    PLATFORM,
    SCAFFOLD,
    SECRET,
    SOPS,
    FakeRepository,
    changed,
)
from tests.support.tls_server import authority

W, B, I = "secrets/web.yaml", "bootstrap.yaml", "secrets/internal.yaml"  # noqa: E741
S = "secrets/scaffold.yaml"


def edited(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def web(old: str, new: str) -> dict[str, str | bytes | None]:
    return {W: edited(SECRET, old, new)}


def batch(line: str) -> dict[str, str | bytes | None]:
    return {"vault/role": f"name: x\n{line}\n"}


def platform(old: str, new: str) -> dict[str, str | bytes | None]:
    return {B: edited(PLATFORM, old, new)}


def internal(old: str, new: str) -> dict[str, str | bytes | None]:
    return {I: edited(INTERNAL, old, new)}


def scaffold(old: str, new: str) -> dict[str, str | bytes | None]:
    return {S: edited(SCAFFOLD, old, new)}


TWO = SECRET + "---\n" + SECRET
NESTED = SECRET + "---\n" + SECRET.replace("web-session", "inner").replace("web/session", "web/session/inner")
PEM = b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 64 + b"\n-----END PRIVATE KEY-----\n"
PLAIN = "apiVersion: v1\nkind: {}\nmetadata: {{name: a}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: b}}\n{}"
M, C = "manifests/external-secrets/operator.yaml", "manifests/external-secrets/crds.yaml"

NAMED = "metadata: {name: b}\n"


def one(path: str, content: str | bytes) -> dict[str, str | bytes | None]:
    return {path: content}


EXTERNAL = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: mine, namespace: web}
spec: {target: {name: web-session}}
"""
CLUSTER_EXTERNAL = """\
apiVersion: external-secrets.io/v1
kind: ClusterExternalSecret
metadata: {name: everywhere}
spec:
  namespaces: [web]
  externalSecretName: web-session
  externalSecretSpec: {dataFrom: []}
"""
CLUSTER_PUSH = """\
apiVersion: external-secrets.io/v1alpha1
kind: ClusterPushSecret
metadata: {name: everywhere}
spec:
  pushSecretSpec: {data: [{match: {remoteRef: {remoteKey: applications/web/session}}}]}
"""
PUSH = """\
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {name: mine, namespace: web}
spec: {data: [{match: {remoteRef: {remoteKey: applications/web/session}}}]}
"""

Changes = dict[str, str | bytes | None]


SNAPSHOTS = (
    f'  snapshots: {{schedule: "0 3 * * *", image: "a/b@sha256:{"0" * 64}", where: {{pvc: {{size: 1Gi}}}}}}\n'
)
S3 = "s3: {endpoint: http://s3, bucket: b, credentials: web-session}"
CERTIFICATE = authority().pem  # which is no good where the endpoint is not https
IMAGES = f"spec:\n  - image: 'ghcr.io/x:v1'\n  - {{a: b}}\n    image: ghcr.io/y@sha256:{'0' * 64}\n"


def known_by(ca: str, more: Mapping[str, bytes] = MappingProxyType({})) -> Changes:
    """A bucket whose server is known by a file of keys/."""
    place = S3.replace("web-session", f"web-session, ca: {ca}")
    return {B: PLATFORM + SNAPSHOTS.replace("pvc: {size: 1Gi}", place), **more}


def copied(file: str) -> Changes:
    """A runtime secret whose source is root material, or has its bytes."""
    return {
        W: edited(SECRET, "{file: encrypted/web.sops.yaml, key: session}", f"{{file: encrypted/{file}}}"),
        "encrypted/root-material/unseal.age": AGE + b"the unseal key",
        "encrypted/copy.age": AGE + b"the unseal key",
        "encrypted/root-material/of/another.asc": b"-----BEGIN PGP MESSAGE-----\n",
    }


def policy(path: str, can: str) -> Changes:
    return {"vault/p.hcl": f'# c\npath "{path}" {{\n  capabilities = ["{can}"]\n}}\n'}


BAD: list[tuple[Changes, str, str]] = [
    # the documents
    ({B: None}, "E_FILE_MISSING", B),
    ({B: PLATFORM + "---\n" + PLATFORM}, "E_YAML_DOCS", f"{B}:12"),
    ({B: ""}, "E_YAML_DOCS", f"{B}:1"),
    ({W: "- a\n"}, "E_TYPE", f"{W}:1:1"),
    ({W: SECRET + "metadata: {name: again}\n"}, "E_YAML_DUP", f"{W}:13:1"),
    (web("bootstrap/v1", "bootstrap/v2"), "E_SCHEMA_NEW", f"{W}:1:1"),
    (web("bootstrap/v1", "v1"), "E_VALUE", f"{W}:1:1"),
    (web("kind: Secret", "kind: Secert"), "E_KIND", f"{W}:2:1"),
    (web("kind: Secret", "kind: Platform"), "E_KIND", f"{W}:2:1"),
    ({"secrets/more.yml": SECRET}, "E_CATALOG_FILE", "secrets/more.yml"),
    # fields
    (web("purpose:", "purpse:"), "E_FIELD", f"{W}:7:3"),
    (web("  owner: web-team\n", ""), "E_MISSING", f"{W}:4:1"),
    (web("owner: web-team", "owner: 7"), "E_TYPE", f"{W}:6:3"),
    (web("owner: web-team", "owner:"), "E_TYPE", f"{W}:6:3"),
    (web("owner: web-team", "owner: ' '"), "E_EMPTY", f"{W}:6:3"),
    (web("class: runtime", "class: runtme"), "E_VALUE", f"{W}:5:3"),
    (web("renew: generate", "renew: yes"), "E_VALUE", f"{W}:10:14"),
    (web("name: web-session", "name: Web_Session"), "E_NAME", f"{W}:3:12"),
    (web("name: web-session", "name: $(id)"), "E_NAME", f"{W}:3:12"),
    (web("Deployment/web", "web"), "E_WORKLOAD", f"{W}:12:45"),
    (web("{renew: generate}", "{renew: generate, length: 4}"), "E_VALUE", f"{W}:10:31"),
    (web("namespace: web", "namespace: Web"), "E_NAME", f"{W}:12:8"),
    # paths
    ({W: TWO}, "E_DUP_DEST", f"{W}:14"),
    ({W: TWO}, "E_DUP_NAME", f"{W}:14"),
    ({W: TWO}, "E_NAME_TAKEN", f"{W}:14"),
    *(
        (web("applications/web/session", bad), "E_DEST_PATH", f"{W}:1")
        for bad in (
            "/a/b",
            "a//b",
            "a/../b",
            "a/%2e%2e/b",
            "a/B",
            "a_b",
            "a/ü",
            "a/",
            "a/-b",
            "a/\uff0e\uff0e/b",
        )
    ),
    *(
        (web("applications/web", bad), "E_DEST_RESERVED", f"{W}:1")
        for bad in ("sys", "auth", "identity", "cubbyhole", "bootstrap")
    ),
    (web("applications/web", "platform-data/web"), "E_DEST_PUSHER", f"{W}:1"),
    (web("applications/web", "platform-config/web"), "E_DEST_PUSHER", f"{W}:1"),
    (web("namespace: web", "namespace: bootstrap-system"), "E_NAMESPACE", f"{W}:1"),
    # classes
    (web("class: runtime", "class: bootstrap"), "E_CLASS", f"{W}:1"),
    (web("class: runtime", "class: derived"), "E_CLASS", f"{W}:1"),
    (web("class: runtime", "class: root-material"), "E_CLASS", f"{W}:1"),
    (web("  runtime: {path: applications/web/session}\n", ""), "E_CLASS", f"{W}:1"),
    (web("  consumers", "  scaffold: {namespace: vault, name: x}\n  consumers"), "E_CLASS", f"{W}:1"),
    (scaffold("namespace: vault, secret", "namespace: web, secret"), "E_CLASS", f"{S}:1"),
    (scaffold("{namespace: vault, name: pull}", "{namespace: web, name: pull}"), "E_CLASS", f"{S}:1"),
    (scaffold("secret: pull-vault", "secret: pull"), "E_SCAFFOLD_NAME", f"{S}:1"),
    (scaffold("renew: reissue", "renew: generate"), "E_RENEW", f"{S}:1"),
    (web("renew: generate", "renew: reissue, fields: [a]"), "E_RENEW", f"{W}:1"),
    (web("  consumers", "  rotation: {rotation_type: time-based}\n  consumers"), "E_ROTATION", f"{W}:1"),
    (web("  consumers", "  rotation: {ttl: 1d, rotate_before: 24h}\n  consumers"), "E_ROTATION", f"{W}:1"),
    (web("  consumers", "  rotation: {ttl: 1d, max_overlap: 90000s}\n  consumers"), "E_ROTATION", f"{W}:1"),
    (web("  consumers", "  rotation: {ttl: 1 day}\n  consumers"), "E_VALUE", f"{W}:11:14"),
    (web("renew: generate", "until: 2026-02-30"), "E_VALUE", f"{W}:1"),
    (web("renew: generate", "until: tomorrow"), "E_VALUE", f"{W}:10:14"),
    # internal secrets
    (internal("namespace: orders", "namespace: postgres"), "E_ROAD", f"{I}:1"),
    (internal("pass: password", "pass: passwd"), "E_VALUE", f"{I}:9:32"),
    (internal("pass: password", "pass: username"), "E_DUP_FIELD", f"{I}:1"),
    (internal("{U: username}", "{U: token}"), "E_KEY", f"{I}:1"),
    (internal("platform-data/postgres/orders", "platform-data/orders"), "E_DEST_PATH", f"{I}:1"),
    (internal("platform-data/", "platform-config/"), "E_DEST_PATH", f"{I}:1"),
    (internal("kind: InternalSecret", "kind: InternalConfig"), "E_DEST_PATH", f"{I}:1"),
    ({I: INTERNAL, B: PLATFORM + "  environments: [orders]\n"}, "E_DEST_PATH", f"{I}:1"),
    ({B: PLATFORM + "  environments: [web]\n"}, "E_DEST_PATH", f"{W}:1"),
    # the platform
    (platform(", custody: cluster", ""), "E_MISSING", f"{B}:8:5"),
    (platform("type: shamir", "type: transit"), "E_SEAL_TYPE", f"{B}:8"),
    (platform("    seal", "    replicas: 2\n    seal"), "E_REPLICAS", f"{B}:1"),
    (platform("    seal", "    tls: {leaf: 1m}\n    seal"), "E_TLS_LIFE", f"{B}:1"),
    (platform("    seal", "    tls: {leaf: 90d, intermediate: 269d}\n    seal"), "E_TLS_LIFE", f"{B}:1"),
    (platform("  vault:", "  operators: [{reason: nobody}]\n  vault:"), "E_OPERATORS", f"{B}:1"),
    (
        platform("  vault:", "  operators: [{groups: ['system:authenticated'], reason: all}]\n  vault:"),
        "E_OPERATORS",
        f"{B}:1",
    ),
    (
        platform("  vault:", "  operators: [{policies: [root], reason: all}]\n  vault:"),
        "E_OPERATORS",
        f"{B}:1",
    ),
    (platform("  vault:", "  operators: [{users: [eve]}]\n  vault:"), "E_MISSING", f"{B}:5:15"),
    (platform("{install: manifests/external-secrets}", "{}"), "E_VALUE", f"{B}:10"),
    (platform("manifests/external-secrets", "elsewhere"), "E_MANIFESTS", f"{B}:1"),
    ({M: None, C: None}, "E_MANIFESTS", f"{B}:1"),
    ({C: None}, "E_MANIFESTS", f"{B}:1"),
    ({M: PLAIN.format("ConfigMap", "stringData: {a: b}\n")}, "E_PLAINTEXT", f"{M}:4"),
    ({M: "kind: Secret\n  x: [\n"}, "E_MANIFEST", f"{M}:2"),
    # files
    ({"encrypted/web.sops.yaml": None}, "E_CATALOG_SET", f"{W}:1"),
    ({"encrypted/web.sops.yaml": "session: plain\n"}, "E_PLAINTEXT", "encrypted/web.sops.yaml"),
    ({"encrypted/web.sops.yaml": " \n"}, "E_CT_EMPTY", "encrypted/web.sops.yaml"),
    ({"encrypted/web.env": "A=1\n"}, "E_PLAINTEXT", "encrypted/web.env"),
    ({"encrypted/web.ini": "[a]\nb = 1\n"}, "E_PLAINTEXT", "encrypted/web.ini"),
    ({"encrypted/web.bin": "A=1\n"}, "E_FORM", "encrypted/web.bin"),
    ({"encrypted/x.age": "not age"}, "E_PLAINTEXT", "encrypted/x.age"),
    ({"keys/ledger.pub": None}, "E_KEYS", "keys/ledger.pub"),
    ({"keys/root.txt": None}, "E_KEYS", "keys/root.txt"),
    ({"encrypted/root-material/unseal.age": None}, "E_ROOT_MATERIAL", f"{B}:1"),
    *(
        (copied(file), "E_ROOT_SOURCE", f"{W}:1")
        for file in ("root-material/unseal.age", "root-material/of/another.asc", "copy.age")
    ),
    (
        {"secrets/material.yaml": MATERIAL.partition("---\n")[2]},
        "E_ROOT_MATERIAL",
        "encrypted/root-material/ledger.age",
    ),
    ({"notes.txt": b"x\nAGE-SECRET-KEY-1" + b"Q" * 58}, "E_KEY_IN_GIT", "notes.txt:2"),
    ({"a/tls.pem": PEM}, "E_KEY_IN_GIT", "a/tls.pem:1"),
    *(
        (one("x.yaml", b"a: |\n    " + PEM.replace(b"\n", end)), "E_KEY_IN_GIT", "x.yaml:2")
        for end in (b"\n    ", b"\\n", b"\\r\\n", b"\r\n", b" \n", b"\\u000a", b"\n\t")
    ),
    ({"x": "\n-----BEGIN PGP PRIVATE KEY BLOCK-----\\n\\nlQOYBF"}, "E_KEY_IN_GIT", "x:2"),
    ({"x": ("\nAGE-SECRET-KEY-1" + "Q" * 58).encode("utf-16")}, "E_KEY_IN_GIT", "x:2"),
    ({"x.yaml": b"a:\n  tls.key: " + base64.b64encode(PEM)}, "E_KEY_IN_GIT", "x.yaml:2"),
    ({"README.md": "a", "readme.md": "b"}, "E_PATH_CASE", "readme.md"),
    ({"apps/db.yaml": PLAIN.format("ConfigMap", "data: {a: Yg==}\n")}, "E_PLAINTEXT", "apps/db.yaml:4"),
    ({"keys/root.txt": "age1a\nage1b\n# c\nage1a\n"}, "E_CUSTODY", "keys/root.txt:4"),
    (scaffold("{renew: reissue}", "{renew: reissue, retire: inert}"), "E_RETIRE_POLICY", f"{S}:1"),
    ({M: "a: &a [*a]\nkind: Secret\ndata: {a: b}\n"}, "E_YAML_CYCLE", f"{M}:1"),
    ({M: "kind: Secret\ndata: " + "[" * 200000}, "E_DEPTH", f"{M}:2"),
    # policies and other roads
    *(
        (
            policy(path, can),
            code,
            f"vault/p.hcl:{line}",
        )
        for path, can, code, line in (
            ("*", "read", "E_POLICY_WIDE", 2),
            ("secret/*", "list", "E_POLICY_WIDE", 2),
            ("secret/data/a", "sudo", "E_POLICY_WIDE", 2),
            ("sys/policies/acl/*", "update", "E_POLICY_WIDE", 2),
            ("sys/*", "create", "E_POLICY_WIDE", 2),
            ("bootstrap-transit/sign/countersign", "update", "E_POLICY_WIDE", 2),
            ("bootstrap-transit/*", "create", "E_POLICY_WIDE", 2),
            ("auth/kubernetes/role/x", "create", "E_POLICY_WIDE", 2),
            ("secret/data/applications/+/session", "update", "E_POLICY_WIDE", 2),
            ("secret/metadata/applications/web/session", "delete", "E_POLICY_WIDE", 2),
            ("secret/destroy/applications/web/session", "update", "E_POLICY_WIDE", 2),
            ("secret/data/+/+/+", "read", "E_POLICY_WIDE", 2),
            ("sys/storage/raft/snapshot-force", "update", "E_POLICY_WIDE", 2),
            ("identity/group", "update", "E_POLICY_WIDE", 2),
            ("secret/data/a", "raed", "E_POLICY", 3),
            ("secret/data/a", 'read" "', "E_POLICY", 3),
        )
    ),
    ({"vault/p.hcl": 'path "a" {\n  capabilities = ["read"]\n'}, "E_POLICY", "vault/p.hcl:1"),
    ({"vault/p.hcl": 'path "a" {\n  capabilites = ["read"]\n}\n'}, "E_POLICY", "vault/p.hcl:2"),
    *(
        (one(f"vault/{file}", f"{text}\n"), "E_POLICY_WIDE", f"vault/{file}:2")
        for file, text in (
            ("roles.yaml", "name: x\ntoken_policies: [a, root]"),
            ("roles.yaml", "name: x\ntoken_policies:\n  - a\n  - root"),
            ("roles.yaml", 'name: x\npolicies: ["ro\\x6ft"]'),
            ("roles.yaml", "name: x\nidentity_policies: !!str ROOT"),
            ("roles.json", '{\n"allowed_policies": [\n"root"]}'),
            ("roles.tf", '{\ntoken_policies = [\n  "a", # why\n  "root"\n]}'),
            ("roles.tf", '{\npolicies = "a,root"}'),
        )
    ),
    *(
        (batch(word), "E_BATCH_TOKEN", "vault/role:2")
        for word in ("token_type: batch", 'token_type = "default-batch"', '"token_type": "batch"')
    ),
    ({M: EXTERNAL}, "E_AUTHORITY", M),
    ({B: PLATFORM + SNAPSHOTS.replace("0 3 * * *", "0 3 * *")}, "E_SCHEDULE", f"{B}:1"),
    ({B: PLATFORM + SNAPSHOTS.replace("0 3 * * *", "@daily")}, "E_SCHEDULE", f"{B}:1"),
    ({B: PLATFORM + SNAPSHOTS.replace("pvc: {size: 1Gi}", "")}, "E_SNAPSHOTS", f"{B}:1"),
    (
        {B: PLATFORM + SNAPSHOTS.replace("pvc: {size: 1Gi}", f"pvc: {{size: 1Gi}}, {S3}")},
        "E_SNAPSHOTS",
        f"{B}:1",
    ),
    (
        {B: PLATFORM + SNAPSHOTS.replace("pvc: {size: 1Gi}", S3.replace("http", "ftp"))},
        "E_SNAPSHOTS",
        f"{B}:1",
    ),
    ({B: PLATFORM + SNAPSHOTS.replace("pvc: {size: 1Gi}", S3.replace("web", "x"))}, "E_SNAPSHOTS", f"{B}:1"),
    *((known_by(ca), "E_SNAPSHOTS", f"{B}:1") for ca in ("absent.crt", "vault-ca.crt")),
    (known_by("s3-ca.crt", {"keys/s3-ca.crt": CERTIFICATE}), "E_SNAPSHOTS", f"{B}:1"),
    ({B: PLATFORM + SNAPSHOTS.replace("where", "keep: 0, where")}, "E_VALUE", f"{B}:11:124"),
    *(
        (one(M, text.replace(f"kind: {kind}", spelt)), "E_AUTHORITY", M)
        for text, kind in ((PUSH, "PushSecret"), (EXTERNAL, "ExternalSecret"))
        for spelt in (
            *(f"kind: {kind}", f"kind: !!str {kind}", f"kind: &a {kind}", f"kind: >-\n  {kind}"),
            *(f'kind: "\\x{ord(kind[0]):x}{kind[1:]}"', f'"k\\x69nd": {kind}', f"a: &a {kind}\nkind: *a"),
        )
    ),
    *(
        (one(M, PUSH.replace("applications/web/session", key)), "E_AUTHORITY", M)
        for key in (
            *(
                "/applications/web/session",
                "secret//applications/web/session",
                "x/../applications//web/session",
            ),
            *("secret/data/applications/web/session", "data/applications/web/session/"),
        )
    ),
    *(
        (one(M, text), "E_AUTHORITY", M)
        for text in (CLUSTER_EXTERNAL, CLUSTER_EXTERNAL.replace("[web]", "[a, web]"), CLUSTER_PUSH)
    ),
    ({M: CLUSTER_EXTERNAL.replace("  namespaces: [web]\n", "")}, "E_AUTHORITY", M),
    *(
        (
            one("x.yaml", f"apiVersion: v1\nkind: {kind}\n{NAMED}data: {{a: Yg==}}\n"),
            "E_PLAINTEXT",
            "x.yaml:1",
        )
        for kind in ("!!str Secret", "&a Secret", '"\\x53ecret"', ">-\n  Secret")
    ),
]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n  <your key>",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n...",
        "-----BEGIN PRIVATE KEY-----\n    <your key>\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n" + "A" * 64,
    ],
)
def test_the_place_of_a_key_in_a_manual_has_no_finding(text: str) -> None:
    assert errors(examine(changed({"notes.md": text}))[1]) == ()


@pytest.mark.parametrize("file", ["role.yaml", "role.tf", "role.sh"])
@pytest.mark.parametrize(
    "text",
    [
        "policies: [root-reader]",
        "policies: [app]  # not root",
        "# token_type: batch",
        "token_type: batchless",
    ],
)
def test_a_role_that_only_sounds_like_root_has_no_finding(file: str, text: str) -> None:
    assert errors(examine(changed({f"vault/{file}": f"{text}\n"}))[1]) == ()


def test_the_valid_repository_has_no_finding() -> None:
    assert examine(FakeRepository())[1] == ()
    assert examine(changed({B: PLATFORM + SNAPSHOTS.replace("pvc: {size: 1Gi}", S3)}))[1] == ()
    assert examine(changed({I: INTERNAL, S: SCAFFOLD}))[1] == ()


@pytest.mark.parametrize(("changes", "code", "where"), BAD)
def test_bad_input(changes: dict[str, str | bytes | None], code: str, where: str) -> None:
    _, findings = examine(changed(changes))
    assert not [f for f in findings if not f.hint], "each says what to do"
    assert (code, where) in {(f.id, f.where) for f in errors(findings)}, [str(f) for f in findings]
    with pytest.raises(DefinitionError) as caught:
        load_intent(changed(changes))
    assert caught.value.exit_code == 2


APPS = "manifests/apps/web.yaml"
WORKLOAD = "apiVersion: apps/v1\nkind: {}\nmetadata: {{name: {}, namespace: {}}}\n"


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        (web("{renew: generate}", "{renew: keep}"), "W_KEEP_REASON", f"{W}:1"),
        ({W: NESTED}, "W_DEST_NEST", f"{W}:14"),
        ({"encrypted/other.age": AGE}, "W_UNUSED_FILE", "encrypted/other.age"),
        ({"keys/root.txt": "# one\nage1only\n"}, "W_RECIPIENTS", "keys/root.txt"),
        (platform("    seal", "    replicas: 1\n    seal"), "W_REPLICAS", f"{B}:1"),
        (platform("custody: cluster", "custody: offline"), "W_CUSTODY", f"{B}:1"),
        (platform("@sha256:" + "ab" * 32, ""), "W_IMAGE_TAG", f"{B}:1"),
        (platform("@sha256:" + "ab" * 32, "@sha256:abab"), "W_IMAGE_TAG", f"{B}:1"),
        ({M: f"kind: Deployment\n{IMAGES}"}, "W_IMAGE_TAG", f"{M}:3"),
        ({B: PLATFORM + SNAPSHOTS}, "W_SNAPSHOTS_INSIDE", f"{B}:1"),
        ({I: INTERNAL.partition("  consumers")[0]}, "W_NO_CONSUMER", f"{I}:1"),
        ({APPS: WORKLOAD.format("Deployment", "shop", "web")}, "W_WORKLOAD", f"{W}:1"),
    ],
)
def test_warnings_do_not_stop(changes: dict[str, str | bytes | None], code: str, where: str) -> None:
    intent, findings = examine(changed(changes))
    assert [(f.id, f.where, f.level) for f in findings] == [(code, where, Level.WARNING)]
    assert load_intent(changed(changes)) == intent


@pytest.mark.parametrize(
    "manifest",
    [
        WORKLOAD.format("Deployment", "web", "web"),
        WORKLOAD.format("Deployment", "shop", "elsewhere"),  # of namespace web nothing is known
        WORKLOAD.format("Ingress", "shop", "web"),
        "apiVersion: v1\nkind: Deployment\nmetadata: {name: shop}\n# web\n",
        "kind: Deployment\nweb: [\n",
    ],
)
def test_a_workload_that_may_be_there_is_not_missed(manifest: str) -> None:
    assert examine(changed({APPS: manifest}))[1] == ()


def test_what_is_narrow_sealed_or_elsewhere_is_left_alone() -> None:
    policy = 'path "secret/data/applications/web/*" {\n  capabilities = ["read", "list"] // why\n}\n'
    sealed = PLAIN.format("Secret", 'stringData: {a: "ENC[AES256_GCM,data:x]"}\nsops: {mac: x}\n')
    sealed = sealed.replace("metadata: {name: a}", "metadata: {name: a}\ndata: {}")
    other = (
        EXTERNAL.replace("name: web-session", "name: another") + "---\n" + PUSH.replace("/session", "/other")
    )
    files = {"vault/p.hcl": policy, "apps/x.yaml": sealed, M: other, "Readme.txt": "LS0tLS1CRUdJTiB4"}
    assert examine(changed(files))[1] == ()


def test_all_errors_are_told_at_once() -> None:
    changes = web("owner: web-team", "ownr: web-team") | platform(", custody: cluster", "") | {I: "a: &x 1\n"}
    with pytest.raises(IntentError) as caught:
        load_intent(changed(changes))
    assert {f.id for f in caught.value.findings} == {"E_FIELD", "E_MISSING", "E_YAML_ALIAS"}
    for finding in caught.value.findings:
        assert str(finding) in caught.value.message


def test_unknown_field_says_what_was_meant() -> None:
    _, findings = examine(changed(web("workload:", "worklod:")))
    assert [(f.id, f.where, f.hint) for f in findings] == [
        ("E_FIELD", f"{W}:12:45", 'did you mean "workload"?')
    ]


def test_two_entries_for_one_path_name_both_places() -> None:
    _, findings = examine(changed({W: TWO}))
    (found,) = [f for f in findings if f.id == "E_DUP_DEST"]
    assert (found.where, f"{W}:1" in found.message) == (f"{W}:14", True)


def test_no_message_quotes_what_was_written_in_a_wrong_place() -> None:
    canary = "hunter2-canary"
    for old in ("web-team", "runtime\n", "applications/web/session}", "generate", "Deployment/web"):
        new = f"[{canary}]" if old != "runtime\n" else f"{canary}\n"
        _, findings = examine(changed(web(old, new + ("}" if old.endswith("}") else ""))))
        assert errors(findings)
        assert canary not in "".join(map(str, findings))


def test_the_intent_holds_what_was_written() -> None:
    head = {"records/uid-1/head.json": b"h", "records/uid-1/escrow.json": b"e", "records/uid-1/other": b"o"}
    intent = load_intent(changed({**head, "encrypted/README.md": "about", I: INTERNAL, S: SCAFFOLD}))
    assert intent.platform.vault.custody is Custody.CLUSTER
    assert intent.platform.where == f"{B}:1"
    assert (intent.heads, intent.escrows) == ({"uid-1": b"h"}, {"uid-1": b"e"})
    assert "encrypted/README.md" not in intent.blobs
    assert intent.keys["root.txt"].startswith(b"# holders")
    secret = intent.secret("web-session")
    assert (secret.secret_class, secret.handover.renew, secret.where) == (
        SecretClass.RUNTIME,
        Renew.GENERATE,
        f"{W}:1",
    )
    assert [s.name for s in intent.handovers] == ["pull", "web-session"]
    assert intent.internals[0].properties == {"user": "username", "pass": "password"}


def test_a_declared_platform_component_may_use_a_scaffold() -> None:
    text = SCAFFOLD.replace("namespace: vault", "namespace: argocd")
    assert errors(examine(changed({S: text}))[1])
    declared = edited(PLATFORM, "external-secrets}\n", "external-secrets}\n    platform: [argocd]\n")
    assert examine(changed({S: text, B: declared}))[1] == ()


def test_entries_that_cannot_be_read_make_nothing_else_look_absent() -> None:
    _, findings = examine(changed(web("owner", "ownr")))
    assert {f.id for f in findings} == {"E_FIELD", "E_MISSING"}


_WORDS = st.sampled_from(
    [
        "spec",
        "metadata",
        "name",
        "class",
        "source",
        "a b",
        "",
        "1",
        "true",
        "keys",
        "consumers",
        "ü",
        "\n",
        "/",
    ]
)
_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from([PLATFORM, SECRET, INTERNAL, SCAFFOLD]), st.data())
def test_the_loader_raises_definition_errors_only(text: str, data: st.DataObject) -> None:
    """A valid document with one node replaced by anything, and one with bytes cut or changed."""
    document = load_documents("x", text.encode())[0].value
    node = document
    assert isinstance(node, dict)
    while isinstance(inner := node[key := data.draw(st.sampled_from(sorted(node)))], dict) and data.draw(
        st.booleans()
    ):
        node = inner
    node[key] = data.draw(_TREES)
    cut = data.draw(st.integers(0, len(text)))
    broken = (
        text[:cut].encode()
        + data.draw(st.binary(max_size=8))
        + text[cut + data.draw(st.integers(0, 9)) :].encode()
    )
    for content in (json.dumps(document).encode(), broken):
        for path in (B, W):
            try:
                load_intent(changed({path: content}))
            except DefinitionError as error:
                assert error.code.startswith("E_")


def test_sops_mark_is_not_fooled_by_a_comment() -> None:
    _, findings = examine(changed({"encrypted/web.sops.yaml": b"# sops:\nsession: plain\n"}))
    assert [f.id for f in findings] == ["E_PLAINTEXT"]
    assert examine(changed({"encrypted/web.sops.yaml": SOPS}))[1] == ()
