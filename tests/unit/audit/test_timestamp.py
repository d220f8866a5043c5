# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Tokens of a local authority: checked against its roots, refused if anything is off."""

import shutil

import pytest

from gateway.audit import timestamp
from gateway.audit.tables import Stamp
from gateway.audit.verify import Trust, verify
from gateway.model.errors import WireError
from tests.unit.audit.authority import make, stamp
from tests.unit.audit.logbook import LOOK, PUBLIC, opened, tamper

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
NOTE = b"massa.example/varco\n1\nabc=\n\n"


@pytest.fixture(scope="module")
def tsa(tmp_path_factory):
    """A local authority's folder and roots."""
    folder = tmp_path_factory.mktemp("tsa") / "one"
    return folder, make(folder)


@pytest.fixture(scope="module")
def other_roots(tmp_path_factory):
    return make(tmp_path_factory.mktemp("tsa") / "other", "Other TSA")


def test_what_is_off_is_refused(tsa, other_roots):
    """Another text, another nonce, foreign roots, flipped bytes, a cut token, no roots."""
    folder, roots = tsa
    asked = timestamp.question(NOTE)
    der = stamp(folder, asked.der)
    assert timestamp.check(der, NOTE, roots, asked.nonce)
    for call in (
        lambda: timestamp.check(der, NOTE + b"x", roots),
        lambda: timestamp.check(der, NOTE, roots, asked.nonce ^ 1),
        lambda: timestamp.check(der, NOTE, other_roots),
        lambda: timestamp.check(der[:-1], NOTE, roots),
        lambda: timestamp.check(b"", NOTE, roots),
        lambda: timestamp.check(der, NOTE, b"no pem"),
        lambda: timestamp.check(bytes(1 << 20), NOTE, roots),
    ):
        with pytest.raises(WireError):
            call()


def test_every_flipped_byte_is_refused_or_harmless(tsa):
    """A token with one byte changed never says another time, and never raises anything else."""
    folder, roots = tsa
    der = stamp(folder, timestamp.question(NOTE).der)
    good = timestamp.check(der, NOTE, roots)
    refused = 0
    for at in range(0, len(der), 37):
        bad = bytearray(der)
        bad[at] ^= 0x41
        try:
            assert timestamp.check(bytes(bad), NOTE, roots) == good
        except WireError:
            refused += 1
    assert refused > 20


async def test_the_verifier_reads_tokens(tsa, other_roots, tmp_path):
    """Stamped up to where and when is in the report; a token that does not fit is a finding."""
    folder, roots = tsa
    path = tmp_path / "ledger.db"
    async with opened(path) as ledger:
        for _ in range(3):
            await ledger.append(LOOK)
        note = ledger.checkpoint().encode()
        der = stamp(folder, timestamp.question(note).der)
        utc_us = timestamp.check(der, note, roots)
        await ledger.keep_token(Stamp(3, utc_us, der))
        assert (await ledger.newest_token()).size == 3
        await ledger.append(LOOK)
    report = verify(path, PUBLIC, trust=Trust(tsa_ca=roots))
    assert (report.ok, report.exposed) == (True, 1)
    assert (report.stamped.size, report.stamped.utc_us) == (3, utc_us)
    assert verify(path, PUBLIC).stamped is None
    assert not verify(path, PUBLIC, trust=Trust(tsa_ca=other_roots)).ok
    tamper(path, "update token set size = 2")
    assert not verify(path, PUBLIC, trust=Trust(tsa_ca=roots)).ok
