"""``s3://BUCKET/PREFIX`` as a place for snapshots: its login is a secret of the catalog, as Vault holds it (S2)."""

import re
from dataclasses import replace
from typing import Final

from bootstrap.adapters.s3.bucket import Account, S3Bucket
from bootstrap.model.catalog import Bucket
from bootstrap.model.errors import DefinitionError
from bootstrap.model.names import kv, kv_data
from bootstrap.operations.snapshot.shelf import InBucket
from bootstrap.steps.context.session import Session
from bootstrap.steps.secrets.versions import held_in

FIELDS: Final = ("access-key-id", "secret-access-key")
_PLACE: Final = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?P<prefix>[A-Za-z0-9._/-]*))?"
)


def in_bucket(out: str, declared: Bucket | None, session: Session, path: str, ca: bytes) -> InBucket:
    """``declared`` says which server it is, ``path`` where in Vault its login lies, ``ca`` by which certificates it is
    known. DefinitionError E_S3_PLACE."""
    found = _PLACE.fullmatch(out)
    if found is None:
        raise _place(
            out, "it is no s3://BUCKET/PREFIX", "lower-case letters, digits, dots and dashes in BUCKET"
        )
    if declared is None or not path:
        raise _place(
            out,
            "bootstrap.yaml declares no S3 server",
            "declare snapshots.where.s3 with endpoint, bucket and credentials, then bootstrap up",
        )
    place = replace(declared, bucket=found["bucket"], prefix=(found["prefix"] or "").strip("/"))
    return InBucket(S3Bucket(place, _account(session, path), ca))


def parted(place: str) -> tuple[str, str]:
    """``s3://BUCKET/PREFIX`` and the name of ``s3://BUCKET/KEY``. DefinitionError E_S3_PLACE."""
    folder, _, name = place.rpartition("/")
    if not name or not _PLACE.fullmatch(folder):
        raise _place(
            place,
            "it is no s3://BUCKET/KEY",
            "bootstrap snapshot list s3://BUCKET/PREFIX shows the key of each",
        )
    return folder, name


def _account(session: Session, path: str) -> Account:
    held = held_in(session.read(kv_data(path)), path)
    values = held.values if held is not None else {}
    missing = [name for name in FIELDS if name not in values]
    if missing:
        raise DefinitionError(
            f"{kv(path)} has no field {' and no field '.join(missing)}",
            code="E_S3_LOGIN",
            where=kv(path),
            hint="bootstrap set NAME --field FIELD writes one; snapshots.where.s3.credentials names the secret",
        )
    return Account(key=values[FIELDS[0]], secret=values[FIELDS[1]])


def _place(out: str, why: str, hint: str) -> DefinitionError:
    return DefinitionError(f"{out}: {why}", code="E_S3_PLACE", where=out, hint=hint)
