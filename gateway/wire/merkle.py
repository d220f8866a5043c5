# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The Merkle tree of RFC 6962 §2.1 with SHA-256: roots, proofs and their verification.

A tree is a sequence of leaf hashes. Whoever only appends keeps a `Frontier` of at most 64 hashes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from gateway.model.errors import WireError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one entry (RFC 6962 §2.1: prefix 0x00)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962 §2.1: prefix 0x01)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What is needed to append: the roots of the perfect subtrees, largest first.

    Their sizes are the powers of two in `size`, so that the number of peaks is its bit count.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "Frontier":
        """Return the frontier with one more leaf hash; O(log size)."""
        peaks = list(self.peaks)
        size = self.size
        while size & 1:
            leaf = node_hash(peaks.pop(), leaf)
            size >>= 1
        peaks.append(leaf)
        return Frontier(self.size + 1, tuple(peaks))

    def root(self) -> bytes:
        """Return the root of the tree so far."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def pack(self) -> bytes:
        """Return the peaks as bytes; with the size, `unpack` is the inverse."""
        return b"".join(self.peaks)

    @classmethod
    def unpack(cls, size: int, data: bytes) -> "Frontier":
        """Return the frontier of `size` leaves that `pack` wrote; WireError if it cannot be one."""
        if size < 0 or len(data) != size.bit_count() * HASH_BYTES:
            raise WireError(f"frontier of {len(data)} bytes for {size} leaves")
        steps = range(0, len(data), HASH_BYTES)
        return cls(size, tuple(data[at : at + HASH_BYTES] for at in steps))


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes (MTH of RFC 6962 §2.1)."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    return frontier.root()


Node = Callable[[int, int], bytes]
"""Root over the leaves from the first index up to, without, the second."""


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the audit path of leaf `index` (PATH of RFC 6962 §2.1.1), leaf end first."""
    return inclusion_path(index, len(leaves), _over(leaves))


def inclusion_path(index: int, size: int, node: Node) -> list[bytes]:
    """Return the audit path in a tree of `size` leaves whose subtree roots `node` knows."""
    if not 0 <= index < size:
        raise WireError(f"leaf {index} of a tree of {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(node(middle, high))
            high = middle
        else:
            path.append(node(low, middle))
            low = middle
    return path[::-1]


def consistency_proof(first: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the first `first` leaves are a prefix (PROOF of RFC 6962 §2.1.2)."""
    return consistency_path(first, len(leaves), _over(leaves))


def consistency_path(first: int, size: int, node: Node) -> list[bytes]:
    """Return that proof for a tree of `size` leaves whose subtree roots `node` knows."""
    if not 0 <= first <= size:
        raise WireError(f"prefix of {first} in a tree of {size}")
    if first in (0, size):
        return []
    path: list[bytes] = []
    low, high = 0, size
    while first != high:
        middle = low + _split(high - low)
        if first <= middle:
            path.append(node(middle, high))
            high = middle
        else:
            path.append(node(low, middle))
            low = middle
    return ([node(low, high)] if low else []) + path[::-1]


def _over(leaves: Sequence[bytes]) -> Node:
    return lambda low, high: root_of(leaves[low:high])


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def proves_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Return whether `proof` shows `leaf` as number `index` under `root` (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    sides = _sides(index, size - 1, len(proof))
    if sides is None:
        return False
    result = leaf
    for sibling, is_left in zip(proof, sides, strict=True):
        result = node_hash(sibling, result) if is_left else node_hash(result, sibling)
    return result == root


def proves_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> bool:
    """Return whether `proof` shows that a tree only grew (RFC 9162 §2.1.4.2).

    `first` and `second` are sizes. Of the empty tree every tree is a continuation.
    """
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == EMPTY_ROOT
    if not 0 < first < second:
        return False
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    shared = (first ^ (first - 1)).bit_length() - 1
    sides = _sides((first - 1) >> shared, (second - 1) >> shared, len(path) - 1)
    if sides is None:
        return False
    old = new = path[0]
    for sibling, is_left in zip(path[1:], sides, strict=True):
        if is_left:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    return old == first_root and new == second_root


def _sides(node: int, last: int, count: int) -> list[bool] | None:
    """Return for each of `count` siblings whether it stands on the left, on the way to the root.

    None if a proof for leaf `node` of a tree that ends with leaf `last` has another length.
    """
    sides: list[bool] = []
    while last:
        is_left = bool(node & 1) or node == last
        sides.append(is_left)
        while is_left and node and not node & 1:
            node >>= 1
            last >>= 1
        node >>= 1
        last >>= 1
    return sides if len(sides) == count else None
