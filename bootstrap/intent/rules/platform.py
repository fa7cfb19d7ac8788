"""Rules of ``bootstrap.yaml`` and of the manifests that it names."""

import re
from collections.abc import Iterator

from bootstrap.intent.findings import Finding, Level
from bootstrap.intent.plain_secrets import SUFFIXES
from bootstrap.model import layout
from bootstrap.model.catalog import Custody, Intent

_DEFINITION = re.compile(
    rb"""\bkind["']?\s*:\s*["']?CustomResourceDefinition\b[\s\S]*?\bname["']?\s*:\s*["']?([a-z0-9.-]+)"""
)
_EVERYBODY = frozenset(
    ("system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts", "*")
)
SHORTEST_LEAF = 120  # seconds
_NEEDED = b"externalsecrets.external-secrets.io"


def judge(intent: Intent) -> Iterator[Finding]:
    yield from _replicas(intent)
    yield from _lives(intent)
    yield from _folders(intent)
    yield from _definitions(intent)
    yield from _operators(intent)


def _replicas(intent: Intent) -> Iterator[Finding]:
    platform = intent.platform
    if platform.vault.replicas not in (1, 3, 5):
        message = f"spec.vault.replicas is {platform.vault.replicas}: raft wants 1, 3 or 5"
        yield Finding(id="E_REPLICAS", where=platform.where, message=message, hint="write replicas: 3")
    elif platform.vault.replicas == 1:
        message = "one Vault replica: a single point of failure (G7)"
        hint = "write replicas: 3, where the cluster has the nodes"
        yield Finding(id="W_REPLICAS", where=platform.where, message=message, hint=hint, level=Level.WARNING)
    if platform.vault.custody is Custody.OFFLINE:
        message = "seal.custody is offline: each restart of a Vault pod waits for a holder of the root"
        hint = "`bootstrap unseal` after each restart"
        yield Finding(id="W_CUSTODY", where=platform.where, message=message, hint=hint, level=Level.WARNING)


def _lives(intent: Intent) -> Iterator[Finding]:
    """A leaf never outlives the CA that made it, which is renewed once a third of its life is left."""
    vault = intent.platform.vault
    if vault.leaf_seconds < SHORTEST_LEAF:
        message = f"spec.vault.tls.leaf is {vault.leaf}: shorter than it takes to renew it"
        yield Finding(id="E_TLS_LIFE", where=intent.platform.where, message=message, hint="write leaf: 90d")
    if vault.intermediate_seconds < 3 * vault.leaf_seconds:
        message = f"spec.vault.tls.intermediate is {vault.intermediate}: less than three lives of a leaf"
        hint = "write leaf: 90d and intermediate: 1825d"
        yield Finding(id="E_TLS_LIFE", where=intent.platform.where, message=message, hint=hint)


def _folders(intent: Intent) -> Iterator[Finding]:
    platform = intent.platform
    wanted = [
        (platform.external_secrets.manifests, "`bootstrap init --manifests DIR` copies the operator's in")
    ]
    wanted += [
        (folder, "add its manifests, or remove it from components.workloads") for folder in platform.workloads
    ]
    for folder, hint in wanted:
        if not folder:  # the operator is adopted
            continue
        if not folder.startswith(layout.MANIFESTS) or ".." in folder.split("/"):
            message = f"{folder} is not a folder below manifests/"
            yield Finding(id="E_MANIFESTS", where=platform.where, message=message, hint="move it there")
        elif not any(p.startswith(f"{folder}/") and p.endswith(SUFFIXES) for p in intent.manifests):
            message = f"the commit holds no manifests below {folder}/"
            yield Finding(id="E_MANIFESTS", where=platform.where, message=message, hint=hint)


def _definitions(intent: Intent) -> Iterator[Finding]:
    """The operator's CRDs: without them `up` would stop half way, at the first ExternalSecret."""
    folder = intent.platform.external_secrets.manifests
    files = [d for p, d in intent.manifests.items() if p.startswith(f"{folder}/") and p.endswith(SUFFIXES)]
    if not folder or not files or any(_NEEDED in _DEFINITION.findall(data) for data in files):
        return
    message = f"no file below {folder}/ defines {_NEEDED.decode()}"
    hint = f"put the operator's crds.yaml there: {folder}/crds.yaml"
    yield Finding(id="E_MANIFESTS", where=intent.platform.where, message=message, hint=hint)


def _operators(intent: Intent) -> Iterator[Finding]:
    """Each entry names particular users or accounts: a declaration of everybody would make INV6 empty."""
    where = intent.platform.where
    for number, operator in enumerate(intent.platform.operators, 1):
        if not (operator.users or operator.groups or operator.service_accounts or operator.policies):
            message = f"spec.operators, entry {number}: names nobody"
            hint = "add users, groups, serviceAccounts or policies, or remove the entry"
            yield Finding(id="E_OPERATORS", where=where, message=message, hint=hint)
        for name in sorted(_EVERYBODY & {*operator.users, *operator.groups}):
            message = f"spec.operators, entry {number}: {name} is everybody"
            yield Finding(id="E_OPERATORS", where=where, message=message, hint="name the group that is meant")
        for name in sorted({"root", "default"} & {*operator.policies}):
            message = f"spec.operators, entry {number}: policy {name} is Vault's own"
            yield Finding(
                id="E_OPERATORS", where=where, message=message, hint="write a policy of its own for them"
            )
