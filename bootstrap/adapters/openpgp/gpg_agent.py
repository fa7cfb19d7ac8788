"""A root of trust that stays with the user's own GnuPG agent, or on the card behind it (S1), by python-gnupg.

The one place where a home folder is looked at: the user who writes ``gpg-agent:FINGERPRINT`` names it. The agent
asks for its passphrase or PIN itself; this program never sees either.
"""

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.adapters.local.programs import GIVE_ANOTHER
from bootstrap.adapters.openpgp import message as openpgp_message
from bootstrap.model.errors import PreconditionError
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    import gnupg

CARRIED = b"#bootstrap-gpg-agent "  # first line of an exported root, followed by JSON
# Codes of libgpg-error: wrong, invalid or no passphrase, time-out, no pinentry, wrong PIN, cancelled.
LOCKED = {11, 31, 62, 85, 87, 99, 177, 198}


def users_home() -> str:
    """GNUPGHOME, or the folder that GnuPG takes without it."""
    return os.environ.get("GNUPGHOME") or str(Path("~/.gnupg").expanduser())


class GpgAgentRoot:
    """``RootKey`` whose private half never comes here. ``home`` is the user's GnuPG folder.

    Raises PreconditionError E_KEY_MISSING (no GnuPG, no such key, no card), E_KEY_KIND, E_PGP_STATE.
    """

    def __init__(self, fingerprint: str, home: str, *, interactive: bool) -> None:
        self.fingerprint = _fingerprint(fingerprint)
        self._home = home
        self._interactive = interactive
        self._gpg = _gnupg(home, interactive=interactive)
        self._ids = self._key_ids()
        self.recipients = (self.fingerprint,)

    @property
    def armored_certificate(self) -> bytes:
        """The public half, from the user's key ring."""
        return str(self._gpg.export_keys(self.fingerprint)).encode()

    def export(self) -> Sensitive:
        """Which agent to ask, for a child of this program."""
        settings = {"fingerprint": self.fingerprint, "home": self._home, "interactive": self._interactive}
        return Sensitive(CARRIED + json.dumps(settings).encode() + b"\n", "agent")

    def unwrap(self, ciphertext: bytes, what: str) -> Sensitive:
        """Raises PreconditionError E_NO_IDENTITY, E_KEY_PASS, E_DEVICE; DefinitionError E_CT_*, E_PGP_*."""
        data = openpgp_message.normalised(ciphertext, what)
        wanted = openpgp_message.recipients_of(data, what)
        if not self._ids.intersection(wanted) and openpgp_message.HIDDEN not in wanted:
            raise PreconditionError(
                f"{what} is not encrypted to the root key {self.fingerprint}; it needs the key "
                + " or ".join(wanted),
                code="E_NO_IDENTITY",
                where=what,
                hint=GIVE_ANOTHER,
            )
        done = self._gpg.decrypt(data, always_trust=True)
        if not done.ok:
            raise self._refusal(done.stderr or "", what)
        return Sensitive(bytes(done.data), what)

    def _refusal(self, status: str, what: str) -> Exception:
        """What GnuPG's status lines mean; its text is never passed on."""
        failed = re.search(r"^\[GNUPG:\] ERROR pkdecrypt_failed (\d+)", status, re.MULTILINE)
        if failed and int(failed[1]) & 0xFFFF in LOCKED:
            wait = "" if self._interactive else "; --non-interactive lets the agent ask nobody"
            return PreconditionError(
                f"the agent did not unlock the key {self.fingerprint}",
                code="E_KEY_PASS",
                where=what,
                hint=f"unlock it first: gpg --decrypt {what} > /dev/null{wait}",
            )
        if failed or "[GNUPG:] NO_SECKEY" in status:
            return PreconditionError(
                f"{what} was not opened: the card that holds the key, or the agent, does not answer",
                code="E_DEVICE",
                where=what,
                hint="insert the card, then gpg --card-status",
            )
        return openpgp_message.damaged(what)

    def _key_ids(self) -> frozenset[str]:
        """The ids of the key and its subkeys, when it is there and may be used."""
        found = [k for k in self._gpg.list_keys(secret=True) if k["fingerprint"] == self.fingerprint]
        if not found:
            raise PreconditionError(
                f"the agent's home {self._home} has no secret key {self.fingerprint}",
                code="E_KEY_MISSING",
                where=f"gpg-agent:{self.fingerprint}",
                hint="gpg --list-secret-keys shows those that it has; gpg --card-status takes one from a card",
            )
        key = found[0]
        state = {"r": "is revoked", "e": "has expired", "d": "is disabled"}.get(key["trust"])
        if state:
            raise PreconditionError(
                f"the OpenPGP key {self.fingerprint} {state}",
                code="E_PGP_STATE",
                where=f"gpg-agent:{self.fingerprint}",
                hint=f"gpg --quick-set-expire {self.fingerprint} 2y prolongs it; else use another key",
            )
        return frozenset({key["keyid"], *(subkey[0] for subkey in key["subkeys"])})


def _fingerprint(text: str) -> str:
    found = text.replace(" ", "").upper().removeprefix("0X")
    if not re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", found):
        raise PreconditionError(
            "an agent's key is named by its whole fingerprint",
            code="E_KEY_KIND",
            where="--root",
            hint="--root gpg-agent:FINGERPRINT, 40 hex digits; gpg --list-secret-keys shows it",
        )
    return found


def _gnupg(home: str, *, interactive: bool) -> "gnupg.GPG":
    import gnupg

    options = ["--no-options", "--no-auto-key-retrieve", "--pinentry-mode", "ask" if interactive else "error"]
    why = ""
    if not Path(home).is_dir():
        why = f"there is no GnuPG home {home}"
    try:
        gpg = gnupg.GPG(gnupghome=home if not why else None, options=options)
        gpg.encoding = "utf-8"
    except (OSError, ValueError):
        gpg, why = None, "there is no program gpg"
    if why or gpg is None:
        raise PreconditionError(
            f"the agent cannot be asked: {why}",
            code="E_KEY_MISSING",
            where="--root",
            hint="install GnuPG, or export GNUPGHOME of the key ring that holds the key",
        )
    return gpg
