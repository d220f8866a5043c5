# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The fuzz harnesses, short: every seed, and a hundred mutations of the seeds of each target."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

EDITS = st.lists(
    st.tuples(st.integers(0, 8000), st.integers(0, 12), st.binary(max_size=12)), max_size=6
)


def edited(data, edits):
    """Replace pieces of a seed."""
    for at, length, piece in edits:
        place = at % (len(data) + 1)
        data = data[:place] + piece + data[place + length :]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_eaten(name):
    """Goldens pass through their harness, and there are some."""
    assert TARGETS[name].seeds
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", TARGETS)
@given(which=st.integers(0, 99), edits=EDITS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_seeds_are_eaten(name, which, edits):
    """Spoilt goldens give values or documented errors, nothing else."""
    seeds = TARGETS[name].seeds
    TARGETS[name].run(edited(seeds[which % len(seeds)], edits))
