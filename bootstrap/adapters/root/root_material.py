"""The keys under the root of one commit: opened on demand, each held to its public half under ``keys/`` (S1)."""

from collections.abc import Sequence
from functools import cached_property

from bootstrap.adapters.root.derived_keys import (
    CertificateAuthority,
    Commitment,
    LedgerSigner,
    PgpUnsealKey,
    generate_password,
)
from bootstrap.ledger.envelope import PublicKey
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import EncryptedFiles, IntentRepository, Leaf


class VaultCa:
    """``CertificateAuthority`` of the ports: a leaf and its key as one value."""

    def __init__(self, key: Sensitive, certificate: bytes) -> None:
        self._authority = CertificateAuthority(key, certificate)
        self.certificate = certificate

    def issue(self, names: Sequence[str], addresses: Sequence[str], days: int) -> Leaf:
        certificate, key = self._authority.issue(names, addresses, days)
        return Leaf(certificate, key)

    def sign_intermediate(self, request: bytes, names: Sequence[str], seconds: int) -> bytes:
        return self._authority.sign_intermediate(request, names, seconds)


class CommitMaterial:
    """``RootMaterial``: reads the commit's ``encrypted/root-material/``; without ``files`` nothing opens."""

    def __init__(self, repository: IntentRepository, files: EncryptedFiles | None) -> None:
        self._repository = repository
        self._files = files

    def unseal_key(self) -> PgpUnsealKey:
        return self._unseal

    def signer(self) -> LedgerSigner:
        return self._signer

    def commitments(self) -> Commitment:
        return self._commitments

    def authority(self) -> VaultCa:
        return self._authority

    def random_text(self, length: int) -> Sensitive:
        return generate_password(length)

    def passing_key(self) -> PgpUnsealKey:
        from bootstrap.adapters.openpgp.keys import generate

        return PgpUnsealKey(generate("bootstrap passing key"))

    @cached_property
    def _unseal(self) -> PgpUnsealKey:
        """Proven by a round trip: what is encrypted to the certificate in Git opens with this key. A key
        that does not would cost a store (`sys/init` accepts it, and its keys cannot be read)."""
        from bootstrap.adapters.openpgp import keys as openpgp

        key = PgpUnsealKey(self._open("unseal"))
        probe = Sensitive(b"probe", "probe")
        public = self._repository.read(layout.UNSEAL_CERTIFICATE)
        sealed = openpgp.encrypt([public.decode("utf-8", "replace")], probe)
        try:
            opened = key.decrypt(sealed)
        except PreconditionError:  # it is for another key
            raise _mismatch(layout.UNSEAL_CERTIFICATE) from None
        if opened != probe:
            raise _mismatch(layout.UNSEAL_CERTIFICATE)
        return key

    @cached_property
    def _signer(self) -> LedgerSigner:
        signer = LedgerSigner(self._open("ledger"))
        if signer.key_id != PublicKey.parse(self._repository.read(layout.LEDGER_KEY)).key_id:
            raise _mismatch(layout.LEDGER_KEY)
        return signer

    @cached_property
    def _commitments(self) -> Commitment:
        return Commitment(self._open("commitment"))

    @cached_property
    def _authority(self) -> VaultCa:
        return VaultCa(self._open("vault-ca"), self._repository.read(layout.CA_CERTIFICATE))

    def _open(self, name: str) -> Sensitive:
        if self._files is None:
            raise PreconditionError(
                f"the {name} key is root material: this needs the root key",
                code="E_ROOT_NEEDED",
                where=f"{layout.ROOT_MATERIAL}/{name}",
                hint="give it with --root file:PATH, fd:N or cmd:COMMAND",
            )
        for ending in ("age", "asc", "gpg"):
            path = f"{layout.ROOT_MATERIAL}/{name}.{ending}"
            if path in self._repository.paths():
                opened = self._files.open(path)
                assert isinstance(opened, Sensitive)  # a raw file is one value
                return opened
        raise DefinitionError(
            f"no {layout.ROOT_MATERIAL}/{name}.age in this commit",
            code="E_CATALOG_SET",
            where=layout.ROOT_MATERIAL,
            hint="`bootstrap keygen` makes the keys under the root",
        )


def _mismatch(path: str) -> DefinitionError:
    return DefinitionError(
        f"{path} does not belong to the private half in {layout.ROOT_MATERIAL}",
        code="E_KEY_PAIR",
        where=path,
        hint="both come from one run of `bootstrap keygen`",
    )
