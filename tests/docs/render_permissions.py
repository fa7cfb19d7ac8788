"""``docs/reference/permissions.md``, from the list that `up` and `doctor` ask the API server about."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.model.catalog import (
    BootstrapCopy,
    Consumer,
    ExternalSecrets,
    Intent,
    Internal,
    InternalSource,
    Platform,
    Secret,
    SecretClass,
    Snapshots,
    Source,
    VaultSpec,
    Volume,
)
from bootstrap.ports import Permission
from bootstrap.steps.permissions import (
    abandoning,
    beginning_anew,
    recovering_a_quorum,
    restoring_in_place,
    verifying,
    wanted,
)
from bootstrap.steps.vault.policies import CONFIGURE, RUN, job, saver
from bootstrap.steps.vault.presence import VOLUMES

SCAFFOLD, READER, PUSHER = "each scaffold's", "each consumer's", "each internal entry's"
Rules = Mapping[tuple[str, str], tuple[str, ...]]

TOP = """\
# Permissions in Kubernetes

What the identity of a kubeconfig needs to run `bootstrap up`. `bootstrap doctor` asks the API server about every line
and names all that are missing at once; a step that is refused later says `E_RBAC`.

A cluster's administrator has all of it. For less, grant this:

```yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: bootstrap-up
rules:
"""
MIDDLE = """\
```

## Besides: what your manifests hold

Everything below `manifests/` is applied by the same identity, so it also needs `get`, `create` and `patch` on each kind
in there, and `get` on the Deployments, StatefulSets and DaemonSets that the catalog calls `workload`. Kubernetes adds
one rule of its own: who creates a ClusterRole or a binding must hold what it grants, or have `escalate` and `bind`.
`up` binds Vault's service account to `system:auth-delegator`, and the operator's manifests bring a ClusterRole.

```yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: bootstrap-up-manifests
rules:
  - apiGroups: [apps]
    resources: [deployments, statefulsets, daemonsets]
    verbs: [create, get, patch]
  - apiGroups: [""]
    resources: [namespaces, serviceaccounts, services, configmaps]
    verbs: [create, get, patch]
  - apiGroups: [rbac.authorization.k8s.io]
    resources: [clusterroles, roles]
    verbs: [bind, create, escalate, get, patch]
  - apiGroups: [rbac.authorization.k8s.io]
    resources: [clusterrolebindings, rolebindings]
    verbs: [create, get, patch]
  - apiGroups: [generators.external-secrets.io]
    resources: [passwords]
    verbs: [create, get, patch]
```

`escalate` and `bind` make this identity an equal of a cluster administrator while it has them. Take both roles away
after the run: nothing in the cluster needs them.

## Besides: to abandon

`bootstrap abandon` removes a Vault whose key was never proven. For that it needs this too, and asks for it before
it changes anything.

```yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: bootstrap-abandon
rules:
@ABANDON@```

## Besides: where the authority was lost

`up --approve new-authority` lets retired scaffolds be made again, and asks for this before it changes anything:

```yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: bootstrap-new-authority
rules:
@ANEW@```

`up --restore` over what is left of a platform removes that, and asks for this:

```yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: bootstrap-restore-in-place
rules:
@IN_PLACE@```

With this one, which no run needs, volumes that a lost Vault left are seen before a first run; without it, that says so:

```yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: bootstrap-see-volumes
rules:
@VOLUMES@```

## Besides: where a quorum was lost

`up --approve recover-quorum` removes other nodes with their volumes, and asks for this:

```yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: bootstrap-recover-quorum
rules:
@QUORUM@```

## Besides: to verify

`bootstrap verify` looks at the whole cluster: for values of the catalog where they do not belong, for others who
can change one, for objects of others that reach our paths. It changes nothing. Without one of these the proof that
needs it is left out, and the exit code is 9. Besides, it needs what the first role has. Reading Secrets everywhere is
much: give it for the time of the command.

```yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: bootstrap-verify
rules:
@VERIFY@```

## By namespace

The first role, sorted by where each permission is used, for those who write Roles instead. "each consumer's" and the
like stand for the namespaces that your catalog names.

| namespace | resource | verbs |
|---|---|---|
"""
END = """
## Who may log in as the run

A token of the account `bootstrap-system/bootstrap` is a login to Vault that reads every secret, so the right to ask
for one (`create` on `serviceaccounts/token`) is not enough. The ValidatingAdmissionPolicy `bootstrap-run-account`
lets these ask: users, groups and service accounts under [`operators`](platform.md#who-can-change-a-secret); the
groups `system:masters` and `kubeadm:cluster-admins`, which may take the policy away; `system:nodes`, the kubelet,
which asks for pods of its node alone. Anybody else is refused, and `up` by such an identity ends with
`E_OPERATOR_UNKNOWN` before it changes anything. The same holds for `bootstrap-system/bootstrap-snapshot`. No
pod may run as one of the two: nothing of ours does. Only what is made is judged, never what runs.

`bootstrap-operator-writes` refuses the External Secrets Operator's account what RBAC cannot say: Secrets of type
`kubernetes.io/service-account-token`; Secrets in `bootstrap-system`, in its own namespace and in those that begin
with `kube-`; in Vault's namespace the names that begin with `vault-`. Where it may write at all comes from
RoleBindings of the same name, which `up` makes in the namespaces of consumers and internal entries, and where a
manifest of `workloads` has an ExternalSecret. The operator's manifest that `init` writes lets it read Secrets and
nothing more; one that you bring, or an operator that you adopt, keeps the rights that it has: take `create`,
`update`, `patch` and `delete` out of it.

The way back, for an administrator who has locked everybody out: admission does not judge its own policies.

```sh
kubectl delete validatingadmissionpolicybinding bootstrap-run-account bootstrap-operator-writes
```

The next `up` makes them again. In `bootstrap-system`, and in Vault's namespace where `up` made it, Pod Security
admits only what is `restricted`; Vault's NetworkPolicy lets in the operator's namespace, `bootstrap-system` and
Vault's own pods, and lets out to them, to DNS and to TCP 443 and 6443, where API servers listen. For an API server on
another port add a policy beside it: they add up. It holds where the network enforces it; the local lab's does not.

## In Vault

Inside Vault there are three policies of ours, and a fourth where the cluster saves snapshots of itself, beside those of
the namespaces. Their texts:

**`bootstrap-run`** is the daily identity of `up`, `status` and `verify`: role `bootstrap-run`, for the service account
`bootstrap-system/bootstrap`, for 15 minutes. It reads every secret, to compare it, and writes below `secret/` for the
handover; it revokes tokens by their accessor. It reads every policy, and the roles, users, groups, entities and
token roles that hold them, of the kinds of login that [verify](verify.md#what-is-looked-into) lists. It writes no
policy, role, entity, alias, mount or audit device, makes no token, and removes no secret.

```hcl
@RUN@```

**`bootstrap-snapshot`** is of [`snapshot save`](../how-to/save-a-snapshot.md): role `bootstrap-snapshot`, for the
service account `bootstrap-system/bootstrap-snapshot`, for an hour at most. It reads Vault's store as it lies on the
disk, which is ciphertext, and the current values of bootstrap secrets, by their paths in the catalog; it ends its own
token, writes nothing, and `up` never logs in as it. With one secret of class `bootstrap`:

```hcl
@SAVER@```

**`bootstrap-snapshot-job`** is of the jobs that save snapshots in the cluster, where
[that is declared](../how-to/let-the-cluster-save-snapshots.md): role `bootstrap-snapshot-job`, for the service account
`bootstrap-system/bootstrap-snapshot-job`, for an hour at most. It is the same, and sees which tokens live
and with which policies, so that nothing is saved while a root token does; where snapshots go into a bucket it reads
the bucket's login too:

```hcl
@JOB@```

In Kubernetes that account reads ConfigMaps of `bootstrap-system` and writes `snapshot-last`, by the Role of its name.
It reads no Secret.

**`bootstrap-configure`** is of a token that `up` makes for one change of what it has declared in Vault: it generates
a root token with the escrow's share, which only the root key opens, makes with it an orphan token of this policy for
five minutes at most, and revokes the root token at once. At the end of the change neither lives, and the ledger says
so ([`CONFIGURING` and `CONFIGURED`](ledger.md#phases)). No role gives this policy. A run that finds nothing to change
makes no such token. Who holds one can write `bootstrap-run` and the readers' policies: for its five minutes it is
root's equal.

```hcl
@CONFIGURE@```
"""


def sample() -> Intent:
    """An intent that uses everything which asks for a permission; its namespaces are words for a table."""
    reader = Consumer(namespace=READER, secret="s")
    entry: dict[str, Any] = {"name": "a", "owner": "a", "purpose": "a", "where": "a:1"}
    secret = Secret(
        **entry,
        secret_class=SecretClass.BOOTSTRAP,
        source=Source(file="encrypted/a.age"),
        path="a",
        scaffold=BootstrapCopy(namespace=SCAFFOLD, name="s"),
        consumers=(reader,),
    )
    internal = Internal(
        **entry,
        kind="InternalSecret",
        source=InternalSource(namespace=PUSHER, secret="s"),
        path="platform-data/a/a",
        properties={"password": "password"},
        consumers=(reader,),
    )
    platform = Platform(
        name="a",
        where="bootstrap.yaml:1",
        vault=VaultSpec(version="1", image="i"),
        external_secrets=ExternalSecrets(
            manifests="manifests/external-secrets",
            deployment="external-secrets/external-secrets",
            service_account="external-secrets/external-secrets",
        ),
        snapshots=Snapshots(schedule="0 0 * * *", image="i", volume=Volume(size="1Gi")),
    )
    return Intent(
        commit="0" * 40,
        tree="0" * 40,
        platform=platform,
        secrets=(secret,),
        internals=(internal,),
        keys={},
        manifests={},
        blobs={},
    )


def rules(permissions: Iterable[Permission]) -> Rules:
    """(group, resource) to sorted verbs, whatever the namespace."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in permissions:
        found[each.group, _resource(each)].add(each.verb)
    return {key: tuple(sorted(verbs)) for key, verbs in sorted(found.items())}


def permissions_page() -> str:
    asked = wanted(sample())
    roles = {
        "@ABANDON@": abandoning("vault"),
        "@ANEW@": beginning_anew(),
        "@IN_PLACE@": restoring_in_place(sample()),
        "@VOLUMES@": (VOLUMES,),
        "@QUORUM@": recovering_a_quorum(sample()),
        "@VERIFY@": verifying(),
    }
    middle = MIDDLE
    for mark, permissions in roles.items():
        middle = middle.replace(mark, _role(rules(permissions)))
    end = END.replace("@RUN@", RUN).replace("@CONFIGURE@", CONFIGURE)
    paths = ("platform/gitops/deploy-credential",)
    end = end.replace("@SAVER@", saver(paths)).replace("@JOB@", job(paths))
    return TOP + _role(rules(asked)) + middle + _table(asked) + end


def _role(found: Rules) -> str:
    same: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, resource), verbs in found.items():
        same["/" if resource.startswith("/") else group, verbs].append(resource)
    text = ""
    for (group, verbs), resources in same.items():
        if group == "/":
            text += f"  - nonResourceURLs: [{', '.join(resources)}]\n"
        else:
            text += "  - apiGroups: [{}]\n".format(group or '""')
            text += f"    resources: [{', '.join(resources)}]\n"
        text += f"    verbs: [{', '.join(verbs)}]\n"
    return text


def _table(asked: Iterable[Permission]) -> str:
    places: dict[str, list[Permission]] = defaultdict(list)
    for each in asked:
        places[each.namespace].append(each)
    lines = []
    for place in sorted(places):
        for (group, resource), verbs in rules(places[place]).items():
            name = f"{resource}.{group}" if group else resource
            lines.append(f"| {_place(place)} | `{name}` | {', '.join(verbs)} |\n")
    return "".join(lines)


def _place(namespace: str) -> str:
    if not namespace:
        return "(cluster)"
    return namespace if " " in namespace else f"`{namespace}`"


def _resource(permission: Permission) -> str:
    return (
        f"{permission.resource}/{permission.subresource}" if permission.subresource else permission.resource
    )
