"""The login of Vault's own pods, which knows one from the other (S2).

The login of Kubernetes knows an account and its namespace, and all pods of Vault have the same. Here Vault itself
checks the token that a pod mounts, with the public keys of the API server, and reads in it which pod that is
(docs/adr/0025-login-of-vaults-pods.md).
"""

from dataclasses import dataclass
from typing import Any, Final

from bootstrap.model.catalog import VaultSpec
from bootstrap.model.errors import WorldError
from bootstrap.ports import TokenIssuer
from bootstrap.steps.context.names import POD_LOGIN, RENEWER, VAULT_ACCOUNT, renewer
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.root_session import Call

CONFIG: Final = f"auth/{POD_LOGIN}/config"
SECONDS: Final = 60  # that a renewer has for one certificate: its token ends itself
SKEW: Final = 60  # seconds by which Vault's clock and the API server's may differ
_POD: Final = "/kubernetes.io/pod/name"  # in a token that a pod mounts


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """A leaf of the configuration: tokens are checked with what the API server shows now, and with nothing else."""

    world: World
    change: str = f"give the login {POD_LOGIN}/ the keys with which the API server signs tokens now"

    def holds(self, call: Call) -> bool:
        return live_issuer(call) == self.world.cluster.token_issuer()

    def write(self, world: World, call: Call) -> None:
        """What is not in the body is Vault's default from then on."""
        issuer = world.cluster.token_issuer()
        body = {"bound_issuer": issuer.name, "jwt_validation_pubkeys": list(issuer.keys)}
        granted(call("POST", CONFIG, body), CONFIG)


def live_issuer(call: Call) -> TokenIssuer | None:
    """Whose tokens Vault takes now; None where it takes none, or the run's policy is of an earlier version."""
    try:
        answer = call("GET", CONFIG)
    except WorldError as error:
        if error.code != "E_VAULT_DENIED":
            raise
        return None
    keys = (str(key).strip() for key in answer.data.get("jwt_validation_pubkeys") or ())
    return TokenIssuer(str(answer.data.get("bound_issuer") or ""), tuple(sorted(keys))) if answer.ok else None


def pod_role(spec: VaultSpec, pod: str) -> dict[str, Any]:
    """The role of one pod's renewer: a token of Vault's account, for renewers, that this pod mounts."""
    return {
        "role_type": "jwt",
        "bound_audiences": [RENEWER],
        "bound_subject": f"system:serviceaccount:{spec.namespace}:{VAULT_ACCOUNT}",
        "bound_claims_type": "string",
        "bound_claims": {_POD: pod},
        "clock_skew_leeway": SKEW,
        "user_claim": _POD,
        "user_claim_json_pointer": True,
        "token_policies": [renewer(pod)],
        "token_ttl": SECONDS,
        "token_explicit_max_ttl": SECONDS,
        "token_no_default_policy": True,
        "token_type": "service",
    }
