"""Transit at ``bootstrap-transit/`` for the simulated Vault: ed25519 keys, their flags, and signatures."""

import base64
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bootstrap.model.errors import UnknownOutcome
from bootstrap.ports import Answer

if TYPE_CHECKING:
    from tests.simulator.vault import Call

MOUNT = "bootstrap-transit/"
FLAGS = ("exportable", "allow_plaintext_backup", "deletion_allowed")


@dataclass
class Key:
    seed: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    flags: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(FLAGS, False))

    def public(self) -> str:
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return base64.b64encode(private.public_key().public_bytes_raw()).decode()

    def sign(self, data: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(data)


def answer(call: "Call") -> Answer:
    if MOUNT not in call.store.mounts:
        return call.no(404, f'no handler for route "{call.path}". route entry not found.')
    what, name, *more = call.path.removeprefix(MOUNT).split("/")
    if what == "export":
        known = more[0] in call.store.transit_keys
        return call.no(400, "private key material is not exportable") if known else call.no(404)
    found = call.store.transit_keys.get(name)
    if what == "sign" and not more:
        return _signed(call, found)
    if what != "keys" or more not in ([], ["config"]):
        raise AssertionError(f"the simulator was not taught {call.method} {call.path}")
    if more:
        return _configured(call, found)
    if call.reads:
        return call.no(404) if found is None else call.ok(_shown(name, found))
    if call.method == "DELETE":
        return _deleted(call, name, found)
    if found is None:  # else nothing is changed, with a warning
        flags = {flag: bool(call.body.get(flag, False)) for flag in FLAGS[:2]}
        found = call.store.transit_keys[name] = Key(flags={**flags, FLAGS[2]: False})
    return call.ok(_shown(name, found))


def _shown(name: str, key: Key) -> dict[str, Any]:
    return {
        "name": name,
        "type": "ed25519",
        "derived": False,
        "latest_version": 1,
        "keys": {"1": {"public_key": key.public()}},
        **key.flags,
    }


def _signed(call: "Call", key: Key | None) -> Answer:
    if key is None:
        return call.no(400, "signing key not found")
    if call.body.get("key_version", 0) not in (0, 1):
        raise UnknownOutcome("sign: Vault answered 500: requested version", code="E_UNKNOWN_OUTCOME")
    signature = base64.b64encode(key.sign(base64.b64decode(call.body["input"]))).decode()
    return call.ok({"key_version": 1, "signature": f"vault:v1:{signature}"})


def _configured(call: "Call", key: Key | None) -> Answer:
    if key is None:
        return call.no(400, "no existing key named could be found")
    key.flags |= {flag: True for flag in FLAGS if call.body.get(flag)}
    return call.ok()


def _deleted(call: "Call", name: str, key: Key | None) -> Answer:
    if key is None:
        return call.no(400, "could not delete key; not found")
    if not key.flags["deletion_allowed"]:
        return call.no(400, "deletion is not allowed for this key")
    del call.store.transit_keys[name]
    return call.done()
