"""Two things that RBAC cannot say, so admission does: who may be the run, and what the operator may write (S2, S3).

The way back is `kubectl delete validatingadmissionpolicybinding NAME`: admission does not judge its own policies.
"""

from typing import Final

from bootstrap.model.catalog import Platform
from bootstrap.model.reserved import KUBERNETES, reserved_names
from bootstrap.ports import Identity, Object
from bootstrap.steps.context.admission import Guard, listed, rule
from bootstrap.steps.context.names import RUN_ACCOUNT, SNAPSHOT_ACCOUNT, SYSTEM_NAMESPACE, VAULT_SECRETS

RUN: Final = "bootstrap-run-account"
OURS: Final = (RUN_ACCOUNT, SNAPSHOT_ACCOUNT)  # by which this program logs in to Vault
OPERATOR: Final = "bootstrap-operator-writes"
# Administrators, who may take the guard away, and the kubelet, which asks for its own pods.
BUILT_IN: Final = ("system:masters", "kubeadm:cluster-admins", "system:nodes")
_TOKEN: Final = "kubernetes.io/service-account-token"  # noqa: S105  a type's name


def guards(platform: Platform) -> tuple[Object, ...]:
    return (*_run_account(platform).objects(), *_operator(platform).objects())


def passes(platform: Platform, who: Identity) -> bool:
    """Whether the guard lets this identity ask for the run's login."""
    return who.user in _users(platform) or bool({*who.groups} & {*_groups(platform)})


def _users(platform: Platform) -> tuple[str, ...]:
    found = [user for each in platform.operators for user in each.users]
    accounts = (name.split("/") for each in platform.operators for name in each.service_accounts)
    return (*found, *(f"system:serviceaccount:{namespace}:{name}" for namespace, name in accounts))


def _groups(platform: Platform) -> tuple[str, ...]:
    return (*BUILT_IN, *(group for each in platform.operators for group in each.groups))


def _run_account(platform: Platform) -> Guard:
    """On CREATE alone: what runs goes on running. None of ours runs as these accounts, so no pod may."""
    known = (
        f"request.userInfo.username in {listed(_users(platform))} || (has(request.userInfo.groups) && "
        f"request.userInfo.groups.exists(group, group in {listed(_groups(platform))}))"
    )
    return Guard(
        name=RUN,
        role="guard",
        namespace=SYSTEM_NAMESPACE,
        rules=(rule(["CREATE"], "pods"), rule(["CREATE"], "serviceaccounts/token")),
        only={},
        must={
            f"request.resource.resource != 'pods' || !(object.spec.serviceAccountName in {listed(OURS)})": (
                "no pod runs as an account by which bootstrap logs in to Vault"
            ),
            f"request.resource.resource != 'serviceaccounts' || {known}": (
                "only who is declared in bootstrap.yaml (spec.operators) may log in to Vault as bootstrap"
            ),
        },
    )


def _operator(platform: Platform) -> Guard:
    namespace, name = platform.external_secrets.service_account.split("/")
    reserved = f"request.namespace in {listed(reserved_names(platform))}"
    return Guard(
        name=OPERATOR,
        role="guard",
        rules=(rule(["CREATE", "UPDATE"], "secrets"),),
        only={"operator": f"request.userInfo.username == 'system:serviceaccount:{namespace}:{name}'"},
        must={
            f"!has(object.type) || object.type != '{_TOKEN}'": "the operator makes no service account's token",
            f"!({reserved}) && !request.namespace.startsWith('{KUBERNETES}')": (
                "this namespace is reserved: no entry of the catalog may write there"
            ),
            f"request.namespace != '{platform.vault.namespace}' || "
            f"!object.metadata.name.startsWith('{VAULT_SECRETS}')": "in Vault's namespace these names are Vault's own",
        },
    )
