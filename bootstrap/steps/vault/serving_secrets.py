"""The two Secrets that a serving Vault mounts: its lasting certificates, and the unseal key of its unsealer.

Who may make Secrets in Vault's namespace can make them first, label and all. So ours carry a keyed digest of what
is in them, which only the holder of the root can make.
"""

import hmac
import json
from collections.abc import Iterator
from typing import Final

from bootstrap.model.catalog import Custody
from bootstrap.model.errors import EvidenceError, PreconditionError
from bootstrap.model.names import VAULT_SECRETS
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import kubectl
from bootstrap.steps.context.names import CLAIM_ANNOTATION, is_ours, labels
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import read_escrow
from bootstrap.steps.vault.init_window import WindowStore

VAULT_TLS: Final = f"{VAULT_SECRETS}tls"
ISSUER: Final = "issuer"  # in it: the key of the CA in Vault of which each pod's certificate has to be


def tls_ref(world: World) -> Ref:
    return Ref("v1", "Secret", VAULT_TLS, world.intent.platform.vault.namespace)


def unseal_ref(world: World, ahead: int = 0) -> Ref:
    """Named by the share's generation, the one that counts now; ``ahead`` of it: a rekey makes the next one before it
    counts (B4)."""
    window = WindowStore(world.cluster).read()
    generation = (window.generation if window else 1) + ahead
    return Ref("v1", "Secret", f"{VAULT_SECRETS}unseal-{generation}", world.intent.platform.vault.namespace)


def unseal_refs(world: World) -> tuple[Ref, Ref]:
    """What an unsealer reads: the share that counts, and the next one as soon as it is there."""
    return unseal_ref(world), unseal_ref(world, 1)


def give_share(world: World, ref: Ref, share: Sensitive, *, counts: bool = True) -> None:
    """Makes the Secret of one generation, where there is none. It is immutable once its share ``counts``: the kubelet
    looks at an immutable Secret once, and the share of a rekey that did not come to its end gives way to another."""
    if world.cluster.get(ref) is not None:
        return
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "immutable": counts,
        "metadata": {"name": ref.name, "namespace": ref.namespace, "labels": labels("unseal-key")},
        "data": {"key": share},
    }
    expect(world.cluster.create(marked(world, secret)), ref)


def make_immutable(world: World, ref: Ref) -> None:
    live = world.cluster.get(ref)
    if live is not None and live.get("immutable") is not True:
        expect(world.cluster.replace({**live, "immutable": True}), ref)


def marked(world: World, secret: Object) -> Object:
    """The Secret with the digest of its content. PreconditionError E_ROOT_NEEDED."""
    meta = secret["metadata"]
    marks = {**(meta.get("annotations") or {}), CLAIM_ANNOTATION: _digest(world, secret)}
    return secret | {"metadata": meta | {"annotations": marks}}


def is_announced(world: World, key: str) -> bool:
    """Whether the renewers know that the CA in Vault has this key: each gets a certificate of it at once."""
    found = world.cluster.get(tls_ref(world))
    return found is not None and found["data"].get(ISSUER) == _named(key)


def announce(world: World, key: str) -> None:
    """PreconditionError E_ROOT_NEEDED."""
    ref = tls_ref(world)
    live = world.cluster.get(ref)
    if live is not None:  # else it has gone since; the wait for the renewers ends with its error
        changed = {**live, "data": live["data"] | {ISSUER: _named(key)}}
        expect(world.cluster.replace(marked(world, changed)), ref)


def _named(key: str) -> Sensitive:
    return Sensitive(f"{key}\n".encode(), ISSUER)


def taken(world: World) -> Iterator[PreconditionError]:
    """E_NAME_TAKEN for what has the name of one of the two and is not that Secret; without an unsealer none is the
    second one, and nothing mounts it."""
    unsealer = world.intent.platform.vault.custody is Custody.CLUSTER
    for ref in (tls_ref(world), *((unseal_ref(world),) if unsealer else ())):
        if why := foreign(world, ref):
            yield PreconditionError(
                f"a Secret of this name is there and is not ours: {why}",
                code="E_NAME_TAKEN",
                where=str(ref),
                hint=f"ask who made it; if nothing uses it, {kubectl('delete', ref)}, then `bootstrap up`",
            )


def trusted_keys(world: World, live: Object) -> frozenset[str]:
    """The keys of the CAs that the pods trust; none where what is there is no certificate."""
    content = live["data"].get("ca.crt", b"")
    try:
        return frozenset(ca.key for ca in world.certificates.read_all(content))
    except EvidenceError:
        return frozenset()


def is_trusted(world: World, certificate: bytes | Sensitive) -> bool:
    """Whether a CA that the commit trusts has signed it."""
    return any(world.certificates.is_signed_by(certificate, ca) for ca in world.intent.authorities)


def foreign(world: World, ref: Ref) -> str:
    """Why a Secret that is there is none of ours; empty where it is, or none is there. By owner, form and content;
    without the root key the digest is not compared, and then nothing is changed either."""
    live = world.cluster.get(ref)
    if live is None:
        return ""
    if not is_ours(live):
        return "its owner is another"
    if ref == tls_ref(world):
        ours = {ca.key for ca in world.certificates.read_all(world.intent.keys["vault-ca.crt"])}
        if ours.isdisjoint(trusted_keys(world, live)):
            return "its CA is not keys/vault-ca.crt"
    elif live.get("immutable") is not True or set(live["data"]) != {"key"}:
        return "it is not one immutable share"
    return "" if world.files is None else _unproven(world, live, ref)


def _unproven(world: World, live: Object, ref: Ref) -> str:
    mark = str((live["metadata"].get("annotations") or {}).get(CLAIM_ANNOTATION, ""))
    if hmac.compare_digest(mark.encode(), _digest(world, live).encode()):
        return ""
    escrow = read_escrow(world)
    if escrow is None:
        return "what is in it was not made with this root key"
    # Of a version that wrote no digest, or changed since. The share is known by its ciphertext, the certificates by
    # their CA: one that is missing is issued anew.
    if ref == tls_ref(world):
        return ""
    key = world.material.unseal_key()
    opened = [key.decrypt(share.ciphertext()) for share in escrow.shares.values()]
    return "" if live["data"].get("key") in opened else "it is not the share of this Vault"


def _digest(world: World, secret: Object) -> str:
    """Keyed by the commitment key, over each field by its own commitment."""
    key, uid = world.material.commitments(), world.cluster.uid()
    where = f"secret/{secret['metadata']['namespace']}/{secret['metadata']['name']}"
    fields = {name: key.commit(uid, where, name, value) for name, value in secret["data"].items()}
    return key.commit(uid, where, "claim", Sensitive(json.dumps(fields, sort_keys=True).encode(), "claim"))
