# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The Merkle tree against published vectors, an independent oracle, and forgers."""

import random

import pymerkle
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    proves_consistency,
    proves_inclusion,
    root_of,
)

# Inputs and roots of Certificate Transparency's reference implementation (merkle_tree_test.cc).
CT_INPUTS = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES = [leaf_hash(bytes([n])) for n in range(70)]


def test_published_roots():
    """The roots of Certificate Transparency's own test data come out."""
    assert root_of([]).hex() == EMPTY_ROOT.hex()
    leaves = [leaf_hash(one) for one in CT_INPUTS]
    for size, root in enumerate(CT_ROOTS, start=1):
        assert root_of(leaves[:size]).hex() == root


def test_roots_equal_an_independent_tree():
    """An implementation by others computes the same root at every size."""
    oracle = pymerkle.InmemoryTree(algorithm="sha256")
    frontier = Frontier()
    for n in range(130):
        oracle.append_entry(bytes([n, 7]))
        frontier = frontier.append(leaf_hash(bytes([n, 7])))
        assert frontier.root() == oracle.get_root()


@pytest.mark.parametrize("size", range(1, len(LEAVES)))
def test_every_true_proof_is_accepted(size):
    """Inclusion of every leaf and consistency with every prefix can be shown."""
    leaves = LEAVES[:size]
    root = root_of(leaves)
    for index in range(size):
        proof = inclusion_proof(index, leaves)
        assert proves_inclusion(leaves[index], index, size, proof, root)
    for first in range(size + 1):
        proof = consistency_proof(first, leaves)
        assert proves_consistency(first, size, proof, root_of(leaves[:first]), root)


def test_proofs_of_the_worked_example():
    """The tree of seven leaves in RFC 6962 §2.1.3 gives the proofs that the text lists."""
    d = LEAVES[:7]
    g, h, i = (node_hash(d[n], d[n + 1]) for n in (0, 2, 4))
    k, last = node_hash(g, h), node_hash(i, d[6])
    assert root_of(d) == node_hash(k, last)
    assert inclusion_proof(0, d) == [d[1], h, last]
    assert inclusion_proof(3, d) == [d[2], g, last]
    assert inclusion_proof(4, d) == [d[5], d[6], k]
    assert inclusion_proof(6, d) == [i, k]
    assert consistency_proof(3, d) == [d[2], d[3], g, last]
    assert consistency_proof(4, d) == [last]
    assert consistency_proof(6, d) == [i, d[6], k]


forgeries = st.sampled_from(["flip", "drop", "add", "swap", "root", "place", "size"])


@given(st.integers(1, 60), st.data())
def test_forged_inclusion_is_refused(size, data):
    """A proof with anything changed does not pass."""
    index = data.draw(st.integers(0, size - 1))
    leaves = LEAVES[:size]
    proof, root = inclusion_proof(index, leaves), root_of(leaves)
    leaf, claimed, total = leaves[index], index, size
    kind = data.draw(forgeries)
    if kind == "flip" and proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = bytes([proof[at][0] ^ 1]) + proof[at][1:]
    elif kind == "drop" and proof:
        del proof[data.draw(st.integers(0, len(proof) - 1))]
    elif kind == "add":
        proof.insert(data.draw(st.integers(0, len(proof))), LEAVES[-1])
    elif kind == "swap":
        assume(len(proof) > 1)
        proof[0], proof[1] = proof[1], proof[0]
    elif kind == "place":
        claimed = data.draw(st.integers(-1, size).filter(lambda n: n != index))
    elif kind == "size":
        total = data.draw(st.integers(0, size - 1))
        assume(not _same_path_in(index, size, total))
    else:
        root = LEAVES[-1]
    assert not proves_inclusion(leaf, claimed, total, proof, root)


def _same_path_in(index, size, total):
    """A proof does not bind the size where the sides of its siblings are the same."""
    return index < total and _shape(index, size) == _shape(index, total)


def _shape(index, size):
    if size == 1:
        return []
    split = 1 << ((size - 1).bit_length() - 1)
    if index < split:
        return [*_shape(index, split), "right"]
    return [*_shape(index - split, size - split), "left"]


@given(st.integers(2, 60), st.data())
def test_forged_consistency_is_refused(size, data):
    """A log that was not merely continued cannot be shown to have been."""
    first = data.draw(st.integers(1, size - 1))
    leaves = LEAVES[:size]
    proof = consistency_proof(first, leaves)
    old, new = root_of(leaves[:first]), root_of(leaves)
    kind = data.draw(st.sampled_from(["flip", "drop", "add", "old", "new", "rewritten"]))
    if kind == "flip":
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = bytes([proof[at][0] ^ 1]) + proof[at][1:]
    elif kind == "drop":
        del proof[data.draw(st.integers(0, len(proof) - 1))]
    elif kind == "add":
        proof.insert(data.draw(st.integers(0, len(proof))), LEAVES[-1])
    elif kind == "old":
        old = LEAVES[-1]
    elif kind == "new":
        new = LEAVES[-1]
    else:
        changed = list(leaves)
        changed[data.draw(st.integers(0, first - 1))] = LEAVES[-1]
        proof, new = consistency_proof(first, changed), root_of(changed)
    assert not proves_consistency(first, size, proof, old, new)


@given(st.integers(-2, 9), st.integers(-2, 9), st.lists(st.just(LEAVES[0]), max_size=5))
def test_impossible_sizes_are_refused(first, second, proof):
    """Sizes that do not grow, or are negative, prove nothing."""
    assume(not 0 <= first <= second)
    assert not proves_consistency(first, second, proof, LEAVES[0], LEAVES[1])


def test_everything_continues_the_empty_log():
    """Of nothing every log is a continuation, but only of the true nothing."""
    assert proves_consistency(0, 3, [], EMPTY_ROOT, root_of(LEAVES[:3]))
    assert not proves_consistency(0, 3, [], LEAVES[0], root_of(LEAVES[:3]))
    assert not proves_consistency(0, 3, [LEAVES[0]], EMPTY_ROOT, root_of(LEAVES[:3]))


@given(st.integers(0, 69))
def test_a_frontier_survives_storage(size):
    """A packed frontier comes back the same and grows the same."""
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier = frontier.append(leaf)
    again = Frontier.unpack(size, frontier.pack())
    assert again == frontier
    assert again.append(LEAVES[0]).root() == root_of([*LEAVES[:size], LEAVES[0]])


@pytest.mark.parametrize(("size", "data"), [(1, b""), (3, bytes(32)), (-1, b""), (0, bytes(32))])
def test_a_frontier_of_the_wrong_length_is_refused(size, data):
    """Stored peaks that do not fit their size are an error, not a root."""
    with pytest.raises(WireError):
        Frontier.unpack(size, data)


def test_proofs_about_absent_leaves_are_refused():
    """Nobody gets a proof for a leaf or a prefix that the tree does not have."""
    with pytest.raises(WireError):
        inclusion_proof(3, LEAVES[:3])
    with pytest.raises(WireError):
        consistency_proof(4, LEAVES[:3])


def test_twenty_thousand_forged_proofs():
    """Of 20 000 proofs that differ from the true one in hash, length, order or place none holds."""
    draw = random.Random(11)
    leaves = [leaf_hash(bytes([n])) for n in range(70)]
    roots = [root_of(leaves[:size]) for size in range(71)]
    refused = 0
    while refused < 20_000:
        size, index = draw.randrange(2, 71), 0
        first, index = draw.randrange(1, size), draw.randrange(size)
        path, grown = inclusion_proof(index, leaves[:size]), consistency_proof(first, leaves[:size])
        for proof in (path, grown):
            forged = list(proof)
            kind = draw.randrange(4)
            at = draw.randrange(len(forged) + 1)
            if kind == 0:
                forged.insert(at, draw.choice(leaves))
            elif kind == 1:
                forged = forged[:at] + forged[at + 1 :]
            elif kind == 2 and at < len(forged):
                forged[at] = draw.randbytes(32)
            else:
                draw.shuffle(forged)
            if forged == proof:
                continue
            if proof is path:
                assert not proves_inclusion(leaves[index], index, size, forged, roots[size])
            else:
                assert not proves_consistency(first, size, forged, roots[first], roots[size])
            refused += 1
