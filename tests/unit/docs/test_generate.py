# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The reference pages say what the code says."""

import json

import pytest
from pydantic import BaseModel

from docs import generate
from gateway.config import schema as box_schema
from gateway.registry import schema as seed_schema


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Return the folder of what `make docs` would write, written once."""
    folder = tmp_path_factory.mktemp("ref")
    assert generate.main([str(folder)]) == 0
    return folder


@pytest.mark.parametrize(
    "name", ["openapi.json", "cli.md", "gateway-toml.md", "seed.md", "quirks.md", "metrics.md"]
)
def test_the_committed_pages_are_up_to_date(name, fresh):
    """What `make docs` would write is what is committed; else run it and commit."""
    wanted = (fresh / name).read_text(encoding="utf-8")
    assert (generate.REF / name).read_text(encoding="utf-8") == wanted


def test_nothing_else_lies_in_the_folder(fresh):
    """A page that is generated no more is removed; one page is written by hand."""
    found = {path.name for path in generate.REF.iterdir()}
    assert found - {"acceptance.md"} == {path.name for path in fresh.iterdir()}


def schema_tables(table):
    """Every table below a file."""
    for field in table.model_fields.values():
        inner = generate._model_in(field.annotation)
        if inner is not None:
            yield inner
            yield from schema_tables(inner)


@pytest.mark.parametrize(
    ("page", "file"), [("gateway_toml", box_schema.File), ("seed", seed_schema.File)]
)
def test_every_key_is_there_with_its_type(page, file):
    """Each key of each table has a row; none is left without a type."""
    text = getattr(generate, page)()
    tables = list(schema_tables(file))
    assert len(tables) >= 10
    for table in tables:
        assert issubclass(table, BaseModel)
        for key in table.model_fields:
            assert f"| `{key}` | " in text
    assert "|  |" not in text


def test_commands_are_shown_as_they_are_typed():
    """Options, operands and both languages; what only the gateway calls is left out."""
    text = generate.cli()
    export = "varco registry export --format {geojson,csv,csv-it,osm-geojson,toml} [--socket PATH]"
    assert export in text
    assert "verifica il registro" in text
    assert "verify the log" in text
    assert "varco media" not in text


def test_meanings_come_from_model_and_sample():
    """Docstrings below attributes and comments above keys are found."""
    docs = generate.attribute_docs(
        'class A:\n    """One."""\n    b: int\n    """Two\n    words."""\n'
    )
    assert docs == {("A", ""): "One.", ("A", "b"): "Two words."}
    sample = "# lost\n\n# T.\n## [t]\n# Key\n# two.\n#k = 1\nl = 2\n"
    assert generate.sample_comments(sample) == {
        ("t", ""): "T.",
        ("t", "k"): "Key two.",
        ("t", "l"): "–",
    }


def test_the_api_document_has_the_routes():
    """The OpenAPI page is the console's, with the version of this tree."""
    document = json.loads(generate.openapi())
    assert "/whep/{camera}" in document["paths"]
    assert document["info"]["version"] == generate.__version__
