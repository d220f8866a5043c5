# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The spare file: chained, synced, and honest about what it lost."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.entry import draft
from gateway.audit.spare import Spare, read
from gateway.audit.tables import Row
from gateway.model.errors import LedgerError
from gateway.model.time import Moment
from tests.unit.audit.logbook import event

ROOT_HASH = bytes(range(32))


def row(seq, **more):
    one = draft(replace(event(seq), **more), Moment(1.0, 2), "1", bytes)
    return Row(one.header(seq, spilled=True), one.openings, one.event.opens, one.event.closes)


def filled(path, count=4, first=7):
    spare = Spare(path)
    for seq in range(first, first + count):
        spare.append(seq, ROOT_HASH, [row(seq, opens=True, closes=seq - 1)])
    return spare


def test_a_new_process_reads_what_was_written(tmp_path):
    """Rows come back with places, values and what they open and close, and can be continued."""
    old = filled(tmp_path / "s")
    new = Spare(tmp_path / "s")
    new.load()
    assert (new.first, new.rows) == (7, old.rows)
    new.append(11, ROOT_HASH, [row(11)])
    again = Spare(tmp_path / "s")
    again.load()
    assert [one.header for one in again.rows] == [one.header for one in new.rows]
    assert len(again) == 5


def test_nothing_there(tmp_path):
    """No file and an empty file hold nothing."""
    spare = Spare(tmp_path / "s")
    spare.load()
    (tmp_path / "s").write_bytes(b"")
    spare.load()
    assert (len(spare), spare.rows) == (0, ())


@given(st.integers(0, 3000))
def test_a_cut_end_loses_only_unfinished_lines(tmp_path_factory, cut):
    """Whatever a crash left of the last line, whole lines before it are read."""
    path = tmp_path_factory.mktemp("spare") / "s"
    rows = filled(path).rows
    data = path.read_bytes()
    cut = min(cut, len(data))
    found = read(data[:cut], "s")
    whole = data[:cut].count(b"\n")
    assert (found.rows if found else ()) == rows[:whole]


@pytest.mark.parametrize("change", ["edit", "drop", "swap", "first"])
def test_an_edited_spare_is_refused(tmp_path, change):
    """A changed, missing or moved line breaks the chain."""
    filled(tmp_path / "s")
    lines = (tmp_path / "s").read_bytes().splitlines(keepends=True)
    if change == "edit":
        lines[1] = lines[1].replace(b"cam-8", b"cam-9")
    elif change == "drop":
        del lines[1]
    elif change == "first":
        lines[0] = lines[0].replace(b"caso 7", b"caso 8")
    else:
        lines[1], lines[2] = lines[2], lines[1]
    (tmp_path / "s").write_bytes(b"".join(lines))
    with pytest.raises(LedgerError, match="line"):
        Spare(tmp_path / "s").load()


@given(st.binary(max_size=200))
def test_garbage_is_refused(data):
    """Any bytes are rows, nothing, or a LedgerError."""
    if b"\n" in data.strip(b"\n"):
        with pytest.raises(LedgerError):
            read(data, "s")


def test_clearing(tmp_path):
    """After a merge the file is gone; what comes next begins anew."""
    spare = filled(tmp_path / "s")
    spare.clear()
    assert not (tmp_path / "s").exists()
    spare.append(20, ROOT_HASH, [row(20)])
    assert (spare.first, len(spare)) == (20, 1)
    assert read((tmp_path / "s").read_bytes(), "s").first == 20


def test_a_file_that_cannot_be_removed_is_overwritten(tmp_path):
    """If the old file stays after a merge, the next row replaces its content."""
    spare = filled(tmp_path / "s")
    data = (tmp_path / "s").read_bytes()
    spare.clear()
    (tmp_path / "s").write_bytes(data)
    spare.append(11, ROOT_HASH, [row(11)])
    assert read((tmp_path / "s").read_bytes(), "s").first == 11


def test_a_refused_write_leaves_nothing_behind(tmp_path, monkeypatch):
    """If the disk takes the bytes but not the sync, the line is cut off again."""
    spare = filled(tmp_path / "s")
    data = (tmp_path / "s").read_bytes()

    def refuse(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(LedgerError, match="Input/output error"):
        spare.append(11, ROOT_HASH, [row(11)])
    assert (tmp_path / "s").read_bytes() == data
    assert len(spare) == 4
