# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Results of probes as values and as JSON."""

from dataclasses import replace

import pytest

from gateway.ingest.findings import find
from gateway.ingest.probed import Certificate, Severity, dump, load
from gateway.model.errors import WireError
from tests.unit.ingest.probes import DEVICE, GOOD, stream


def test_a_result_survives_the_way_through_json():
    """The daemon writes it, the command line reads it."""
    full = replace(GOOD, device=DEVICE, certificate=Certificate("ab" * 32, 322))
    full = replace(full, findings=find(stream(gop_s=60.0)))
    assert load(dump(full)) == full
    assert "\n" not in dump(full)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"address": 1}', "null"])
def test_anything_else_is_a_fault_of_the_peer(text):
    """Another version may have written it."""
    with pytest.raises(WireError, match="not the result"):
        load(text)


def test_the_worst_finding_decides():
    """Nothing found is no severity at all."""
    assert GOOD.worst is None
    assert replace(GOOD, findings=find(stream(slices=16))).worst is Severity.INFO
    assert replace(GOOD, findings=find(stream(gop_s=60.0, slices=16))).worst is Severity.FAIL
