# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.model.media import AccessUnit, Codec
from gateway.model.time import ClockQuality, Moment
from gateway.wire.units import pack, pack_many, unpack, unpack_many

MOMENTS = st.builds(
    Moment, st.floats(0, 1e9), st.integers(0, 1 << 60), st.just(ClockQuality.EXERCISE)
)
UNITS = st.builds(
    AccessUnit,
    st.integers(-(1 << 62), 1 << 62),
    st.booleans(),
    st.lists(st.binary(min_size=1, max_size=50), max_size=8).map(tuple),
    MOMENTS,
    MOMENTS,
    st.sampled_from(Codec),
)


@given(st.lists(UNITS, max_size=5))
def test_units_survive_the_pipe(units):
    """What one process packs, the other unpacks unchanged."""
    assert unpack_many(pack_many(units)) == units


@given(st.binary(max_size=200))
def test_any_bytes_are_a_unit_or_a_wire_error(data):
    """Garbage never raises anything else."""
    for read in (unpack, unpack_many):
        try:
            read(data)
        except WireError:
            continue


@given(UNITS, st.data())
def test_a_cut_unit_is_refused(unit, data):
    """A unit that lost its tail is an error, not a shorter unit."""
    packed = pack(unit)
    with pytest.raises(WireError):
        unpack(packed[: data.draw(st.integers(0, len(packed) - 1))])
