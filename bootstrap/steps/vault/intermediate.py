"""The CA in Vault, which makes the certificates that Vault serves once the first ones are old (G7).

Its key is made in Vault and stays there. The CA of the commit signs it once, for Vault's own names and no further CA;
so what trusts that CA trusts its leaves, and what could ask Vault for any certificate could still name no other server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bootstrap.model.catalog import VaultSpec
from bootstrap.model.certificates import Certificate, is_due
from bootstrap.model.errors import WorldError
from bootstrap.steps.context.names import PKI_MOUNT
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.objects import certificate_names, pod_names
from bootstrap.steps.vault.presence import MOST
from bootstrap.steps.vault.root_session import Call

NAME: Final = "bootstrap Vault intermediate"
ISSUER: Final = f"{PKI_MOUNT}/issuer/default"
SHOWN: Final = f"{ISSUER}/json"  # its certificate, to everybody
CHOSEN: Final = f"{PKI_MOUNT}/config/issuers"
ENDS: Final = "truncate"  # a leaf ends with its CA at the latest, and is not refused


@dataclass(frozen=True, slots=True)
class Intermediate:
    """A leaf of the configuration: there is one, of the CA that signs now, with more than a third of its life left."""

    world: World
    change: str = f"make a CA for Vault's certificates in {PKI_MOUNT}/, signed by keys/vault-ca.crt"

    def holds(self, call: Call) -> bool:
        try:
            found = _issuer(call)
        except WorldError as error:
            if error.code != "E_VAULT_DENIED":
                raise
            return False  # the run's policy is of an earlier version, which had no such CA
        pem = str(found.get("certificate") or "").encode()
        if not pem or found.get("leaf_not_after_behavior") != ENDS:
            return False
        ours = self.world.certificates.is_signed_by(pem, self.world.intent.authorities[0])
        return ours and not is_due(self.world.certificates.read(pem), self.world.cluster.server_time())

    def write(self, world: World, call: Call) -> None:
        """A later one takes the place of the one before, which stays beside it: its leaves are served until they are
        renewed."""
        spec = world.intent.platform.vault
        asked = f"{PKI_MOUNT}/intermediate/generate/internal"
        made = granted(call("POST", asked, {"common_name": NAME, "key_type": "ec", "key_bits": 256}), asked)
        signed = world.material.authority().sign_intermediate(
            str(made.data["csr"]).encode(), allowed_names(spec), spec.intermediate_seconds
        )
        given = f"{PKI_MOUNT}/intermediate/set-signed"
        taken = granted(call("POST", given, {"certificate": signed.decode()}), given)
        (issuer,) = taken.data["imported_issuers"]
        granted(call("POST", CHOSEN, {"default": issuer}), CHOSEN)
        granted(call("POST", ISSUER, {"leaf_not_after_behavior": ENDS}), ISSUER)


def live_intermediate(world: World) -> Certificate | None:
    """The CA that Vault makes certificates with now; None where there is none. WorldError E_VAULT_DENIED."""
    pem = str(_issuer(world.session.call).get("certificate") or "")
    return world.certificates.read(pem.encode()) if pem else None


def _issuer(call: Call) -> Mapping[str, Any]:
    """The CA that is chosen; asked for where none is, Vault answers 500."""
    chosen = call("GET", CHOSEN)
    if not chosen.ok or not chosen.data.get("default"):
        return {}
    return granted(call("GET", ISSUER), ISSUER).data


def allowed_names(spec: VaultSpec) -> tuple[str, ...]:
    """Every name that a certificate of a Vault here can have, however many replicas there will be."""
    pods = pod_names(MOST)
    return tuple(dict.fromkeys(name for pod in pods for name in certificate_names(spec, pod)))


def issuing(spec: VaultSpec, pod: str) -> dict[str, Any]:
    """The role of one pod: its own names, each spelt out, for a server, and nothing is kept of it."""
    return {
        "allowed_domains": list(certificate_names(spec, pod)),
        "allow_bare_domains": True,
        "allow_subdomains": False,
        "allow_glob_domains": False,
        "allow_wildcard_certificates": False,
        "allow_any_name": False,
        "allow_localhost": False,
        "allow_ip_sans": False,
        "enforce_hostnames": True,
        "server_flag": True,
        "client_flag": False,
        "key_type": "ec",
        "key_bits": 256,
        "ttl": spec.leaf_seconds,
        "max_ttl": spec.leaf_seconds,
        "no_store": True,
    }
