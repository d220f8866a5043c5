# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.ingest.replayed, with the real child in its cage."""

from contextlib import aclosing

import pytest

from gateway.codec.mp4 import write_mp4
from gateway.ingest.replayed import replayed
from gateway.model.errors import PeerError
from gateway.model.time import ClockQuality, Moment
from tests.footage import scene

BEGIN = Moment(100.0, 1_800_000_000_000_000)


async def units_of(path):
    async with aclosing(replayed(path, BEGIN)) as units:
        return [unit async for unit in units]


async def test_a_file_comes_once_with_its_own_times(tmp_path):
    """Each unit once, dated from the begin on, and marked as what it is: no evidence."""
    path = tmp_path / "a clip.mp4"
    path.write_bytes(write_mp4(scene(50, gop=25)))
    units = await units_of(path)
    assert len(units) == 50
    assert [unit.is_key for unit in units] == [at % 25 == 0 for at in range(50)]
    assert units[49].captured.monotonic_s == pytest.approx(100 + 49 / 25)
    assert units[49].captured.utc_us - BEGIN.utc_us == pytest.approx(49e6 / 25, abs=2)
    assert {unit.captured.quality for unit in units} == {ClockQuality.EXERCISE}


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
async def test_what_is_no_video_is_said(tmp_path, content):
    """With the file's name."""
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(PeerError, match=r"x\.mp4"):
        await units_of(path)
