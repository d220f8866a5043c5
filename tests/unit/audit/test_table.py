# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The table: what an Italian spreadsheet reads, and nothing that it would run."""

import csv
import io
from dataclasses import replace

import pytest

from gateway.audit import wording
from gateway.audit.table import HEADERS, table
from tests.unit.audit.logbook import LOOK
from tests.unit.audit.papers import CAMERA, TOWN, entries


def rows(*events, bom=True):
    data = b"".join(table(entries(*events), TOWN, bom=bom))
    assert data.startswith(b"\xef\xbb\xbf") is bom
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_the_table_is_what_an_italian_spreadsheet_reads():
    """Semicolons, Italian words, decimal commas."""
    (row,) = rows(replace(LOOK, object_id=CAMERA, duration_ms=1500))
    assert tuple(row) == HEADERS
    assert row["Data e ora (Roma)"] == "22/11/2026 12:00:00"
    assert row["Durata (s)"] == "1,5"
    assert row["Persona"] == "anna"
    assert row["Scopo"] == "Servizio ordinario"
    rows(LOOK, bom=False)


@pytest.mark.parametrize("text", ["=1+1", "+39", "-1", "@x", "\t=1", "'=1"])
def test_no_cell_runs_as_a_formula(text):
    """What somebody typed as reason leaves with an apostrophe."""
    (row,) = rows(replace(LOOK, reason_text=text))
    assert row["Motivo"] == f"'{text}"


@pytest.mark.parametrize("field", ["actor_id", "case_ref", "object_id", "zone", "flags", "org"])
def test_no_column_of_text_is_left_out(field):
    """Whoever chooses a name, a case or a flag cannot write a formula with it either."""
    data = b"".join(table(entries(replace(LOOK, **{field: "=cmd|' /c x'!A1"})), TOWN)).decode()
    assert ";'=cmd|" in data
    assert ";=" not in data


def test_cells_keep_to_their_row():
    """Separators, quotes and line ends inside a value open neither a cell nor a row."""
    nasty = 'a;b"c\r\n=1;d'
    first, second = rows(replace(LOOK, reason_text=nasty), LOOK)
    assert (first["Motivo"], second["Motivo"]) == (nasty, LOOK.reason_text)
    assert len(first) == len(HEADERS)


def test_an_alarm_names_its_camera():
    """Also where the object is the alarm; without a camera the cell is empty."""
    alarm = replace(LOOK, event="alarm.raise", object_type="alarm", object_id="a-1")
    first, second = rows(replace(alarm, camera=CAMERA), alarm)
    assert first["Nome dell'oggetto"] == wording.camera(TOWN, CAMERA) != CAMERA
    assert second["Nome dell'oggetto"] == ""
