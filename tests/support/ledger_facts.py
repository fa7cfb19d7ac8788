"""A ledger key, and facts as a small platform's run would record them."""

from collections.abc import Sequence
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bootstrap.ledger import chain, statement
from bootstrap.ledger.bundle import export
from bootstrap.ledger.chain import Chain, Entry
from bootstrap.ledger.countersigning import Countersigner
from bootstrap.ledger.envelope import PublicKey, key_id, peek
from bootstrap.ledger.head import head_file
from bootstrap.ledger.record import (
    MISSING,
    Audit,
    Destination,
    Fact,
    Git,
    RecordType,
    SecretName,
    SourceObject,
    Writer,
)
from bootstrap.ledger.rules import Meaning
from bootstrap.model.catalog import Renew, RetireMode, SecretClass
from bootstrap.model.errors import EvidenceError

ESCROW = b"-----BEGIN PGP MESSAGE-----\nnot really\n"
TIME = "2026-01-01T00:00:00Z"
RUN = Writer(cluster="uid-1", run_id="run-1", epoch=1, tool="0.1.0", plan_digest="sha256:0", actor="admin")


class Key:
    """A ledger key behind the ``Signer`` port."""

    def __init__(self, seed: int = 1) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        public = self._private.public_key()
        self.key_id = key_id(public.public_bytes_raw())
        self.pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.public = PublicKey.parse(self.pem)

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)


VAULT = Key(9)  # that countersigns
COUNTERSIGNER = Countersigner(
    key=VAULT.public, mount="bootstrap-transit", name="countersign", vault_cluster="vault-1"
)


def announcing(named: Countersigner = COUNTERSIGNER) -> Fact:
    return Fact(type=RecordType.COUNTERSIGNER, details=named.announcement())


def countersigned(found: Sequence[Entry], vault: Key = VAULT) -> tuple[Entry, ...]:
    """With Vault's entry behind them."""
    after = chain.Ledger().extended(found)
    return (*found, chain.countersigned(after, run=RUN, time=TIME, signer=vault))


def fact(
    record_type: RecordType, name: str = "keycloak-admin", commitment: str = "c" * 64, **more: object
) -> Fact:
    given: dict[str, object] = {
        "type": record_type,
        "git": Git(commit="a" * 40, path=f"encrypted/{name}.sops.yaml", blob="b" * 40),
        "secret": SecretName(name=name, secret_class=SecretClass.BOOTSTRAP, owner="identity-team"),
        "destination": Destination(cluster="vault-1", path=f"applications/{name}"),
        "commitments": {"password": commitment},
        "renew": Renew.REISSUE,
    }
    if record_type is RecordType.COMMIT:
        given["audit"] = Audit(txn="t-1", write_request_id="w-1", read_request_id="r-1")
    if record_type is RecordType.RETIRED:
        given |= {"retire": RetireMode.DELETED, "residuals": ("git-history", "etcd-history")}
        given["source"] = SourceObject(namespace="demo", name=name, uid="u-1", resource_version="12")
    return Fact(**(given | more))  # type: ignore[arg-type]  # the names are Fact's own


def story() -> tuple[Fact, ...]:
    """Ten records of one run."""
    return (
        Fact(type=RecordType.CLAIMED, details={"attempt": "1"}),
        Fact(type=RecordType.VAULT_INITIALISED, details={"vaultClusterId": "vault-1"}),
        Fact(type=RecordType.ESCROW, details={"file": "escrow.json"}),
        fact(RecordType.INTENT),
        fact(RecordType.INTENT, "grafana", renew=Renew.GENERATE),
        fact(RecordType.COMMIT),
        fact(
            RecordType.COMMIT,
            "grafana",
            renew=Renew.GENERATE,
            audit=MISSING,
            details={"generated": "password"},
        ),
        Fact(type=RecordType.ROOT_REVOKED),
        fact(RecordType.RETIRED),
        fact(RecordType.RETIRED, "grafana", renew=Renew.GENERATE, retire=RetireMode.IGNORED),
    )


def entries(facts: tuple[Fact, ...] | None = None, key: Key | None = None) -> tuple[Entry, ...]:
    return tuple(chain.write(facts or story(), after=Chain(), run=RUN, time=TIME, signer=key or Key()))


def followed(found: Sequence[Entry], facts: Sequence[Fact], key: Key | None = None) -> tuple[Entry, ...]:
    """With ``facts`` behind them, by the ledger key."""
    after = chain.Ledger().extended(found).chain
    return (*found, *chain.write(facts, after=after, run=RUN, time=TIME, signer=key or Key()))


def signed_by_both() -> tuple[Entry, ...]:
    """The story, in which Vault countersigns from record 3 on: fourteen records."""
    first, rest = story()[:3], story()[3:]
    found = countersigned(followed((), (*first, announcing())))
    found = countersigned(followed(found, rest[:3]))
    return countersigned(followed(found, rest[3:]))


def bundle_of(envelopes: tuple[bytes, ...], key: Key | None = None, escrow: bytes | None = ESCROW) -> bytes:
    """A bundle with a freshly signed head over whatever the envelopes are, true or not."""
    signer = key or Key()
    ledger = chain.Ledger(
        entries=tuple(_entry(each) for each in envelopes),
        chain=_chain(envelopes),
        meaning=_meaning(envelopes),
    )
    head = head_file(ledger, escrow, known=None, key=signer.public, sign=lambda: signer)
    return export(envelopes, head, escrow)


def bundle(key: Key | None = None) -> bytes:
    return bundle_of(tuple(each.envelope for each in entries(key=key)), key)


def _entry(envelope: bytes) -> Entry:
    return Entry(record=statement.decode(peek(envelope, "record"), "record"), envelope=envelope)


def _meaning(envelopes: tuple[bytes, ...]) -> Meaning:
    """As far as a head asks for it, and the records allow."""
    walk = chain.Walk()
    with suppress(EvidenceError):
        for _ in chain.follow(envelopes, chain.shown, walk):
            pass
    return walk.meaning


def _chain(envelopes: tuple[bytes, ...]) -> Chain:
    found = Chain()
    for each in envelopes:
        found = found.extended(each)
    return found
