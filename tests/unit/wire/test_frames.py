# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire.frames import Frame, FrameReceiver, send

FRAMES = st.lists(st.builds(Frame, st.integers(0, 255), st.binary(max_size=300)), max_size=20)


@given(FRAMES, st.integers(1, 97))
def test_frames_survive_any_cutting(frames, step):
    """However the stream is cut into reads, the same frames come out."""
    stream = b"".join(map(send, frames))
    receiver, got = FrameReceiver(), []
    for at in range(0, len(stream), step):
        got += receiver.receive(stream[at : at + step])
    assert got == frames


@pytest.mark.parametrize("head", [b"\0\0\0\0\1", b"\xff\xff\xff\xff\1"])
def test_impossible_lengths_are_refused(head):
    """A length of nothing or of gigabytes is an error, not a buffer."""
    with pytest.raises(WireError, match="frame of"):
        FrameReceiver().receive(head)
