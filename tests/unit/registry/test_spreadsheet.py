# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Tables in and out."""

import contextlib
import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.model.registry import AreaKind
from gateway.registry.rows import COLUMNS
from gateway.registry.seed import compare, merge, parse_seed
from gateway.registry.spreadsheet import is_table, table_document, to_csv, to_italian_csv
from tests.unit.registry.worlds import few, registries, small

NEW = "id,name,site,area,url\nporta,Porta,sede,privata,rtsp://192.0.2.2/1\n"


@few
@given(registries())
def test_the_csv_has_one_line_for_each_camera(registry):
    """Read back by another reader, every cell is what it was."""
    rows = list(csv.DictReader(io.StringIO(to_csv(registry), newline="")))
    assert [row["id"] for row in rows] == sorted(registry.cameras)
    for row in rows:
        assert tuple(row) == COLUMNS
        assert float(row["latitude"]) == registry.cameras[row["id"]].latitude
        assert row["name"].lstrip("'") == registry.cameras[row["id"]].name.lstrip("'")


@few
@given(registries(), st.sampled_from([to_csv, to_italian_csv]))
def test_an_export_that_comes_back_changes_nothing(registry, export):
    """Whatever stands in names, in both spellings; the registry keeps what has no column."""
    text = export(registry)
    assert is_table(text)
    assert compare(registry, merge(registry, parse_seed(text, "t.csv"))).empty


@pytest.mark.parametrize(
    "name", ["=1+1", "+39", "-x", "@SUM(A1)", "'=1", "''-x", "'Angolo", 'a;b,c"d']
)
@pytest.mark.parametrize("export", [to_csv, to_italian_csv])
def test_no_cell_is_a_formula_and_every_name_comes_back(export, name):
    """A camera's name must not run in somebody's spreadsheet, nor grow apostrophes."""
    world = small()
    world = replace(world, cameras={"banco": replace(world.cameras["banco"], name=name)})
    delimiter = "," if export is to_csv else ";"
    reader = csv.DictReader(
        io.StringIO(export(world).lstrip("\ufeff"), newline=""), delimiter=delimiter
    )
    (row,) = reader
    assert row["name"][0] not in "=+-@"
    assert merge(world, parse_seed(export(world), "t")) == world


def test_the_export_is_rfc_4180():
    """CRLF ends each record and quotes stand where they are needed."""
    world = small()
    world = replace(world, cameras={"banco": replace(world.cameras["banco"], name='A "B", C')})
    text = to_csv(world)
    assert text.endswith("\r\n")
    assert text.count("\r\n") == text.count("\n") == 2
    assert '"A ""B"", C"' in text


def test_a_spreadsheet_in_italian_can_open_its_export():
    """Semicolons, decimal commas, words for yes and no, and a mark that says UTF-8."""
    text = to_italian_csv(small())
    assert text.startswith("\ufeffid;name;")
    assert ";44,0354;10,1395;210,0;60,0;0,0;VERO;;0;" in text


@pytest.mark.parametrize(
    "text",
    [
        "id;latitude;longitude;azimuth_deg;continuous\nbanco;44,5;10,25;-0;FALSO\n",
        "\ufeffid;latitude;longitude;azimuth_deg;continuous\r\nbanco;44.5;10.25;0;no\r\n",
        "sep=;\nID ; Latitude;longitude;azimuth_deg;continuous\nbanco;44,5;1,025e1;0;falso",
        '"id","latitude","longitude","azimuth_deg","continuous"\n"banco","44,5","10.25","0","0"\n',
        "id\tlatitude\tlongitude\tazimuth_deg\tcontinuous\n\nbanco\t44.5\t10.25\t0\tfalse\n\n",
    ],
)
def test_what_spreadsheets_write_is_read(text):
    """Separators, decimal commas, marks, capitals and blank lines."""
    camera = merge(small(), parse_seed(text, "t")).cameras["banco"]
    assert (camera.latitude, camera.longitude, camera.azimuth_deg) == (44.5, 10.25, 0)
    assert camera.continuous is False
    assert camera.name == "Banco"


def test_a_new_camera_can_come_with_its_address():
    """Columns that are never exported may be written by hand."""
    text = NEW.replace("url\n", "url,hosts,channel\n").replace("/1\n", "/1,a.example 192.0.2.3,\n")
    camera = merge(small(), parse_seed(text, "t")).cameras["porta"]
    assert camera.area is AreaKind.PRIVATE
    assert camera.url == "rtsp://192.0.2.2/1"
    assert camera.hosts == ("a.example", "192.0.2.3")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "id,nome\nx,y\n",
            "t.csv:1: nome: unknown column (did you mean name?)",
        ),
        ("id,name,name\nx,y,z\n", "t.csv:1: name: is there twice (remove one column)"),
        (
            "sep=,\nid,latitude\nbanco,1.234,5\n",
            "t.csv:3: has more cells than the header (write one cell for each column, in quotes "
            "if it holds the separator)",
        ),
        (
            "id,latitude\n\nbanco,1.044.035\n",
            "t.csv:3: camera.latitude: cannot be read (write a number, 44.08 or 44,08, without "
            "separators of thousands)",
        ),
        (
            'id,name,channel\nbanco,"A\nB",1\n',
            "t.csv:2: camera[banco].name: contains control characters "
            "(write one line of plain text)",
        ),
        ("id,channel\nbanco,1.5\n", "t.csv:2: camera.channel: cannot be read (write a whole"),
        ("id,continuous\nbanco,forse\n", "t.csv:2: camera.continuous: cannot be read (write true"),
        ('id,name\nbanco,"A"B\n', "t.csv:2: is not CSV: "),
        ("id,name\n,A\n", "t.csv:2: camera[A].id: is missing"),
        ("id,name\nb,A\nb,A\n", "t.csv:3: camera[b].id: is used twice (write another id)"),
        ("id,url\nbanco,rtsp://a:b@192.0.2.1/\n", "t.csv:2: camera[banco].url: contains cred"),
    ],
)
def test_each_fault_names_its_line(text, fault):
    """A person finds the cell."""
    with pytest.raises(ConfigError) as caught:
        parse_seed(text, "t.csv")
    assert fault in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_new_camera_is_placed_at_its_line():
    """What is missing is told where the row stands."""
    with pytest.raises(ConfigErrors, match=r"t\.csv:3: camera\[x\]\.url: is missing"):
        merge(small(), parse_seed("id,name,site,area\nbanco,B,,\nx,X,sede,privata\n", "t.csv"))


def test_too_many_rows_are_refused(monkeypatch):
    """A file of another kind does not fill the memory."""
    monkeypatch.setattr("gateway.registry.spreadsheet.MOST_ROWS", 3)
    with pytest.raises(ConfigError, match="is too long"):
        table_document("id,name\n" + "x,y\n" * 5, "t")


@pytest.mark.parametrize("text", ["", 'id = "a"\n', "[[camera]]\nid = 'a'\n", "{}", "name,site\n"])
def test_other_texts_are_no_table(text):
    """TOML and GeoJSON are not taken for CSV."""
    assert not is_table(text)


@given(st.text("idname,;\t\n\r\"'=0.\ufeff\0", max_size=60))
def test_any_text_gives_a_table_or_a_fault(text):
    """Nothing else escapes, whatever the bytes."""
    with contextlib.suppress(ConfigError):
        table_document("id," + text, "t")
