# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco probe URL` against a camera that we did not write: GStreamer's RTSP server."""

import asyncio

import pytest

from gateway.cli import main
from gateway.ingest import probed
from gateway.ingest.probed import Outcome, Way
from gateway.model.media import Codec
from tests.peers.gst_process import PASSWORD, USER, gstreamer
from tests.ports import free_port
from tests.unit.assembly.parts import secret_file

pytestmark = pytest.mark.peer


async def probe(port, path, folder, *more, capsys, login=f"{USER}:{PASSWORD}"):
    """Run the command as it is typed, in a thread of its own; return status and result."""
    secret = secret_file(folder, login=login)
    words = ["probe", f"rtsp://127.0.0.1:{port}/{path}", "--json", "--seconds", "3"]
    capsys.readouterr()
    words += ["--credential", f"file:{secret}", *more]
    status = await asyncio.to_thread(main.main, words)
    out = capsys.readouterr().out
    assert PASSWORD not in out
    return status, probed.load(out)


async def test_a_strange_camera_is_measured_as_it_was_set_up(tmp_path, capsys):
    """320 by 180, 25 a second, a key picture each second, four slices, Digest, TCP and UDP."""
    port = free_port()
    async with gstreamer(port, tmp_path):
        status, whole = await probe(port, "h264", tmp_path, capsys=capsys)
        _, sliced = await probe(port, "slices", tmp_path, "--udp", capsys=capsys)
        _, jpeg = await probe(port, "jpeg", tmp_path, capsys=capsys)
    assert (status, whole.outcome) == (0, Outcome.MEASURED)
    assert (whole.stream.codec, whole.session.size_px) == (Codec.H264, (320, 180))
    assert whole.stream.profile == "Constrained Baseline"
    assert whole.stream.fps == pytest.approx(25, abs=2)
    assert whole.stream.gop_units == 25
    assert whole.stream.slices == 1
    assert not whole.stream.b_frames
    assert whole.session.authentication == "Digest MD5"
    assert (whole.session.parameter_sets, jpeg.session.parameter_sets) == ("both", "")
    assert abs(whole.session.clock_offset_s) < 5
    assert {one.way: one.works for one in whole.trials} == {
        Way.TCP: True, Way.UDP: True, Way.TLS: False,
    }  # fmt: skip
    assert sliced.stream.slices > 1
    assert sliced.session.transport == "RTP/UDP"
    assert jpeg.stream.codec is Codec.JPEG
    assert "mjpeg" in [one.code for one in jpeg.findings]


async def test_a_wrong_password_and_a_wrong_path_are_told_apart(tmp_path, capsys):
    """One asks for another password, the other for another path; neither is tried twice."""
    port = free_port()
    async with gstreamer(port, tmp_path):
        status, refused = await probe(port, "h264", tmp_path, capsys=capsys, login="admin:falsa")
        _, absent = await probe(port, "nix", tmp_path, capsys=capsys)
    assert (status, refused.outcome, len(refused.trials)) == (2, Outcome.REFUSED, 1)
    assert (absent.outcome, len(absent.trials)) == (Outcome.UNUSABLE, 1)
