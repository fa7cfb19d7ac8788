"""Rekey with verification for the simulated Vault: one share, no token wanted, nothing changed before its end."""

import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bootstrap.model.errors import UnknownOutcome
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from tests.simulator.forms import fingerprint, is_hex

if TYPE_CHECKING:
    from tests.simulator.vault import Call


@dataclass
class Rekey:
    """``verification`` is the nonce of a rekey that took the old share and waits for the new one."""

    nonce: str = ""
    verification: str = ""
    share: str = ""
    key: str = ""

    def answer(self, call: "Call") -> Answer:
        match call.path.removeprefix("sys/rekey/"):
            case "init":
                return self._init(call)
            case "update":
                return self._update(call)
            case _:
                return self._verify(call)

    def _init(self, call: "Call") -> Answer:
        if call.reads:
            return call.ok(self._status())
        if call.method == "DELETE":
            if self.nonce and call.body.get("nonce") != self.nonce:
                return call.no(400, "invalid request")
            self._end()
            return call.done()
        if self.nonce:
            return call.no(400, "rekey already in progress")
        self.nonce, self.key = secrets.token_hex(8), str(call.body["pgp_keys"][0])
        return call.ok(self._status())

    def _status(self) -> dict[str, Any]:
        started = bool(self.nonce)
        return {
            "started": started,
            "nonce": self.nonce,
            "progress": 0,
            "required": 1 if started else 0,
            "verification_required": started,
            "pgp_fingerprints": [fingerprint(self.key)] if started else None,
        }

    def _update(self, call: "Call") -> Answer:
        given = call.body["key"].reveal().decode()
        if not self.nonce or call.body.get("nonce") != self.nonce:
            return call.no(400, "incorrect nonce supplied")
        if not is_hex(given):
            return call.no(400, "'key' must be a valid hex or base64 string")
        if given != call.store.share:
            raise UnknownOutcome("rekey: Vault answered 500", code="E_UNKNOWN_OUTCOME")
        from pysequoia import Cert, encrypt

        self.share, self.verification = secrets.token_hex(32), secrets.token_hex(8)
        recipient = Cert.from_bytes(base64.b64decode(self.key))
        message = bytes(encrypt(self.share.encode(), recipients=[recipient], armor=False))
        return call.ok(
            {
                "complete": True,
                "nonce": self.nonce,
                "keys_base64": [Sensitive(base64.b64encode(message), "share")],
                "verification_required": True,
                "verification_nonce": self.verification,
            }
        )

    def _verify(self, call: "Call") -> Answer:
        if call.reads:
            return call.ok({"started": bool(self.verification), "nonce": self.verification})
        if not self.verification or call.body.get("nonce") != self.verification:
            return call.no(400, "incorrect nonce supplied")
        if call.body["key"].reveal().decode() != self.share:
            self.verification = secrets.token_hex(8)
            return call.no(400, "rekey verification failed")
        call.store.share = self.share
        self._end()
        return call.ok({"complete": True})

    def _end(self) -> None:
        self.nonce = self.verification = self.share = self.key = ""
