"""A root token by generate-root for the simulated Vault: one share, no token wanted, cancelled by anybody."""

import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from tests.simulator.forms import fingerprint, is_hex

if TYPE_CHECKING:
    from tests.simulator.vault import Call


@dataclass
class GenerateRoot:
    """``key`` is the OpenPGP certificate that the attempt under way encrypts to, as base64."""

    nonce: str = ""
    key: str = ""

    def answer(self, call: "Call") -> Answer:
        return self._attempt(call) if call.path.endswith("/attempt") else self._update(call)

    def _attempt(self, call: "Call") -> Answer:
        if call.reads:
            return call.ok(self._status())
        if call.method == "DELETE":  # whatever nonce is named, or none
            self.nonce = self.key = ""
            return call.done()
        if self.nonce:
            return call.no(400, "root generation already in progress")
        self.nonce, self.key = secrets.token_hex(8), str(call.body["pgp_key"])
        return call.ok(self._status())

    def _status(self) -> dict[str, Any]:
        return {
            "started": bool(self.nonce),
            "nonce": self.nonce,
            "progress": 0,
            "required": 1,
            "complete": False,
            "encoded_token": Sensitive(b"", "encoded_token"),
            "pgp_fingerprint": fingerprint(self.key) if self.key else "",
        }

    def _update(self, call: "Call") -> Answer:
        given = call.body["key"].reveal().decode()
        if not is_hex(given):
            return call.no(400, "'key' must be a valid hex or base64 string")
        if not self.nonce:
            return call.no(400, "no root generation in progress")
        if call.body.get("nonce") != self.nonce:
            return call.no(
                400, f"incorrect nonce supplied; nonce for this root generation operation is {self.nonce}"
            )
        if given != call.store.share:
            return call.no(400, "root generation aborted: invalid key")
        status = self._status() | {"progress": 1, "complete": True}
        status["encoded_token"] = Sensitive(base64.b64encode(self._made(call)), "encoded_token")
        self.nonce = self.key = ""
        return call.ok(status)

    def _made(self, call: "Call") -> bytes:
        from pysequoia import Cert, encrypt

        from tests.simulator.vault import Token

        token = "hvs." + secrets.token_hex(12)
        call.store.tokens[token] = Token(secrets.token_hex(8), ("root",))
        recipient = Cert.from_bytes(base64.b64decode(self.key))
        return bytes(encrypt(token.encode(), recipients=[recipient], armor=False))
