# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Runs ipycam's video side (PyPI ipycam 1.3, MIT): its own RTSP server and its motion JPEG.

python ipycam_video.py USER PASSWORD    prints the ports of RTSP and HTTP on a line

Both send the pictures of `picture`, 25 a second, for ever. User and password count for HTTP only:
its RTSP server knows none.
"""

import os
import socketserver
import sys
import tempfile
import time
from types import SimpleNamespace

import numpy as np

SIZE_PX = (320, 180)
RATE_HZ = 25
COLOURS = ((30, 40, 200), (40, 200, 30), (200, 60, 20), (210, 210, 210))
"""Blue, green, red as OpenCV orders them."""
PICTURES = len(COLOURS) ** 2


def picture(number):
    """Return one of the pictures (180, 320, 3), BGR: its number in two coloured halves."""
    width, height = SIZE_PX
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:, : width // 2] = COLOURS[number % len(COLOURS)]
    pixels[:, width // 2 :] = COLOURS[number // len(COLOURS) % len(COLOURS)]
    return pixels


def number_of(pixels):
    """Return which picture this is by its pixels; AssertionError if it is none of them."""
    width, height = SIZE_PX
    assert pixels.shape == (height, width, 3)
    digits = []
    for left in (0, width // 2):
        half = pixels[:, left + 16 : left + width // 2 - 16].astype(int)
        found = [at for at, one in enumerate(COLOURS) if np.abs(half - one).max() < 24]
        assert len(found) == 1, half.reshape(-1, 3).mean(0)
        digits += found
    return digits[0] + len(COLOURS) * digits[1]


def main():
    """Serve until killed."""
    from ipycam.config import CameraConfig
    from ipycam.http import IPCameraHTTPHandler
    from ipycam.mjpeg import MJPEGStreamer
    from ipycam.rtsp import NativeRTSPServer

    class RtspServer(NativeRTSPServer):
        """Lets go of the port that ffmpeg is to send from: on Linux it cannot bind it twice."""

        def _build_ffmpeg_rtp_cmd_udp(self, stream_info, session):
            command = super()._build_ffmpeg_rtp_cmd_udp(stream_info, session)
            session.rtp_socket.close()
            return command

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    os.chdir(tempfile.mkdtemp())
    user, password = sys.argv[1:]
    streamer, rtsp = MJPEGStreamer(), RtspServer(port=0, host="127.0.0.1")
    rtsp.add_stream("live", *SIZE_PX, RATE_HZ)
    streamer.start()
    rtsp.start()
    config = CameraConfig(username=user, password=password)
    camera = SimpleNamespace(config=config, mjpeg_streamer=streamer)
    handler = type("Handler", (IPCameraHTTPHandler,), {"camera": camera})
    with Server(("127.0.0.1", 0), handler) as server:
        socketserver.threading.Thread(target=server.serve_forever, daemon=True).start()
        print(rtsp._server_socket.getsockname()[1], server.server_address[1], flush=True)
        pictures = [picture(number) for number in range(PICTURES)]
        began_s, number = time.monotonic(), 0
        while True:
            streamer.stream_frame(pictures[number % PICTURES])
            rtsp.stream_frame("live", pictures[number % PICTURES])
            number += 1
            time.sleep(max(0.0, began_s + number / RATE_HZ - time.monotonic()))


if __name__ == "__main__":
    main()
