"""The private keys of an age root: what opens with each, and its public half (C2SP age v1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.adapters.age import plugin as age_plugin
from bootstrap.adapters.local.programs import Done, Helpers, program, run
from bootstrap.adapters.ssh import key as ssh_key
from bootstrap.model.errors import PreconditionError
from bootstrap.model.sensitive import Sensitive

X25519 = "AGE-SECRET-KEY-1"
QUANTUM = "AGE-SECRET-KEY-PQ-1"
PLUGIN = "AGE-PLUGIN-"
NATIVE_KINDS = {"X25519", "scrypt", "ssh-ed25519", "ssh-rsa"}
QUANTUM_KIND = "mlkem768x25519"
NEEDED = "the root key is a post-quantum age identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """``opener`` is pyrage's object; None where only the program ``age`` opens with it."""

    recipient: str
    opener: Any
    kind: str  # one of the prefixes above, or "ssh"


def identity(text: str, comments: Sequence[str], declared: Sequence[str], helpers: Helpers) -> Identity:
    """One line of an identity file, or an unlocked SSH key. Raises PreconditionError E_KEY_KIND,
    E_KEY_ASKS, E_PLUGIN_NAME."""
    if ssh_key.is_ssh_key(text.encode()):
        return _ssh(text)
    if text.startswith(QUANTUM):
        return _quantum(text, helpers)
    if text.startswith(PLUGIN):
        name = age_plugin.plugin_name(text)
        recipient = age_plugin.recipient_of(name, comments, declared)
        return Identity(recipient=recipient, opener=age_plugin.opener(text, helpers), kind=PLUGIN)
    return _x25519(text)


def _x25519(text: str) -> Identity:
    from pyrage import IdentityError, x25519

    try:
        found = x25519.Identity.from_str(text)
    except IdentityError:
        raise PreconditionError(
            "the root key has a line that is not a whole age identity",
            code="E_KEY_KIND",
            where="--root",
            hint="restore root.key from a holder's copy",
        ) from None
    return Identity(recipient=str(found.to_public()), opener=found, kind=X25519)


def _ssh(text: str) -> Identity:
    from pyrage import ssh

    key = Sensitive(text.encode(), "SSH key")
    return Identity(
        recipient=ssh_key.recipient(key), opener=ssh.Identity.from_buffer(text.encode()), kind="ssh"
    )


def _quantum(text: str, helpers: Helpers) -> Identity:
    """Its public half from ``age-keygen``, which comes with ``age``: no program here knows the algorithm."""
    program("age", helpers, NEEDED)
    keygen = program("age-keygen", helpers, NEEDED)
    key = Sensitive(text.encode() + b"\n", "age identity")
    done = run([keygen, "-y", "{key}"], Sensitive(b""), helpers, key)
    recipient = done.out.decode("ascii", "replace").strip()
    if not done.ok or not recipient.startswith("age1pq1"):
        raise PreconditionError(
            f"{NEEDED}, and {keygen} does not take it: it is older than 1.3, or the identity is not whole",
            code="E_KEY_KIND",
            where="--root",
            hint="age --version must say 1.3 or newer; else restore root.key from a holder's copy",
        )
    return Identity(recipient=recipient, opener=None, kind=QUANTUM)


def open_with_program(data: bytes, text: Sensitive, helpers: Helpers) -> Done:
    return run(
        [program("age", helpers, NEEDED), "-d", "-i", "{key}"], Sensitive(data, "age file"), helpers, text
    )


def shown(recipient: str) -> str:
    """A recipient as a message shows it: a post-quantum one has two thousand characters."""
    return recipient if len(recipient) < 120 else f"{recipient[:24]}...{recipient[-8:]}"
