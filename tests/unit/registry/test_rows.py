# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A camera as a row."""

from dataclasses import replace

from gateway.registry.rows import COLUMNS, READ_ONLY, rows
from gateway.registry.schema import CameraRow
from tests.unit.registry.worlds import small


def test_a_row_has_every_column_and_no_address():
    """Who owns the camera and where it is; not how it is reached."""
    world = small()
    camera = replace(world.cameras["banco"], device="nvr", channel=3, credential="env:A")
    (row,) = rows(replace(world, cameras={"banco": camera}))
    assert tuple(row) == COLUMNS
    assert (row["controller_name"], row["site_kind"], row["area"]) == (
        "Farmacia",
        "farmacia",
        "aperta-al-pubblico",
    )
    assert (row["device"], row["channel"], row["azimuth_deg"]) == ("nvr", 3, 210.0)
    assert "192.0.2.1" not in str(row)
    assert "env:A" not in str(row)


def test_what_is_not_read_only_can_be_imported():
    """Every column is either a camera's key or for the eye only."""
    assert set(COLUMNS) - READ_ONLY <= CameraRow.model_fields.keys()
    assert not READ_ONLY & CameraRow.model_fields.keys()


def test_cameras_come_by_id():
    """The same registry always gives the same file."""
    world = small()
    other = replace(world.cameras["banco"], id="a")
    world = replace(world, cameras={"banco": world.cameras["banco"], "a": other})
    assert [row["id"] for row in rows(world)] == ["a", "banco"]
