# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import pytest

from gateway.assembly.burned import FILE, Burned

SQUARE = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.5), (0.1, 0.5))
ROOF = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.2))


async def test_what_we_put_on_a_camera_is_known_after_a_restart(tmp_path):
    """Corner by corner, per device and view; what was taken off is not."""
    burned = Burned(tmp_path / FILE)
    await burned.note("nvr", "v1", [SQUARE, ROOF, SQUARE])
    await burned.note("nvr", "v2", [ROOF])
    await burned.note("nvr", "v2", [])
    again = Burned(tmp_path / FILE)
    assert again.of("nvr", "v1") == (SQUARE, ROOF)
    assert again.of("nvr", "v2") == ()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


async def test_a_device_that_left_the_registry_is_forgotten(tmp_path):
    """On disk, too."""
    burned = Burned(tmp_path / FILE)
    await burned.note("nvr", "v1", [SQUARE])
    await burned.note("alt", "v1", [SQUARE])
    await burned.keep({"alt"})
    again = Burned(tmp_path / FILE)
    assert (again.of("nvr", "v1"), again.of("alt", "v1")) == ((), (SQUARE,))


@pytest.mark.parametrize("text", ["", "[]", '{"nvr": 3}', '{"nvr": {"v1": [["x"]]}}', "\x00"])
def test_a_file_that_cannot_be_read_means_that_no_mask_is_ours(tmp_path, text, caplog):
    """Then masks stay where they are; the log says so."""
    (tmp_path / FILE).write_text(text)
    assert Burned(tmp_path / FILE).of("nvr", "v1") == ()
    assert "masks-forgotten" in caplog.text


async def test_a_disk_that_refuses_costs_only_the_memory(tmp_path, caplog):
    """The process goes on and knows it as long as it lives."""
    burned = Burned(tmp_path / "none" / FILE)
    await burned.note("nvr", "v1", [SQUARE])
    assert burned.of("nvr", "v1") == (SQUARE,)
    assert "masks-not-remembered" in caplog.text
