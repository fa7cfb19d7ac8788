"""The signed head: what the ledger was when it was last looked at (H4).

It lies in Git below ``records/`` and in each bundle. Every part is taken from the records, the time and tool
from the last of them, and ed25519 is deterministic: an unchanged ledger gives an unchanged file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bootstrap.ledger import canonical
from bootstrap.ledger.chain import Chain, Seen
from bootstrap.ledger.countersigning import public_key
from bootstrap.ledger.envelope import PublicKey, open_envelope, peek, seal
from bootstrap.ledger.record import VAULT_CLUSTER as VAULT_CLUSTER
from bootstrap.ledger.statement import STATEMENT_TYPE
from bootstrap.model.errors import EvidenceError
from bootstrap.ports import Signer

PREDICATE_TYPE = "https://bootstrap.dev/ledger-head/v1"

Sign = Callable[[], Signer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """``last`` and ``root`` are hex SHA-256, ``countersigner`` is the public half of Vault's present key, as base64.

    ``escrow_sha256`` is empty when there is no escrow, ``vault_cluster`` before Vault is initialised, ``environment``
    where the run named none, ``countersigner`` where no key is announced.
    """

    size: int
    last: str
    root: str
    cluster: str
    vault_cluster: str
    escrow_sha256: str
    tool: str
    time: str
    environment: str = ""
    countersigner: str = ""


def head_of(ledger: Seen, *, escrow: bytes | None, environment: str = "") -> Head:
    """The head of a ledger of at least one record; EvidenceError E_EMPTY otherwise.

    ``escrow`` is the escrow file's content: ciphertext, so that its plain hash gives nothing away.
    """
    last = ledger.last
    if last is None:
        raise EvidenceError("the ledger holds no record yet", code="E_EMPTY", hint="bootstrap up")
    return Head(
        size=ledger.chain.size,
        last=ledger.chain.last,
        root=ledger.chain.root,
        cluster=last.run.cluster,
        vault_cluster=ledger.vault_cluster,
        escrow_sha256="" if escrow is None else canonical.sha256(escrow),
        tool=last.run.tool,
        time=last.time,
        environment=environment,
        countersigner=current.text if (current := ledger.meaning.countersigning.current) else "",
    )


def head_file(
    ledger: Seen,
    escrow: bytes | None,
    *,
    known: bytes | None,
    key: PublicKey,
    sign: Sign,
    environment: str = "",
) -> bytes:
    """The content of the head file: ``known`` where it is the signed head of just this, else newly signed
    (``sign`` is asked for the ledger key only then)."""
    head = head_of(ledger, escrow=escrow, environment=environment)
    if known is not None and _is(known, head, key):
        return known
    return sign_head(head, sign())


def sign_head(head: Head, signer: Signer) -> bytes:
    """Canonical bytes of the signed head: the content of the head file."""
    return seal(_encode(head), signer)


def read_head(data: bytes, key: PublicKey, what: str = "head") -> Head:
    """EvidenceError E_SIG or E_HEAD unless ``data`` is a head signed by ``key``, byte for byte."""
    return _decode(open_envelope(data, key, what), what)


def glance_head(data: bytes, what: str = "head") -> Head:
    """Like ``read_head`` where no key is at hand. For showing only."""
    return _decode(peek(data, what), what)


def check_head(head: Head, ledger: Seen, escrow: bytes | None) -> None:
    """EvidenceError E_HEAD unless ``head`` is the head of exactly this ledger and escrow."""
    if head != head_of(ledger, escrow=escrow, environment=head.environment):
        raise EvidenceError(
            f"the head is not that of these records and this escrow: it names {head.size} records, "
            f"here are {ledger.chain.size}",
            code="E_HEAD",
            where="head",
        )


def chain_fits(head: Head, chain: Chain) -> bool:
    return (head.size, head.last, head.root) == (chain.size, chain.last, chain.root)


def _is(data: bytes, head: Head, key: PublicKey) -> bool:
    try:
        return read_head(data, key) == head
    except EvidenceError:
        return False


def _encode(head: Head) -> bytes:
    subject = {"name": f"ledger:{head.cluster}", "digest": {"sha256": head.root}}
    return canonical.dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [subject],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "size": head.size,
                "last": head.last,
                "root": head.root,
                "cluster": head.cluster,
                "vaultCluster": head.vault_cluster,
                "escrowSha256": head.escrow_sha256,
                "tool": head.tool,
                "time": head.time,
                **({"environment": head.environment} if head.environment else {}),
                **({"countersigner": head.countersigner} if head.countersigner else {}),
            },
        }
    )


def _decode(payload: bytes, what: str) -> Head:
    value = canonical.loads(payload, what, code="E_HEAD")
    try:
        head = _head(value["predicate"])
        same = _encode(head) == payload
    except (KeyError, TypeError, ValueError, AttributeError):
        head, same = None, False
    if head is None or not same:
        raise EvidenceError(f"{what} is not a ledger head of this format", code="E_HEAD", where=what)
    return head


def _head(p: dict[str, Any]) -> Head:
    size, texts = p["size"], [value for name, value in p.items() if name != "size"]
    if type(size) is not int or not all(isinstance(value, str) for value in texts):
        raise TypeError("a member has another type")
    if countersigner := p.get("countersigner", ""):
        public_key(countersigner)
    return Head(
        size=size,
        last=p["last"],
        root=p["root"],
        cluster=p["cluster"],
        vault_cluster=p["vaultCluster"],
        escrow_sha256=p["escrowSha256"],
        tool=p["tool"],
        time=p["time"],
        environment=p.get("environment", ""),
        countersigner=countersigner,
    )
