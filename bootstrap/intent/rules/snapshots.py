"""Rules of the snapshots that the cluster saves of itself (INV1)."""

from collections.abc import Iterator

from bootstrap.intent.findings import Finding, Level
from bootstrap.model.catalog import Bucket, Intent
from bootstrap.model.schedule import Schedule


def judge(intent: Intent) -> Iterator[Finding]:
    wanted, where = intent.platform.snapshots, intent.platform.where
    if wanted is None:
        return
    try:
        Schedule.parse(wanted.schedule)
    except ValueError as error:
        yield Finding(
            id="E_SCHEDULE",
            where=where,
            message=f"spec.snapshots.schedule {wanted.schedule!r} is no schedule: {error}",
            hint='five fields of numbers, in UTC: "15 */6 * * *"',
        )
    if (wanted.volume is None) == (wanted.bucket is None):
        yield Finding(
            id="E_SNAPSHOTS",
            where=where,
            message="spec.snapshots.where has exactly one of pvc and s3",
            hint="pvc: {size: 10Gi}, or s3: {endpoint: URL, bucket: NAME, credentials: SECRET}",
        )
    if wanted.bucket is not None:
        yield from _bucket(intent, wanted.bucket)
        return
    yield Finding(
        id="W_SNAPSHOTS_INSIDE",
        where=where,
        message="snapshots lie on a volume of the cluster that they are of: what takes both leaves none",
        hint="copy them away; `bootstrap snapshot save` on another machine saves one there",
        level=Level.WARNING,
    )


def _bucket(intent: Intent, wanted: Bucket) -> Iterator[Finding]:
    where = intent.platform.where
    if not wanted.endpoint.startswith(("https://", "http://")):
        yield Finding(
            id="E_SNAPSHOTS",
            where=where,
            message="spec.snapshots.where.s3.endpoint is no URL",
            hint="endpoint: https://s3.example.com",
        )
    if wanted.ca and not (wanted.endpoint.startswith("https://") and _is_ca(intent.bucket_ca)):
        yield Finding(
            id="E_SNAPSHOTS",
            where=where,
            message=f"spec.snapshots.where.s3.ca: keys/{wanted.ca} holds no certificates, or the endpoint is not https",
            hint="commit the certificates that sign the server's, as PEM, below keys/",
        )
    if not intent.bucket_path:
        yield Finding(
            id="E_SNAPSHOTS",
            where=where,
            message=f"spec.snapshots.where.s3.credentials: no secret {wanted.credentials} with a path in Vault",
            hint="declare it in secrets/, with the fields access-key-id and secret-access-key",
        )


def _is_ca(pem: bytes) -> bool:
    from cryptography import x509  # only here: every command reads the rules

    try:
        return bool(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return False
