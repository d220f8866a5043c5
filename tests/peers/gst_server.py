# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A third-party camera for tests: GStreamer's RTSP server (Debian packages, system Python).

Usage: gst_server.py PORT user:password FOLDER [CERTIFICATE KEY]; prints `ready` once it serves
/h264, /slices, /h265, /jpeg, /mpeg4, /audio and /both (video and audio), over TCP and UDP, or over
TLS if it is given a certificate and its key (PEM). What the encoders make is also written to
FOLDER, as the truth that a puller must arrive at. An empty user opens the server to everybody.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

SIZE = "width=320,height=180,framerate=25/1"
SOURCE = f"videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,{SIZE}"
CODER = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=400"
SINK = "filesink buffer-mode=unbuffered sync=false async=false"
AUDIO = "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay"


def video(truth: str, options: str) -> str:
    """Return a branch that sends what it also writes to the file `truth`."""
    coded = "video/x-h264,profile=baseline,stream-format=byte-stream"
    return (
        f"{SOURCE} ! {CODER} {options} ! {coded} ! tee name=t "
        f"t. ! queue ! {SINK} location={truth} "
        "t. ! queue ! rtph264pay name=pay0 pt=96 config-interval=-1"
    )


def video_h265(truth: str) -> str:
    """Return the same in H.265."""
    coder = "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=400"
    coded = "video/x-h265,stream-format=byte-stream,alignment=au"
    return (
        f"{SOURCE} ! {coder} ! {coded} ! tee name=t "
        f"t. ! queue ! {SINK} location={truth} "
        "t. ! queue ! rtph265pay name=pay0 pt=96 config-interval=-1"
    )


def pictures(truth: str) -> str:
    """Return a branch that sends JPEG, and writes what it sends to files `truth`-NUMBER.jpg."""
    source = SOURCE.replace("height=180", "height=192")  # RTP tells sizes in steps of eight
    return (
        f"{source} ! jpegenc ! tee name=t "
        f"t. ! queue ! multifilesink location={truth}-%05d.jpg sync=false async=false "
        "t. ! queue ! rtpjpegpay name=pay0 pt=26"
    )


def mounts(folder: str) -> dict[str, str]:
    """Return the pipelines by path."""
    whole, sliced = "sliced-threads=false", "sliced-threads=true threads=4"
    return {
        "/h264": f"( {video(folder + '/h264', whole)} )",
        "/slices": f"( {video(folder + '/slices', sliced)} )",
        "/h265": f"( {video_h265(folder + '/h265')} )",
        "/jpeg": f"( {pictures(folder + '/jpeg')} )",
        "/mpeg4": f"( {SOURCE} ! avenc_mpeg4 ! rtpmp4vpay name=pay0 pt=96 )",
        "/audio": f"( {AUDIO} name=pay0 pt=0 )",
        "/both": f"( {video(folder + '/both', whole)} {AUDIO} name=pay1 pt=0 )",
    }


def digest_only(user: str, password: str) -> GstRtspServer.RTSPAuth:
    """Return an access control that wants digest and nothing weaker."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_digest(user, password, token)
    return auth


def factory(launch: str, *, is_open: bool) -> GstRtspServer.RTSPMediaFactory:
    """Return a shared stream."""
    made = GstRtspServer.RTSPMediaFactory()
    made.set_launch(launch)
    made.set_shared(True)
    if not is_open:
        permissions = GstRtspServer.RTSPPermissions()
        for right in ("access", "construct"):
            permissions.add_permission_for_role("user", f"media.factory.{right}", True)
        made.set_permissions(permissions)
    return made


def main() -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    certificate, key = [*sys.argv[4:6], "", ""][:2]
    server.set_service(sys.argv[1])
    server.set_address("127.0.0.1")
    user, _, password = sys.argv[2].partition(":")
    auth = digest_only(user, password) if user else GstRtspServer.RTSPAuth()
    if certificate:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(certificate, key))
    if user or certificate:
        server.set_auth(auth)
    points = server.get_mount_points()
    for path, launch in mounts(sys.argv[3]).items():
        points.add_factory(path, factory(launch, is_open=not user))
    if server.attach(None) == 0:
        sys.exit("port in use")
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
