"""The report of a drill: an in-toto Statement about one snapshot, signed with the ledger key (H4, INV1).

It names secrets, versions and fields, never a value. ``read_report`` takes no byte that the key did not sign.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bootstrap.ledger import canonical
from bootstrap.ledger.envelope import PublicKey, open_envelope, seal
from bootstrap.ledger.statement import STATEMENT_TYPE
from bootstrap.model.errors import EvidenceError
from bootstrap.ports import Signer

PREDICATE_TYPE: Final = "https://bootstrap.dev/drill/v1"
EQUAL, DIFFERS = "equal", "differs"
SECTIONS: Final = frozenset(
    {
        "outcome",
        "platform",
        "environment",
        "who",
        "begun",
        "ended",
        "cluster",
        "commit",
        "plan",
        "snapshot",
        "versions",
        "rto",
        "rpo",
        "secrets",
        "proofs",
        "leftOut",
    }
)


# Of each section what it is made of: a kind, a mapping by its fields, a list by what each item is.
_STEP = {"id": str, "title": str, "milliseconds": int, "acted": bool, "note": str, "waits": [str]}
_WAIT = {"id": str, "title": str, "milliseconds": int}
_SHAPE: Final[Mapping[str, Any]] = {
    **dict.fromkeys(SECTIONS - {"snapshot", "versions", "rto", "rpo", "secrets", "proofs", "leftOut"}, str),
    "snapshot": {"file": str, "sha256": str, "time": str},
    "versions": {},
    "rto": {
        "milliseconds": int,
        "waitedMilliseconds": int,
        "waits": [_WAIT],
        "phases": [{"title": str, "milliseconds": int, "steps": [_STEP]}],
    },
    "rpo": {"raftIndex": int, "ageSeconds": int, "secondsBehind": int, "recordsBehind": int},
    "secrets": {
        "secrets": int,
        "versions": int,
        "differing": [{"name": str, "version": int, "fields": [str], "lost": bool}],
    },
    "proofs": [{"id": str, "title": str, "state": str, "evidence": str, "ok": (bool, type(None))}],
    "leftOut": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``content`` is plain JSON with whole numbers alone; docs/reference/drill-report.md has its fields."""

    content: Mapping[str, Any]

    @property
    def equal(self) -> bool:
        return bool(self.content["outcome"] == EQUAL)

    @property
    def differing(self) -> tuple[str, ...]:
        """In words: the secrets and proofs because of which it is not equal."""
        secrets = (_differing(each) for each in self.content["secrets"]["differing"])
        proofs = (f"proof {p['id']}: {p['evidence']}" for p in self.content["proofs"] if p["ok"] is False)
        return (*secrets, *proofs)


def signed(report: Report, signer: Signer) -> bytes:
    """The report's file: one DSSE envelope in canonical JSON."""
    return seal(_statement(report), signer)


def read_report(data: bytes, key: PublicKey, what: str) -> Report:
    """EvidenceError E_SIG unless every byte is as ``key`` signed it; E_DRILL_REPORT for another statement."""
    payload = open_envelope(data, key, what)
    value = canonical.loads(payload, what, code="E_DRILL_REPORT")
    try:
        report = Report(content=value["predicate"])
        same = report.content.keys() == SECTIONS and _fits(report.content, _SHAPE)
        same = same and report.content["outcome"] == (DIFFERS if report.differing else EQUAL)
        same = same and _statement(report) == payload
    except (KeyError, TypeError, AttributeError):
        report, same = None, False
    if report is None or not same:
        raise EvidenceError(
            f"{what} is signed, and is no report of a drill",
            code="E_DRILL_REPORT",
            where=what,
            hint="`bootstrap drill` writes one with --out; a ledger's bundle is verified by `bootstrap ledger verify`",
        )
    return report


def _fits(value: Any, shape: Any) -> bool:
    """Whether what is signed can be shown: a newer report may have more fields, and none of another kind."""
    if isinstance(shape, Mapping):
        return isinstance(value, dict) and all(
            name in value and _fits(value[name], each) for name, each in shape.items()
        )
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(each, shape[0]) for each in value)
    return type(value) in (shape if isinstance(shape, tuple) else (shape,))


def _statement(report: Report) -> bytes:
    snapshot = report.content["snapshot"]
    subject = {"name": f"snapshot:{snapshot['file']}", "digest": {"sha256": snapshot["sha256"]}}
    return canonical.dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [subject],
            "predicateType": PREDICATE_TYPE,
            "predicate": dict(report.content),
        }
    )


def _differing(each: Mapping[str, Any]) -> str:
    why = "is not given out by Vault" if each["lost"] else f"differs in {', '.join(each['fields'])}"
    return f"{each['name']} version {each['version']} {why}"
