# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Many cars through a gate of the daemon, a few of them sought; then everything is searched (D.9).

RTSP, daemon, gate, caged child, hot lists, desk, broker and ledger are the real ones; only the
plates are made of blocks that need no net, so that thousands pass and each is read. `python -m
tests.e2e.plates_kept 10000 FOLDER` is the long one (`make soak-plates`).
"""

import asyncio
import base64
import json
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.model.plate import ListKind
from gateway.registry.hotlist_import import ListSource
from gateway.registry.hotlist_keys import HotListKeys
from gateway.registry.hotlists import HotListSetup, open_hotlists
from gateway.registry.store import open_registry
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from gateway.simulator import leftovers
from gateway.simulator.rtsp_server import Mount, serve
from tests.e2e.conftest import BROKER, seed
from tests.e2e.daemon import Daemon, until
from tests.unit.analytics.plates.blocks import EVERY_90K, Car, film

LOGIN = {"admin": "s3cret-camera"}
ROOT = Path(__file__).parents[2]
SECRET = bytes(range(32))
OFFICE = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
LETTERS = "ABCDEFGHJKLMNPRSTVWXYZ"
LANES = (0.14, 0.38, 0.62, 0.86)
ROW, SEEN, BLOCK = 8, 14, 96
"""Pictures between two cars of a lane, pictures that show one, cars of one film."""
LEAD_S = 25.0
"""Empty road, so that the watch has learnt it."""
FORGOTTEN_S = 5.0
ZONE = """
[[zone]]
id = "corsia-{number}"
name = "Corsia {number}"
camera = "uno"
polygon = [[{left}, 0.02], [{right}, 0.02], [{right}, 0.98], [{left}, 0.98]]
analytic = "targhe"
line = [[{left}, 0.5], [{right}, 0.5]]
direction = "entrambi"
inbound = "ab"
lane = "{number}"
"""
PLATES = """
[plates]
key = "file:{key}"
k_threshold = {k}
"""


def texts(count):
    """Return different plates of the Italian form, and never the same letters twice in a row."""
    made = (
        f"{LETTERS[n % 22]}{LETTERS[n // 22 % 22]}{n * 37 % 1000:03d}"
        f"{LETTERS[n * 7 % 22]}{LETTERS[n // 484 % 22]}"
        for n in range(count)
    )
    return list(made)


@dataclass
class Kept:
    """What was found after the cars had passed."""

    passages: int
    hits: int
    alarm_s: float
    """From the first sought car's alarm to the last one's, no promise."""
    on_disk: list = field(default_factory=list)
    """(where, how many texts that nobody seeks) of every place that has any."""
    box_residue: int = 0
    child_residue: int = 0


def gate_seed(folder, url):
    """Return a town with four lanes whose plates are read under an act."""
    town = seed(folder, {"uno": url})
    begins, ends = town.index("[[zone]]"), town.index("[[recipient]]")
    zones = "".join(
        ZONE.format(number=number, left=f"{x - 0.115:.3f}", right=f"{x + 0.115:.3f}")
        for number, x in enumerate(LANES)
    )
    town = town[:begins] + zones + town[ends:]
    return town.replace('analytics = ["intrusione"]', 'analytics = ["targhe"]', 1)


async def _deliver(state, sought):
    """Put the sought plates into a box's registry as an office delivers them."""
    clock = SystemClock()
    source = ListSource(
        "questura", OFFICE.public_key().public_bytes_raw(), frozenset({ListKind.STOLEN})
    )
    now = datetime.now(UTC)
    document = json.dumps(
        {
            "format": "varco-hotlist/1", "source": "questura", "kind": "A1", "mode": "whole",
            "sequence": 1, "issued": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "expires": f"{now + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}", "act": "prot. 1/2026",
            "reason": "veicoli rubati", "requester": "Questura",
            "entries": [{"plate": one, "country": "IT"} for one in sought],
        }
    ).encode()  # fmt: skip
    async with open_registry(state / "registry.db", clock=clock) as store:
        setup = HotListSetup(HotListKeys(SECRET), sources={"questura": source})
        lists = await open_hotlists(store, clock, setup)
        await lists.deliver(document, base64.b64encode(OFFICE.sign(document)), by="test")


def _films(plates):
    """Yield coded films, of some of the cars each; every one begins with a key unit."""
    for at in range(0, len(plates), BLOCK):
        some = plates[at : at + BLOCK]
        cars = [
            Car(text, 2 + ROW * (n // 4) + 2 * (n % 4), SEEN, x=LANES[n % 4], cell=(5, 7))
            for n, text in enumerate(some)
        ]
        yield film(cars, ROW * (len(some) // 4 + 1) + SEEN + 8)


@asynccontextmanager
async def _serving(fanout, sets):
    clock = SystemClock()
    mounts = {"live": Mount(fanout, sets)}
    async with serve("127.0.0.1", 0, mounts, credentials=LOGIN, clock=clock) as port:
        yield port, clock


@contextmanager
def gate_camera(plates):
    """Run a camera: an empty road, then all cars again and again; yields port, `go` and `rest`."""
    empty = film([], 50)
    films = [list(one) for one in _films(plates)]
    fanout = Fanout()
    ready, go, rest, stop, ports = *(threading.Event() for _ in range(4)), []

    async def run():
        sets = tuple(nal for nal in empty[0].nals if nal[0] & 31 in (7, 8))
        async with _serving(fanout, sets) as (port, clock):
            ports.append(port)
            ready.set()
            began_s, sent, block = clock.monotonic_s(), 0, 0
            while not stop.is_set():
                units = films[block % len(films)] if go.is_set() and not rest.is_set() else empty
                block += units is not empty
                for unit in units:
                    if stop.is_set():
                        return
                    now = clock.now()
                    at = {"pts_90k": sent * EVERY_90K, "captured": now, "received": now}
                    fanout.publish(replace(unit, **at))
                    sent += 1
                    await clock.sleep(max(0.0, began_s + sent / 25 - clock.monotonic_s()))

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield ports[0], go, rest
    finally:
        stop.set()
        thread.join(20)


class BlockBox(Daemon):
    """A gateway whose children read block plates."""

    def start(self):
        """Start and wait until it answers."""
        log = self.log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.block_box", "run", "--config", str(self.config)],
            stdout=log, stderr=log, cwd=ROOT,
        )  # fmt: skip
        log.close()
        until(self.answers, 60, "the gateway answers")
        return self

    def varco(self, *words, stdin=None, ok=True):
        """Run a `varco` command against this box, as a process from the start."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *words], input=stdin, capture_output=True, text=True,
            cwd=ROOT, start_new_session=True, check=False,
        )  # fmt: skip
        assert not ok or done.returncode == 0, done.stdout + done.stderr
        return done


def play(folder, count, sought_count, port, heard, within_s):
    """Let `count` cars pass, search everywhere for those nobody seeks; return what was found.

    `port`: of the broker; `heard`: returns what a subscriber of everything got.
    """
    plates = texts(count)
    sought = plates[count // (2 * sought_count) :: count // sought_count][:sought_count]
    others = [one for one in plates if one not in set(sought)]
    (folder / "state").mkdir()
    (folder / "plates.key").write_text(base64.b64encode(SECRET).decode())
    (folder / "plates.key").chmod(0o600)
    asyncio.run(_deliver(folder / "state", sought))
    extra = BROKER.format(port=port) + PLATES.format(key=folder / "plates.key", k=10)
    with gate_camera(plates) as (camera, go, rest):
        town = gate_seed(folder, f"rtsp://127.0.0.1:{camera}/live")
        with BlockBox(folder, town, extra=extra) as box:
            box.with_passwords("operatore")
            client = box.client("operatore")
            until(lambda: (box.metric("varco_gates") or 0) >= 1, 60, "the gate is open")
            time.sleep(LEAD_S)  # the watch learns the empty road; nothing tells when it has
            go.set()
            found = _watch(box, client, count, sought_count, within_s)
            rest.set()
            time.sleep(FORGOTTEN_S)  # what is promised is a time
            pids = leftovers.below(box.process.pid)
            found.box_residue = residue(box.process.pid, others)
            found.child_residue = sum(residue(pid, others) for pid in pids)
            served = client.get("/metrics").text + client.get("/api/alarms").text
            assert box.stop() == 0
        found.on_disk = _search(folder, served, heard(), others)
    return found


def _watch(box, client, count, sought_count, within_s):
    """Wait until as many have passed and every sought one is an alarm; return what was seen."""
    first_s = last_s = 0.0

    def done():
        nonlocal first_s, last_s
        hits = [a for a in client.get("/api/alarms").json() if a["rule"] == "targa-cercata"]
        now_s = time.monotonic()
        first_s, last_s = first_s or (now_s if hits else 0.0), now_s
        passed = int(box.metric("varco_gate_passages_total") or 0)
        plates = {one.get("zone", "") + str(one["id"]) for one in hits}
        return passed >= count and len(plates) >= sought_count and (passed, len(plates))

    passed, hits = until(done, within_s, "all cars passed and every sought one is an alarm")
    return Kept(passed, hits, last_s - first_s)


def residue(pid, wanted):
    """Return how many of the texts stand in any writable page of a process, in 8 or 16 bits."""
    with leftovers.opened({pid: ""}) as memories:
        return sum(len(leftovers.written(one, wanted)) for one in memories)


def _search(folder, served, heard, others):
    """Return each place that has a text that nobody seeks, or its plain hash, and how many."""
    places = {
        str(one.relative_to(folder)): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file() and one.name != "plates.key"
    }
    places |= {"answers": served.encode(), "broker": heard.encode()}
    found = ((name, leftovers.finds(data, others)) for name, data in places.items())
    return [one for one in found if one[1]]


def main():
    """Play the long one against a broker of its own; print one line."""
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True)
    port = 18_830
    config = folder.parent / "kept-broker.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    told = folder.parent / "kept-broker.txt"
    with (
        subprocess.Popen(["mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL) as broker,
        told.open("wb") as out,
    ):
        time.sleep(1.0)
        with subprocess.Popen(
            ["mosquitto_sub", "-V", "5", "-p", str(port), "-t", "#", "-F", "%t %p"], stdout=out
        ) as ears:
            try:
                found = play(folder, count, 10, port, told.read_text, count / 4 + 300)
            finally:
                ears.kill()
                broker.kill()
    print(found)
    return 1 if found.on_disk else 0


if __name__ == "__main__":
    sys.exit(main())
