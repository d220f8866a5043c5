# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A third-party camera that plays real footage: GStreamer's RTSP server under system Python.

Usage: gst_footage.py PORT FILE USER:PASSWORD [h265]; prints `ready`; serves /footage (video and
audio; H.265 without), digest only, at the file's own pace.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

LAUNCH = (
    "( filesrc location={file} ! qtdemux name=d "
    "d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 "
    "d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"
)
LAUNCH_H265 = (
    "( filesrc location={file} ! qtdemux name=d "
    "d.video_0 ! queue ! h265parse ! rtph265pay name=pay0 pt=96 config-interval=-1 )"
)


def main():
    Gst.init(None)
    port, file, login = sys.argv[1:4]
    launch = LAUNCH_H265 if sys.argv[4:] == ["h265"] else LAUNCH
    user, _, password = login.partition(":")
    server = GstRtspServer.RTSPServer()
    server.set_service(port)
    server.set_address("127.0.0.1")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch.format(file=file))
    factory.set_shared(True)
    permissions = GstRtspServer.RTSPPermissions()
    for right in ("access", "construct"):
        permissions.add_permission_for_role("user", f"media.factory.{right}", True)
    factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/footage", factory)
    if server.attach(None) == 0:
        sys.exit("port in use")
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
