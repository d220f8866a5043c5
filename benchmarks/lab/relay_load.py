# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Analytics that keep one core busy: `python -m benchmarks.lab.relay_load FILM`.

Decodes every picture of a film, over and over as fast as it can, and looks for motion in each as
the gateway does. Prints {} once it works; ends with its standard input or when it is killed.
"""

import itertools
import sys
import threading
from pathlib import Path

import av
from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext

from benchmarks.lab import pictures
from benchmarks.lab.process import say
from benchmarks.lab.viewers import luma_of
from gateway.analytics.motion import MotionModel


def work(film: Path, ended: threading.Event) -> None:
    """Look until told to end."""
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count, decoder.thread_type = 1, ThreadType.NONE
    model, seen = MotionModel(), 0
    for picture in itertools.cycle(pictures.load(film)):
        if ended.is_set():
            return
        for frame in decoder.decode(av.Packet(b"".join(b"\0\0\0\1" + nal for nal in picture))):
            model.step(luma_of(frame), 1 / pictures.FPS)
            seen += 1
            if seen == 1:
                say({})


def main(film: Path) -> None:
    """Work until standard input ends."""
    ended = threading.Event()
    working = threading.Thread(target=work, args=(film, ended), daemon=True)
    working.start()
    sys.stdin.read()
    ended.set()
    working.join(5.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
