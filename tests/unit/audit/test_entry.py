# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Headers, commitments, and what a header does not show."""

import ast
import itertools
import json
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.entry import PERSONAL, Opening, draft, read_entry
from gateway.model import audit
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import LedgerError
from gateway.model.time import ClockQuality, Moment
from tests.fakes import FakeClock
from tests.unit.audit.logbook import LOOK

AT = Moment(12.5, 1_790_000_000_123_456, ClockQuality.UNSYNCHRONISED)


def salts(count):
    return b"s" * count


def made(event):
    return draft(event, AT, "1.2", salts)


def test_exactly_the_fields_marked_personal_are_committed():
    """The list here is the list of fields that the model marks."""
    tree = ast.parse(Path(audit.__file__).read_text())
    (body,) = (
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "LedgerEvent"
    )
    marked = [
        before.target.id
        for before, after in itertools.pairwise(body)
        if isinstance(before, ast.AnnAssign)
        and isinstance(after, ast.Expr)
        and after.value.value == "Personal."
    ]
    assert tuple(marked) == PERSONAL


def test_the_canonical_form():
    """Keys are sorted, nothing is spaced, defaults are left out."""
    event = LedgerEvent("log.read", Operation.CONSULTATION, Regime.GDPR, actor_id="anna")
    one = made(event)
    commitment = one.openings[0].commitment()
    assert one.header(7) == (
        b'{"actor_type":"service","clock_sync":"unsynchronised","commit":{"actor_id":"'
        + commitment.encode()
        + b'"},"event":"log.read","id":"'
        + one.id.encode()
        + b'","op":"consultazione","regime":"GDPR","result":"ok","seq":7,"sw_version":"1.2",'
        b'"ts_mono_us":12500000,"ts_utc_us":1790000000123456,"v":1}'
    )


def test_the_commitment_can_be_recomputed_by_others():
    """SHA-256 over label, field, salt and value, each after its length in four bytes."""
    parts = (b"varco-ledger-commitment-v1", b"actor_id", b"0123456789abcdef", "Ànna".encode())
    data = b"".join(len(one).to_bytes(4, "big") + one for one in parts)
    opening = Opening("actor_id", b"0123456789abcdef", "Ànna")
    assert opening.commitment() == sha256(data).hexdigest()


values = st.fixed_dictionaries(
    {},
    optional={
        f.name: st.integers(0, 2**53 - 1)
        if f.type is int
        else st.booleans()
        if f.type is bool
        else st.text(st.characters(codec="utf-8"), max_size=150)
        for f in fields(LedgerEvent)
        if f.default is not f.default_factory and f.name not in {"operation", "regime", "event"}
    },
)


@given(values)
def test_whatever_is_written_is_read(given_):
    """Every event comes back as it was, from its header and its kept values."""
    event = LedgerEvent("x.open", Operation.TRANSFER, Regime.LED, **given_)
    one = made(event)
    kept = {opening.field: opening.value for opening in one.openings}
    entry = read_entry(one.header(3), kept)
    assert (entry.event, entry.seq, entry.id) == (event, 3, one.id)
    assert (entry.utc_us, entry.mono_us, entry.software) == (AT.utc_us, 12_500_000, "1.2")
    assert (entry.erased, entry.spilled) == ((), False)


@given(st.text(st.characters(codec="utf-8"), min_size=3, max_size=100))
def test_no_personal_value_is_in_the_header(secret):
    """Whatever stands in a personal field, the header shows nothing of it."""
    event = replace(LOOK, **dict.fromkeys(PERSONAL, secret))
    record = json.loads(made(event).header(0))
    plain = json.loads(made(replace(LOOK, **dict.fromkeys(PERSONAL, "other"))).header(0))
    assert record["commit"].keys() == set(PERSONAL)
    del record["commit"], plain["commit"]
    assert record == plain


def test_equal_values_have_unequal_commitments():
    """Two fields with the same value and salt, or one field with two salts, differ."""
    one = [Opening(name, salt, "anna") for name in PERSONAL for salt in (b"a" * 16, b"b" * 16)]
    assert len({opening.commitment() for opening in one}) == len(one)


def test_texts_are_bounded_and_well_formed():
    """Lone surrogates and endless texts of strangers cannot stop or fill the ledger."""
    event = replace(LOOK, reason_text="\ud800" + "x" * 900, org="y" * 900, channel="\udfff")
    clean = made(event).event
    assert clean.reason_text == "?" + "x" * 199
    assert (clean.org, clean.channel) == ("y" * 512, "?")
    made(event).header(0)


@pytest.mark.parametrize("header", [b"", b"[]", b"{}", b'{"seq":1}', b"\xff", b"null"])
def test_a_header_of_somebody_else(header):
    """What is not a header of ours is a LedgerError."""
    with pytest.raises(LedgerError):
        read_entry(header, {})


@given(st.builds(dict, object_id=st.text(), role=st.text(), bytes=st.integers(0, 2**53 - 1)))
def test_the_header_is_canonical(fields):
    """Whatever the texts hold, the header is byte for byte what RFC 8785 says."""
    event = replace(LOOK, **fields)
    header = draft(event, FakeClock().now(), "1", bytes).header(3)
    assert header == rfc8785.dumps(json.loads(header))
