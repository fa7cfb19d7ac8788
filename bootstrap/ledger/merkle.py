"""The Merkle tree hash over the envelopes, and proofs that one of them is in it (RFC 6962, section 2.1).

A leaf is the canonical bytes of one envelope; hashes are 32 bytes.
"""

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


Frontier = tuple[bytes, ...]  # roots of the full subtrees, largest first: one for each bit set in the size


def grow(frontier: Frontier, size: int, leaf_hash: bytes) -> Frontier:
    """The frontier of ``size + 1`` leaves."""
    stack, last = list(frontier), leaf_hash
    while size & 1:
        last = node(stack.pop(), last)
        size >>= 1
    return (*stack, last)


def root(frontier: Frontier) -> bytes:
    if not frontier:
        return EMPTY_ROOT
    *rest, found = frontier
    while rest:
        found = node(rest.pop(), found)
    return found


def prove(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of leaf ``index`` among leaf hashes; hashes from the bottom up."""
    if len(leaves) == 1:
        return ()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return (*prove(leaves[:split], index), _tree(leaves[split:]))
    return (*prove(leaves[split:], index - split), _tree(leaves[:split]))


def included(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], wanted: bytes) -> bool:
    """True when ``path`` proves the leaf at ``index`` of a tree of ``size`` leaves with root ``wanted``
    (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf_hash
    for step in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node(step, found)
            while not at & 1:  # it ends: at is last, and that is not 0
                at, last = at >> 1, last >> 1
        else:
            found = node(found, step)
        at, last = at >> 1, last >> 1
    return last == 0 and found == wanted


def _tree(leaves: Sequence[bytes]) -> bytes:
    frontier: Frontier = ()
    for size, each in enumerate(leaves):
        frontier = grow(frontier, size, each)
    return root(frontier)
