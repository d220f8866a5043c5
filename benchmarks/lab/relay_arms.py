# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The relays that are compared: how each is started, fed and asked; one at a time runs.

Servers and viewers are in network namespaces of their own, joined by a wire, for all alike: Janus
talks to nobody over loopback.
"""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.lab import pictures, relay_camera
from benchmarks.lab.network import Lab, Place, command
from benchmarks.lab.pictures import Picture
from benchmarks.lab.process import Child, ChildError, cpu_ms, rss_mb

SERVER, CLIENT = "10.77.0.1", "10.77.0.2"
PORT, FEED_PORT = 8088, 5004
READY_S, END_S = 30.0, 10.0
GO2RTC = "VARCO_GO2RTC"
"""Environment variable with the path of a go2rtc binary; no registry has one."""
PEERS = Path(__file__).parents[2] / "tests" / "peers"
AIORTC_PAYLOAD_BYTES = 1300
"""aiortc.codecs.h264.PACKET_MAX; it cuts pictures on its own."""
GO2RTC_PAYLOAD_BYTES = 1188
_JANUS_FOLDERS = ("/usr/lib/x86_64-linux-gnu/janus", "/usr/lib/aarch64-linux-gnu/janus")


class ArmError(Exception):
    """A relay is not installed, or did not start; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the relays run."""

    servers: Place
    viewers: Place
    camera: Child
    """`benchmarks.lab.relay_camera`, in the servers' namespace."""
    rtsp_port: int
    began_s: float
    folder: Path
    film: tuple[Picture, ...]

    @property
    def url(self) -> str:
        """What a relay pulls."""
        return f"rtsp://127.0.0.1:{self.rtsp_port}/0/main"


@dataclass(slots=True)
class Arm:
    """One relay that runs."""

    url: str
    kind: str
    """How viewers ask: "whep" or "janus"."""
    pids: list[int] = field(default_factory=list)

    def cpu_ms(self) -> float:
        """Return what all its processes have used so far."""
        return sum(map(cpu_ms, self.pids))

    def rss_mb(self) -> list[float]:
        """Return the resident set of each of its processes."""
        return [rss_mb(pid) for pid in self.pids]


Start = Callable[[Stage, ExitStack], Arm]


@contextmanager
def stage_of(lab: Lab, folder: Path, film: Path, copies: int = 1) -> Iterator[Stage]:
    """Build both namespaces and start the camera."""
    servers, viewers = lab.place("servers"), lab.place("viewers")
    wire(servers, SERVER, viewers, CLIENT)
    camera = servers.child("benchmarks.lab.relay_camera", "0", str(copies), str(film))
    try:
        told = camera.read()
        shown = tuple(pictures.load(film / "main"))
        yield Stage(servers, viewers, camera, told["port"], told["began_s"], folder, shown)
    finally:
        camera.kill()


def wire(one: Place, address: str, other: Place, far_address: str) -> None:
    """Join two namespaces."""
    words = ("link", "add", "wire", "netns", one.name, "type", "veth")
    command("ip", *words, "peer", "name", "wire", "netns", other.name)
    for place, own in ((one, address), (other, far_address)):
        place.ip("addr", "add", f"{own}/24", "dev", "wire")
        place.ip("link", "set", "wire", "up")


def due(began_s: float, from_s: float, to_s: float, sizes: Sequence[int]) -> int:
    """Return how many packets the camera's pictures come to between two times.

    `sizes`: packets of each picture of the loop, the first of which is taken at `began_s`.
    """
    first = int((from_s - began_s) * pictures.FPS) + 1
    last = int((to_s - began_s) * pictures.FPS) + 1
    return sum(sizes[number % len(sizes)] for number in range(first, last))


def quiet_after(began_s: float, moment_s: float) -> float:
    """Return the next time from `moment_s` on that lies in the middle between two key pictures."""
    gop_s = pictures.GOP / pictures.FPS
    passed = (moment_s - began_s - gop_s / 2) / gop_s
    return began_s + gop_s / 2 + gop_s * -int(-passed // 1)


def sizes_of(film: Sequence[Picture], most_bytes: int) -> list[int]:
    """Return how many packets each picture comes to."""
    return [len(relay_camera.cut(picture, most_bytes)) for picture in film]


# each relay ------------------------------------------------------------------------------------


def ours(stage: Stage, stack: ExitStack) -> Arm:
    """Start the real media process and what feeds it."""
    words = (SERVER, str(PORT), stage.url, str(stage.folder / "ours.log"))
    child = stage.servers.child("benchmarks.lab.relay_ours", *words)
    stack.callback(child.kill)
    child.read()

    def end() -> None:
        with contextlib.suppress(ChildError, BrokenPipeError):
            child.ask("end", END_S)

    stack.callback(end)
    return Arm(f"http://{SERVER}:{PORT}/whep", "whep", family(child.pid))


def aiortc(stage: Stage, stack: ExitStack) -> Arm:
    """Start aiortc."""
    child = stage.servers.child("benchmarks.lab.relay_aiortc", SERVER, str(PORT), stage.url)
    stack.callback(child.kill)
    child.read()
    return Arm(f"http://{SERVER}:{PORT}/whep", "whep", family(child.pid))


def datachannel(stage: Stage, stack: ExitStack, way: str = "forward") -> Arm:
    """Start libdatachannel in Node."""
    node, home = shutil.which("node"), PEERS / "node_datachannel"
    if node is None or not (home / "node_modules").is_dir():
        raise ArmError("libdatachannel is not installed (npm node-datachannel, `make peers`)")
    told = {"address": SERVER, "port": PORT, "feed": FEED_PORT, "way": way}
    pid = _run(stage, stack, [node, str(home / "relay.mjs"), json.dumps(told)], "datachannel")
    _feed(stage, stack)
    return _answering(stage, Arm(f"http://{SERVER}:{PORT}/whep", "whep"), pid)


def janus(stage: Stage, stack: ExitStack) -> Arm:
    """Start Janus with two event loops, as its documentation advises for many viewers."""
    program = shutil.which("janus")
    home = next((Path(one) for one in _JANUS_FOLDERS if Path(one).is_dir()), None)
    if program is None or home is None:
        raise ArmError("Janus is not installed (Debian: janus)")
    folder = stage.folder / "janus"
    folder.mkdir(exist_ok=True)
    for name, text in janus_configuration(home, folder).items():
        (folder / name).write_text(text, encoding="utf-8")
    words = [program, f"--configs-folder={folder}", "--disable-colors", "--debug-level=3"]
    pid = _run(stage, stack, words, "janus")
    _feed(stage, stack)
    return _answering(stage, Arm(f"http://{SERVER}:{PORT}/janus", "janus"), pid)


def go2rtc(stage: Stage, stack: ExitStack) -> Arm:
    """Start go2rtc from the path that the environment names."""
    program = os.environ.get(GO2RTC, "")
    if not program or not os.access(program, os.X_OK):
        raise ArmError(f"go2rtc is in no registry; name a binary in {GO2RTC}")
    config = stage.folder / "go2rtc.yaml"
    config.write_text(
        f'api: {{listen: "{SERVER}:{PORT}"}}\nrtsp: {{listen: ""}}\nlog: {{level: error}}\n'
        f'webrtc: {{listen: ":8555", candidates: ["{SERVER}:8555"], ice_servers: []}}\n'
        f'streams: {{cam: "{stage.url}"}}\n',
        encoding="utf-8",
    )
    pid = _run(stage, stack, [program, "-config", str(config)], "go2rtc")
    return _answering(stage, Arm(f"http://{SERVER}:{PORT}/api/webrtc?src=cam", "whep"), pid)


ARMS: Mapping[str, tuple[Start, int]] = {
    "ours": (ours, relay_camera.PAYLOAD_BYTES),
    "janus_tuned": (janus, relay_camera.PAYLOAD_BYTES),
    "libdatachannel": (datachannel, relay_camera.PAYLOAD_BYTES),
    "aiortc": (aiortc, AIORTC_PAYLOAD_BYTES),
    "go2rtc": (go2rtc, GO2RTC_PAYLOAD_BYTES),
}
"""How each is started, and the longest payload of the packets that leave it."""


def janus_configuration(home: Path, folder: Path) -> dict[str, str]:
    """Return Janus's files: streaming over HTTP alone, one mountpoint fed by plain RTP."""
    plugins = _others(home / "plugins", "libjanus_streaming.so")
    transports = _others(home / "transports", "libjanus_http.so")
    main = f"""general: {{
  configs_folder = "{folder}"
  plugins_folder = "{home}/plugins"
  transports_folder = "{home}/transports"
  event_loops = 2
  session_timeout = 0
  debug_level = 3
  protected_folders = []
}}
media: {{ rtp_port_range = "20000-24000" }}
nat: {{ ice_lite = true, ice_enforce_list = "{SERVER}", ice_ignore_list = "vmnet" }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
"""
    http = f"""general: {{
  base_path = "/janus", http = true, port = {PORT}, ip = "{SERVER}", https = false, json = "plain"
}}
admin: {{ admin_http = false, admin_https = false }}
"""
    fmtp = "profile-level-id=42e01f;packetization-mode=1"
    streaming = f"""camera: {{
  type = "rtp", id = 1, audio = false, video = true, videoport = {FEED_PORT}
  videoiface = "lo", videopt = {relay_camera.FEED_PAYLOAD_TYPE}, videocodec = "h264"
  videortpmap = "H264/90000", videofmtp = "{fmtp}"
}}
"""
    return {
        "janus.jcfg": main,
        "janus.transport.http.jcfg": http,
        "janus.plugin.streaming.jcfg": streaming,
    }


def _others(folder: Path, wanted: str) -> str:
    found = folder.glob("*.so") if folder.is_dir() else ()
    return ",".join(sorted(one.name for one in found if one.name != wanted))


def _feed(stage: Stage, stack: ExitStack) -> None:
    stage.camera.ask(json.dumps({"feed": FEED_PORT}))
    stack.callback(stage.camera.ask, json.dumps({"unfeed": FEED_PORT}))


def _run(stage: Stage, stack: ExitStack, words: Sequence[str], name: str) -> int:
    """Run a program among the servers until the stack is left; return its process."""
    log = (stage.folder / f"{name}.log").open("wb")
    stack.callback(log.close)
    with stage.servers.inside():
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end() -> None:
        process.kill()
        process.wait()

    stack.callback(end)
    return process.pid


def _answering(stage: Stage, arm: Arm, pid: int) -> Arm:
    """Return the arm once its HTTP port answers; ArmError if it does not come up."""
    ends_s = time.monotonic() + READY_S
    while time.monotonic() < ends_s:
        with stage.servers.inside(), contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://{SERVER}:{PORT}/", timeout=2.0)
            return Arm(arm.url, arm.kind, family(pid))
        time.sleep(0.05)
    raise ArmError(f"{arm.url} does not answer")


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for word in path.read_text().split():
                found += family(int(word))
    return found
