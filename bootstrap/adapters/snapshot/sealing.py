"""The key of one snapshot file: an age identity made for it, which seals its parts while they stream (C2SP age v1).

Its private half is sealed to the root as any other small secret is, so that every kind of root opens a snapshot: age,
SSH, post-quantum, plugins, OpenPGP. The OpenPGP library reads and writes whole messages only; a file key makes the
streaming the same for all of them. 64 KiB at a time; nothing is given away before its chunk is authentic.
"""

from typing import Any

from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.snapshot.container import Sink, Source
from bootstrap.adapters.snapshot.errors import damaged
from bootstrap.model.sensitive import Sensitive


class FileKey:
    def __init__(self, identity: Any) -> None:
        self._identity = identity  # pyrage's object

    @classmethod
    def new(cls) -> "FileKey":
        from pyrage import x25519

        return cls(x25519.Identity.generate())

    @classmethod
    def opened(cls, text: Sensitive) -> "FileKey":
        """EvidenceError E_SNAPSHOT_DAMAGED where ``text`` is no age identity."""
        from pyrage import IdentityError, x25519

        try:
            return cls(x25519.Identity.from_str(text.reveal().decode("ascii", "replace")))
        except IdentityError:
            raise damaged("what is sealed to the root is not a file's key") from None

    def sealed_to(self, recipients: tuple[str, ...]) -> bytes:
        """Armored ciphertext; DefinitionError E_RECIPIENT, PreconditionError E_KEY_KIND."""
        return encrypt_to(recipients, Sensitive(str(self._identity).encode(), "file key"))

    def seal(self, source: Source, sink: Sink) -> None:
        """What ``source`` gives, until it gives nothing, as one age file. What either side raises passes."""
        from pyrage import EncryptError, encrypt_io

        kept = _Kept(source, sink)
        try:
            encrypt_io(kept, kept, [self._identity.to_public()])
        except (EncryptError, OSError):
            kept.raise_again()
            raise

    def open(self, source: Source, sink: Sink, what: str) -> None:
        """The plaintext of one age file, chunk by chunk. EvidenceError E_SNAPSHOT_DAMAGED; what either side raises
        passes."""
        from pyrage import DecryptError, decrypt_io

        kept = _Kept(source, sink)
        failed = False
        try:
            decrypt_io(kept, kept, [self._identity])
        except (DecryptError, OSError):
            kept.raise_again()
            failed = True
        if failed:
            raise damaged(f"{what} does not open with the file's key")


class _Kept:
    """Source and sink of the library, which makes errors of its own of what they raise: theirs is kept."""

    def __init__(self, source: Source, sink: Sink) -> None:
        self._source = source
        self._sink = sink
        self._error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._source.read(size if size >= 0 else 1 << 16)
        except BaseException as error:
            self._error = error
            raise

    def write(self, data: bytes) -> int:
        try:
            self._sink.write(data)
        except BaseException as error:
            self._error = error
            raise
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""

    def raise_again(self) -> None:
        if self._error is not None:
            raise self._error from None
