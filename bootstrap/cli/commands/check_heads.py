"""``check``: each ``records/*/head.json`` is a signed head of this platform and of the cluster named by its folder."""

from collections.abc import Iterator

from bootstrap.intent.findings import Finding
from bootstrap.ledger.envelope import PublicKey, signed_by_another
from bootstrap.ledger.head import read_head
from bootstrap.model.catalog import Intent
from bootstrap.model.errors import BootstrapError
from bootstrap.model.layout import HEAD

KEY = "ledger.pub"


def heads(intent: Intent) -> Iterator[Finding]:
    """No finding where there is no ledger key: that is an error of its own."""
    try:
        key = PublicKey.parse(intent.keys[KEY])
    except (KeyError, BootstrapError):
        return
    for cluster, data in sorted(intent.heads.items()):
        yield from _judged(cluster, data, key)


def _judged(cluster: str, data: bytes, key: PublicKey) -> Iterator[Finding]:
    where = f"records/{cluster}/{HEAD}"
    if signed_by_another(data, key):
        message = "signed by a key that keys/ does not have: this folder belongs to another platform"
        yield Finding(id="E_HEAD_KEY", where=where, message=message, hint="remove this folder")
        return
    try:
        head = read_head(data, key, where)
    except BootstrapError:
        message = "no signed head of the ledger: it was changed, or cut off"
        yield Finding(id="E_HEAD", where=where, message=message, hint="restore the file from Git's history")
        return
    if head.cluster != cluster:
        message = f"the signed head of another cluster, {head.cluster}, than its folder names"
        yield Finding(id="E_HEAD", where=where, message=message, hint=f"records/{head.cluster}/ is its place")
