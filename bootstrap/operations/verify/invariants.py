"""Every claim that `bootstrap verify` proves, in the order of the phases (INV1-INV8).

A proof reads; it never believes the journal. What each reads, and cannot see, is in docs/reference/verify.md.
"""

from collections.abc import Iterator

from bootstrap.operations.verify.proof import Claim, Proof
from bootstrap.operations.verify.proofs.authority import (
    authority,
    ledger_whole,
    values,
    versions_explained,
)
from bootstrap.operations.verify.proofs.certificates import certificates
from bootstrap.operations.verify.proofs.consumers import (
    consumers_served,
    current,
    foreign_pushers,
    foreign_readers,
    nothing_left_over,
)
from bootstrap.operations.verify.proofs.copies import configuration, no_copy, no_old_value
from bootstrap.operations.verify.proofs.kubernetes_writers import kubernetes_writers
from bootstrap.operations.verify.proofs.rebuilding import escrow_outside, rebuild
from bootstrap.operations.verify.proofs.retirement import (
    residuals,
    retirement,
    scaffolds_gone,
    scaffolds_refused,
)
from bootstrap.operations.verify.proofs.snapshots import snapshots
from bootstrap.operations.verify.proofs.vault import auditing, cluster_identity, no_root, voters
from bootstrap.operations.verify.proofs.vault_writers import vault_grants, vault_writers
from bootstrap.steps.context.world import World

CLAIMS: tuple[Claim, ...] = (
    cluster_identity,
    voters,
    certificates,
    escrow_outside,
    rebuild,
    snapshots,
    auditing,
    no_root,
    authority,
    values,
    versions_explained,
    consumers_served,
    current,
    nothing_left_over,
    foreign_readers,
    scaffolds_gone,
    scaffolds_refused,
    retirement,
    no_old_value,
    no_copy,
    configuration,
    ledger_whole,
    vault_writers,
    vault_grants,
    foreign_pushers,
    kubernetes_writers,
    residuals,
)


def prove(world: World, *, deep: bool = False) -> Iterator[Proof]:
    """Every proof; ``deep`` adds those that ask a server to try something."""
    with world.look.shared():
        for claim in CLAIMS:
            if deep or not claim.deep:
                yield claim(world)
