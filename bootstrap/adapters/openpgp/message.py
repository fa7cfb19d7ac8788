"""OpenPGP messages seen from outside (RFC 9580, RFC 4880): for whom, in what form, and what is refused."""

from bootstrap.model.errors import DefinitionError

MESSAGE = b"-----BEGIN PGP MESSAGE-----"
HIDDEN = "0" * 16  # the key id of a recipient whom the sender does not name
_BEGIN = b"-----BEGIN PGP "


def normalised(message: bytes, what: str) -> bytes:
    """The message without blanks before its armor. Raises DefinitionError E_CT_EMPTY, E_PGP_FORM."""
    stripped = message.lstrip(b" \t\r\n")
    if not stripped:
        raise DefinitionError(
            f"{what} is empty", code="E_CT_EMPTY", where=what, hint="encrypt the file again and commit it"
        )
    if not stripped.startswith(b"-----BEGIN"):
        return message
    if stripped.count(_BEGIN) > 1 or stripped.startswith(_BEGIN + b"SIGNED"):
        raise _form(what, "it holds more than one armored block", "keep one message in one file")
    return stripped


def recipients_of(message: bytes, what: str) -> tuple[str, ...]:
    """Key ids (16 hex digits) that a message is encrypted to: the PKESK packets of RFC 9580 5.1.

    Raises DefinitionError E_CT_DAMAGED; E_PGP_INTEGRITY for a message that nothing protects against
    changes; E_PGP_FORM for GnuPG's own OCB packets, which no standard knows.
    """
    from pysequoia.packet import PacketPile, Tag

    try:
        packets = list(PacketPile.from_bytes(message))
    except RuntimeError:
        raise damaged(what) from None
    if any(packet.tag == Tag.AED for packet in packets):
        raise _form(what, "it is in GnuPG's OCB form", "encrypt it again with gpg --rfc4880")
    if any(packet.tag == Tag.SED for packet in packets):
        raise _unprotected(what)
    if (
        packets
        and all(packet.tag != Tag.PKESK for packet in packets)
        and any(p.tag == Tag.SKESK for p in packets)
    ):
        hint = f"gpg --decrypt {what} | gpg --encrypt --recipient FINGERPRINT, and commit that"
        raise _form(what, "only a passphrase opens it, and no root key", hint)
    ids = tuple(_key_id(p.body) for p in packets if p.tag == Tag.PKESK and p.body)
    if not ids:
        raise damaged(what)
    return ids


def _unprotected(what: str) -> DefinitionError:
    return DefinitionError(
        f"{what} has no integrity protection: anybody could have changed it",
        code="E_PGP_INTEGRITY",
        where=what,
        hint="encrypt it again with GnuPG 2.2 or newer",
    )


def _key_id(body: bytes) -> str:
    if body[0] == 3:
        return body[1:9].hex().upper()
    # Version 6: length, key version, fingerprint. The id ends a fingerprint of version 4, begins one of 6.
    fingerprint = body[3 : 2 + body[1]]
    return (fingerprint[-8:] if body[2] == 4 else fingerprint[:8]).hex().upper()


def damaged(what: str) -> DefinitionError:
    return DefinitionError(
        f"{what} is damaged: it is not a whole OpenPGP message",
        code="E_CT_DAMAGED",
        where=what,
        hint="take it from an older commit, or encrypt it again",
    )


def old_cipher(what: str) -> DefinitionError:
    hint = "encrypt it again; gpg --cipher-algo AES256 if the recipient's key prefers an old cipher"
    return _form(what, "its cipher is not secure any more (3DES, CAST5 or their like)", hint)


def malformed_inside(what: str) -> DefinitionError:
    """Opened, and what is inside is no message; the library does not say which of the two it is."""
    return DefinitionError(
        f"{what} is damaged, or compressed with bzip2, which is not read here",
        code="E_CT_DAMAGED",
        where=what,
        hint=f"if it is whole: gpg --decrypt {what} | gpg --compress-algo zip --encrypt --recipient FINGERPRINT",
    )


def _form(what: str, why: str, hint: str) -> DefinitionError:
    return DefinitionError(
        f"{what} is an OpenPGP message that is not read here: {why}",
        code="E_PGP_FORM",
        where=what,
        hint=hint,
    )
