"""Rows 49 to 66: the catalog, and access to the cluster."""

from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.engine.loader import load_phases
from bootstrap.intent.load import load_intent
from bootstrap.ledger.head import sign_head
from bootstrap.steps.registry import KINDS
from tests.bad_input.box import (
    WEB,
    Box,
    Told,
)
from tests.bad_input.table import ROWS, Row, pairs, refused, row
from tests.simulator.platform import SimulatedPlatform
from tests.support.heads import invented_head
from tests.support.intent_fake import PLATFORM, SCAFFOLD, SECRET, SOPS

OPERATOR, PULL = "manifests/external-secrets/operator.yaml", "secrets/scaffold.yaml"
X = "encrypted/x.sops.yaml"


@row(49, "two entries with one path", "E_DUP_DEST", f"{WEB}:14")
def _(box: Box) -> Told:
    return box.spoilt({WEB: SECRET + "---\n" + SECRET})


@row(50, "one path below another", "W_DEST_NEST", f"{WEB}:14")
def _(box: Box) -> Told:
    inner = SECRET.replace("web-session", "inner").replace("web/session", "web/session/inner")
    return box.spoilt({WEB: SECRET + "---\n" + inner})


@row(51, "a path with '..', '//' or worse", "E_DEST_PATH", f"{WEB}:1")
def _(box: Box) -> Told:
    for bad in ("/a", "a//b", "a/../b", "a/%2e/b", "a/\uff0e\uff0e/b"):
        assert ("E_DEST_PATH", f"{WEB}:1") in pairs(box.web("applications/web/session", bad)), bad
    return box.web("applications/web/session", "../sys/seal")


@row(52, "a path below sys/, auth/, identity/", "E_DEST_RESERVED", f"{WEB}:1")
def _(box: Box) -> Told:
    return box.web("applications/web", "sys/policies")


@row(53, "an entry without its file; a file without an entry", "E_CATALOG_SET", f"{WEB}:1")
def _(box: Box) -> Told:
    assert ("W_UNUSED_FILE", "encrypted/more.sops.yaml") in pairs(
        box.spoilt({"encrypted/more.sops.yaml": SOPS})
    )
    return box.spoilt({"encrypted/web.sops.yaml": None})


@row(
    54,
    "steps that need each other",
    "E_NEEDS_ORDER",
    r"a.yaml:\d+",
    listed="E_CYCLE",
    why="a need names what stands before",
)
def _(box: Box) -> Told:
    step = "  - {{id: {}, kind: preflight, title: t, needs: [{}]}}\n"
    phase = (
        "phase: {id: a, title: A, authority: Vault}\nsteps:\n"
        + step.format("one", "two")
        + step.format("two", "one")
    )
    load_phases({"a.yaml": phase.encode()}, KINDS)
    return ()


@row(55, "an application's secret as class bootstrap", "E_CLASS", f"{PULL}:1")
def _(box: Box) -> Told:
    return box.spoilt({PULL: SCAFFOLD.replace("namespace: vault, secret", "namespace: web, secret")})


@row(56, "a scaffold that is never deleted", "E_RETIRE_POLICY", f"{PULL}:1")
def _(box: Box) -> Told:
    text = SCAFFOLD.replace("{renew: reissue}", "{renew: reissue, retire: ignored}")
    excused = text.replace("retire: ignored", "retire: ignored, reason: r, until: 2027-01-01")
    assert not {i for i, _ in pairs(box.spoilt({PULL: excused}))} & {"E_RETIRE_POLICY", "E_VALUE"}
    assert ("E_VALUE", f"{PULL}:10:30") in pairs(box.spoilt({PULL: text.replace("ignored", "never")}))
    return box.spoilt({PULL: text})


@row(57, "a policy with an unknown capability", "E_POLICY", "vault/p.hcl:2")
def _(box: Box) -> Told:
    return box.spoilt({"vault/p.hcl": 'path "secret/data/a" {\n  capabilities = ["raed"]\n}\n'})


@row(58, "a policy that grants everything", "E_POLICY_WIDE", "vault/p.hcl:1")
def _(box: Box) -> Told:
    roles = {"vault/r.yaml": "token_policies: [root]\n"}
    assert ("E_POLICY_WIDE", "vault/r.yaml:1") in pairs(box.spoilt(roles))
    return box.spoilt({"vault/p.hcl": 'path "*" {\n  capabilities = ["sudo"]\n}\n'})


@row(
    59,
    "a template in a value",
    "E_NAME",
    f"{WEB}:12:24",
    listed="E_TEMPLATE",
    why="nothing is a template: text stays text",
)
def _(box: Box) -> Told:
    from tests.support.intent_fake import changed

    purpose = SECRET.replace("purpose: Signs", "purpose: \"{{ lookup('pipe', 'id') }}\" #")
    assert load_intent(changed({WEB: purpose})).secret("web-session").purpose == "{{ lookup('pipe', 'id') }}"
    return box.web("secret: web-session", "secret: \"{{ lookup('pipe', 'id') }}\"")


@row(60, "shell characters in a name", "E_NAME", f"{WEB}:3:12")
def _(box: Box) -> Told:
    return box.web("name: web-session", 'name: "a;$(id)"')


ROWS.append(Row(number=61, what="a seal key of 31 bytes", waits="the static seal is not there yet"))
ROWS.append(Row(number=62, what="a seal key's id used again", waits="the static seal is not there yet"))


@row(
    63,
    "shares and threshold that do not fit",
    "E_FIELD",
    r"bootstrap.yaml:8:\d+",
    listed="E_SHARES",
    why="one share of one, until custodians are there",
)
def _(box: Box) -> Told:
    return box.spoilt({"bootstrap.yaml": PLATFORM.replace("custody: cluster", "custody: cluster, shares: 0")})


@row(64, "one holder named twice", "E_CUSTODY", "keys/root.txt:2")
def _(box: Box) -> Told:
    return box.spoilt({"keys/root.txt": "age1a\nage1a\n"})


@row(65, "a kubeconfig without TLS", "E_KUBE_TRUST", ".*/kubeconfig")
def _(box: Box) -> Told:
    from tests.support.kubeconfigs import ANSWER, cluster, plugin, write

    blind = write(box.folder, **cluster(**{"insecure-skip-tls-verify": True}))
    assert refused(lambda: load_kubeconfig(blind)).code == "E_KUBE_TRUST"
    body = f"test -z \"$HOME\" && echo '{ANSWER % ('t', '')}'"
    answers = load_kubeconfig(plugin(box.folder, body, env=[{"name": "A", "value": "1"}]))
    token = answers.configuration.get_api_key_with_prefix("BearerToken")
    assert token == "Bearer t"  # a plugin runs, with what is declared for it
    load_kubeconfig(write(box.folder, **cluster(server="http://127.0.0.1:6443")))
    return ()


@row(
    66,
    "another cluster than the records say",
    "E_OTHER_CLUSTER",
    "records/00000000-0000-4000-8000-000000000000/head.json of the commit",
    listed="E_CLUSTER_ID",
    why="a decision, exit 5",
)
def _(box: Box) -> Told:
    def other(platform: SimulatedPlatform) -> None:
        cluster = "00000000-0000-4000-8000-000000000000"
        platform.heads[cluster] = sign_head(invented_head(cluster), platform.world().material.signer())

    return box.up(other)
