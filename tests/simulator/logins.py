"""Logins and tokens of the simulated Vault."""

import secrets
from typing import TYPE_CHECKING, Any

from bootstrap.model.errors import WorldError
from bootstrap.model.names import POD_LOGIN
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.vault.pod_login import CONFIG

if TYPE_CHECKING:
    from tests.simulator.vault import Call, Token


def login(call: "Call") -> Answer:
    role = call.store.plain.get(f"auth/kubernetes/role/{call.body['role']}")
    if role is None:
        return call.no(400, f"invalid role name {call.body['role']!r}")
    _, account, audience = call.body["jwt"].reveal().decode().split(":")
    namespace, name = account.split("/")
    fits = namespace in role["bound_service_account_namespaces"] and audience == role["audience"]
    if not fits or name not in role["bound_service_account_names"]:
        raise WorldError("auth/kubernetes/login: Vault answered 403", code="E_VAULT_DENIED")
    return issued(call, tuple(role.get("token_policies") or ()), entity_policies(call, account))


def pod_login(call: "Call") -> Answer:
    """Checked by the keys that were given, and by what the role binds; each refusal is a 400."""
    role = call.store.plain.get(f"auth/{POD_LOGIN}/role/{call.body['role']}")
    config = call.store.plain.get(CONFIG, {})
    if role is None:
        return call.no(400, f"role {call.body['role']!r} could not be found")
    _, account, audience, *of_pod = call.body["jwt"].reveal().decode().split(":")
    pod, key = of_pod or ("", "")
    if key not in config.get("jwt_validation_pubkeys", ()):
        return call.no(400, "error validating token: no known key successfully validated the token signature")
    if f"system:serviceaccount:{account.replace('/', ':')}" != role["bound_subject"]:
        return call.no(400, "error validating token: invalid subject (sub) claim")
    if audience not in role["bound_audiences"]:
        return call.no(400, "error validating token: invalid audience (aud) claim")
    if any(pod != wanted for wanted in (role.get("bound_claims") or {}).values()):
        return call.no(400, "error validating claims: claim does not match any associated bound claim values")
    return issued(call, tuple(role["token_policies"]))


def entity_policies(call: "Call", account: str) -> tuple[str, ...]:
    """Those of the entity whose alias is ``NAMESPACE/ACCOUNT``."""
    alias = call.store.plain.get(f"alias {account}")
    entity = call.store.plain.get(alias["canonical_id"], {}) if alias else {}
    return tuple(entity.get("policies") or ())


def issued(call: "Call", policies: tuple[str, ...], identity: tuple[str, ...] = ()) -> Answer:
    token, accessor = "hvs." + secrets.token_hex(8), secrets.token_hex(8)
    call.store.tokens[token] = _token(accessor, policies, identity, call.path)
    about = {"accessor": accessor, "policies": [*policies, *identity]}
    return call.ok(auth={"client_token": Sensitive(token.encode(), "token"), **about})


def tokens(call: "Call") -> Answer:
    live = call.store.tokens
    match call.last:
        case "accessors":
            return call.ok({"keys": [t.accessor for t in live.values()]})
        case "create" | "create-orphan":
            return issued(call, tuple(call.body["policies"]))
        case "lookup-self":
            return call.ok({**shown(live[call.token]), "id": Sensitive(call.token.encode(), "token")})
        case "revoke-self":
            del live[call.token]
            return call.done()
    found = next((k for k, t in live.items() if t.accessor == call.body["accessor"]), None)
    if call.last == "revoke-accessor" and call.body["accessor"] in call.vault.immortal:
        return call.done()
    if call.last == "revoke-accessor":
        live.pop(found or "", None)
        return call.done() if found else call.ok()  # with a warning, for an accessor of nobody
    return call.ok(shown(live[found])) if found else call.no(400, "invalid accessor")


def _token(accessor: str, policies: tuple[str, ...], identity: tuple[str, ...], path: str) -> "Token":
    from tests.simulator.vault import Token

    return Token(accessor, policies, identity, path)


def shown(token: "Token") -> dict[str, Any]:
    return {
        "accessor": token.accessor,
        "policies": list(token.policies),
        "identity_policies": list(token.identity),
        "id": "",
        "path": token.path,
        "expire_time": token.expires or None,
    }
