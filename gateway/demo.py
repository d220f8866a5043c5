# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Composition root of the exercise: a simulated town, its broker, and a gateway, in one process."""

import argparse
import asyncio
import base64
import json
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path

from gateway import app
from gateway.access.identity import hash_password
from gateway.access.policy import acts_for
from gateway.assembly.box import Opened, RunningBox
from gateway.assembly.exercise import AccountCard, Exercise, Outcome, SceneCard
from gateway.assembly.gates import Gates
from gateway.assembly.neighbours import (
    Pharmacy,
    Plot,
    Room,
    Street,
    free_ports,
    open_street,
    questura_configuration,
    write_anew,
)
from gateway.assembly.opening import ledger_key
from gateway.assembly.plate_scenes import PlateSceneParts, PlateScenes
from gateway.assembly.trust_scenes import SHARING_IS_OFF, end_acts, tamper
from gateway.audit.keys import public_vkey
from gateway.config.load import load
from gateway.config.options import Options
from gateway.model.errors import ConfigError, PeerError
from gateway.model.registry import Analytic
from gateway.ops.logs import JsonFormatter, configure
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.runtime.clock import Clock, SystemClock
from gateway.runtime.supervise import Policy, supervise
from gateway.simulator import patrol, wanted
from gateway.simulator.broker import serve_broker
from gateway.simulator.button import Button
from gateway.simulator.camera import VirtualCamera
from gateway.simulator.clips import prepare
from gateway.simulator.house import quietly
from gateway.simulator.person import signed_in
from gateway.simulator.rtsp_server import Mount, serve
from gateway.simulator.station import CentralStation
from gateway.simulator.town import (
    FAST_LANES,
    GUARDED_POLYGON,
    HOUSE_PLANS,
    INTRUSION,
    PLANS,
    RECORDED,
    RecorderPlace,
    build_cameras,
    lane_words,
    serve_recorder,
)
from gateway.simulator.traffic import SOUGHT

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PORT = 8443
LOGIN = "esercitazione"
PATROL = "istituto"
"""The account that sends reports."""
STATION_KEY_CHARS = 32
CARS, CARS_ONCE = 500, 20
"""That pass the fast lanes, and in `--once`."""
INSTITUTE_TOPIC = "esercitazione/istituto/onvif-ej/#"
ONCE_S = 270.0
"""`--once` gives up after this: starting, all scenes and stopping take about two minutes, on a
machine that does nothing else."""
SCENES = (
    SceneCard(
        "intrusione",
        "Intrusione in farmacia",
        "Intrusion in the pharmacy",
        "Qualcuno entra dopo la chiusura: l'allarme arriva qui e, come codice SIA DC-09, alla "
        "centrale di vigilanza. Se nessuno risponde entro 5 secondi va, come solo testo, "
        "all'istituto.",
        "Somebody enters after hours: the alarm comes here and, as a SIA DC-09 code, to the "
        "central station. Unless somebody answers within 5 seconds it goes, as text alone, to the "
        "institute.",
    ),
    SceneCard(
        "antirapina",
        "Pulsante antirapina in farmacia",
        "Hold-up button in the pharmacy",
        "Qualcuno preme sotto il banco: nella farmacia non si vede e non si sente nulla, nemmeno "
        "il titolare lo legge. La sala ha le telecamere della farmacia, dal vivo e nei 30 secondi "
        "prima.",
        "Somebody presses under the counter: nothing shows or sounds in the pharmacy, not even "
        "its owner reads of it. The room has the pharmacy's cameras, live and the 30 seconds "
        "before.",
    ),
    SceneCard(
        "segnalazione",
        "Segnalazione di un istituto",
        "Report of an institute",
        "«Mille occhi»: una pattuglia dell'istituto segnala persone sospette; la segnalazione è "
        "numerata e arriva alla sala competente, che la prende in carico in «Segnalazioni».",
        "“Mille occhi”: a patrol of the institute reports suspicious people; the report gets its "
        "number and comes to the competent room, which takes it on in “Reports”.",
    ),
    SceneCard(
        "stacca",
        "Stacca la rete",
        "Pull the line",
        "La Farmacia del Porto, dietro il suo NAT, resta senza linea per 15 secondi mentre entra "
        "qualcuno: l'allarme arriva dopo, una volta sola, e l'immagine torna da sé.",
        "The pharmacy by the harbour, behind its NAT, is off line for 15 seconds while somebody "
        "enters: the alarm comes afterwards, once only, and the picture returns by itself.",
    ),
    SceneCard(
        "scadenza",
        "Fai scadere il Patto",
        "Let the Patto end",
        "Patto e accordo finiscono adesso: la condivisione si spegne in pochi secondi, il titolare "
        "continua a vedere, un intervento già aperto resta con il suo avviso.",
        "Patto and agreement end now: sharing stops within seconds, the owner still sees, an "
        "incident already open stays with its banner.",
    ),
    SceneCard(
        "manomissione",
        "Manometti il registro",
        "Tamper with the ledger",
        "Una copia del registro viene alterata e data al verificatore autonomo, che nomina la "
        "voce. Il registro vero non viene toccato.",
        "A copy of the ledger is altered and given to the stand-alone verifier, which names the "
        "entry. The true ledger is not touched.",
    ),
)


def _gate_scenes(cars: int) -> tuple[SceneCard, ...]:
    """Return the scenes of the gate that reads plates."""
    return (
        SceneCard(
            "corsie",
            f"{cars} auto, una cercata",
            f"{cars} cars, one sought",
            f"{cars} auto passano in fretta sotto il varco; due persone ne hanno messa una in "
            "lista. Flusso, lettori, voto e lista sono veri, solo il traffico è affrettato: una "
            "spira sveglia il varco, poi file di tre, finché il varco le conta. Un solo riscontro, "
            "che attende una persona.",
            f"{cars} cars pass the gate in a hurry; two people have put one of them on a list. "
            "Stream, readers, vote and list are real, only the traffic is hurried: a loop "
            "in the road wakes the gate, then rows of three, as fast as the gate counts them. One "
            "hit, which waits for a person.",
        ),
        SceneCard(
            "cerca",
            f"Cerca le altre {cars - 1}",
            f"Look for the other {cars - 1}",
            "Le targhe che nessuno cerca vengono cercate nei file, nei log, nei registri, sul "
            "broker e nella memoria dei processi.",
            "The plates that nobody seeks are looked for in files, logs, ledgers, on the broker "
            "and in the memory of the processes.",
        ),
    )


QUESTURA_CARDS = (
    AccountCard("operatore-questura", "Operatore della Questura", "Operator of the Questura"),
    AccountCard("dirigente-questura", "Dirigente della sala", "Head of the room"),
)
QUESTURA_ACCOUNTS = tuple(card.id for card in QUESTURA_CARDS)
ACCOUNTS = (
    AccountCard("operatore", "Operatore di sala", "Room operator"),
    AccountCard("istituto", "Istituto di vigilanza", "Vigilance institute"),
    AccountCard("responsabile", "Responsabile di sala: proroga gli atti", "Room supervisor"),
    AccountCard("dpo", "Responsabile protezione dati", "Data protection officer"),
    AccountCard("revisore", "Revisore: legge tutto il registro", "Auditor: reads the whole ledger"),
    AccountCard("titolare", "Titolare della farmacia", "Pharmacy owner"),
)


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports of this run."""

    console: int
    media: int
    questura_media: int
    """UDP of the second room."""
    broker: int
    cameras: int
    recorder: int
    """Its ONVIF side."""
    recorder_rtsp: int
    lines: int
    """Where the pharmacy by the harbour dials the room."""
    questura: int
    """Console of the second room."""
    questura_lines: int
    station: int
    """Where the central station takes SIA DC-09."""


@dataclass(frozen=True, slots=True)
class Town:
    """What one run is made of."""

    folder: Path
    ports: Ports
    passwords: Mapping[str, str]
    device_passwords: tuple[str, str]
    """Of the cameras, and of the recorder."""
    cameras: Mapping[str, VirtualCamera]
    button: Button
    clock: Clock
    street: Street
    """The way to the pharmacy by the harbour."""
    rooms: tuple[Room, Room]
    """The town's and the Questura's, as that pharmacy dials them."""
    pharmacy: Pharmacy
    cars: int = CARS
    """That pass the fast lanes."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the town's own box serves."""

    @property
    def config(self) -> Path:
        """Path of the box's configuration."""
        return self.folder / "gateway.toml"

    @property
    def questura(self) -> Path:
        """Path of the second room's configuration."""
        return self.folder / "questura" / "gateway.toml"

    @property
    def institute_log(self) -> Path:
        """Where the institute's subscriber writes what it gets."""
        return self.folder / "istituto.jsonl"

    @property
    def station_log(self) -> Path:
        """Where the central station writes what it is told."""
        return self.folder / "centrale.jsonl"

    @property
    def url(self) -> str:
        """Where the town's console is."""
        return f"http://{HOST}:{self.ports.console}"

    @property
    def plates_key(self) -> Path:
        """The key of the lists of plates; hits of the last exercise open with it."""
        return self.folder / "targhe.secret"

    @property
    def station_key(self) -> Path:
        """The key that it shares with the box."""
        return self.folder / "centrale.secret"


def main(args: argparse.Namespace) -> int:
    """Run the exercise until interrupted, or once through all scenes; return the exit status."""
    configure("warning", sys.stderr)
    return asyncio.run(_once(args) if args.once else _show(args))


async def _show(args: argparse.Namespace) -> int:
    """Run until SIGINT or SIGTERM; print where to look."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    port = args.port or PORT
    _check_port(port)
    folder = await asyncio.to_thread(_state_folder, port)
    async with open_street() as street, _alive(await _found(folder, port, street)) as town:

        def ready(_: Opened) -> None:
            town.ready.set()
            print(_welcome(town), flush=True)  # noqa: T201 - what the user waits for

        await app.run(_options(town), town.config, stop, on_ready=ready, play=_player(town))
    return 0


def _keep_log(folder: Path) -> None:
    """Write what the boxes log into a file, too, in more detail: it is searched for plates."""
    root = logging.getLogger()
    for handler in root.handlers:
        handler.setLevel(logging.WARNING)
    file = logging.FileHandler(folder / "varco.log", mode="w")
    file.setFormatter(JsonFormatter())
    root.addHandler(file)
    logging.getLogger("gateway").setLevel(logging.INFO)


def _check_port(port: int) -> None:
    """Raise ConfigError if the console's port is taken: by another exercise, most likely."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            problem = f"port {port} of {HOST}: {error.strerror}"
            raise ConfigError("varco demo", "--port", problem, "write another one") from error


def _state_folder(port: int) -> Path:
    """Return where the exercise of a port keeps its things; two of them share nothing."""
    folder = Path("demo-state").absolute()
    if port != PORT:
        folder /= str(port)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def _once(args: argparse.Namespace) -> int:
    """Run everything in a fresh folder, let a stranger check every scene, stop."""
    stop = asyncio.Event()
    port = args.port or free_ports(socket.SOCK_STREAM)[0]
    with tempfile.TemporaryDirectory(prefix="varco-demo-") as name:
        async with (
            open_street() as street,
            _alive(replace(await _found(Path(name), port, street), cars=CARS_ONCE)) as town,
            asyncio.TaskGroup() as tasks,
        ):
            gateway = tasks.create_task(
                app.run(
                    _options(town), town.config, stop,
                    on_ready=lambda _: town.ready.set(), play=_player(town),
                )
            )  # fmt: skip
            try:
                async with asyncio.timeout(ONCE_S):
                    await town.ready.wait()
                    await town.pharmacy.ready.wait()
                    return await _check(town)
            except TimeoutError:
                print(f"failed: not done within {ONCE_S:.0f} s", file=sys.stderr)  # noqa: T201
                return 1
            finally:
                stop.set()
                await gateway


async def _check(town: Town) -> int:
    """Play the scenes from a process of its own and pass its words and status on."""
    stage = town.folder / "stage.json"
    with os.fdopen(os.open(stage, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        json.dump(_stage(town), file)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.simulator.outside", str(stage)
    )
    try:
        return await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _stage(town: Town) -> dict[str, object]:
    options = _options(town)
    return {
        "base_url": town.url,
        "ledger": str(options.box.state_dir / "ledger.db"),
        "ledger_key": public_vkey(options.ledger.origin, ledger_key(options, str(town.config))),
        "institute_log": str(town.institute_log),
        "station_log": str(town.station_log),
        "passwords": {card.id: town.passwords[card.id] for card in ACCOUNTS},
        "questura": {
            "base_url": town.rooms[1].url,
            "passwords": {one: town.passwords[one] for one in QUESTURA_ACCOUNTS},
        },
    }


async def _found(folder: Path, console: int, street: Street) -> Town:
    """Paint the town if it is not yet, and write configurations and seeds of its boxes."""
    clock = SystemClock()
    _keep_log(folder)
    await asyncio.to_thread(prepare, (*PLANS, *HOUSE_PLANS), _cache(), _progress)
    cameras = await asyncio.to_thread(build_cameras, _cache(), quietly, clock)
    media = free_ports(socket.SOCK_DGRAM, socket.SOCK_DGRAM)
    streams = free_ports(*[socket.SOCK_STREAM] * 8)
    ports = Ports(console, media[0], media[1], *streams)
    passwords = {
        account: secrets.token_urlsafe(12)
        for account in (*(card.id for card in ACCOUNTS), *QUESTURA_ACCOUNTS)
    }
    device_passwords = (secrets.token_urlsafe(12), secrets.token_urlsafe(12))
    rooms = await _rooms(ports, passwords, street)
    days = _days(clock)
    plot = Plot(folder / "porto", _cache(), folder / "cameras.secret", days)
    town = Town(
        folder, ports, passwords, device_passwords, cameras, Button(clock), clock, street, rooms,
        Pharmacy(plot, street, clock),
    )  # fmt: skip
    for name, password in zip(("cameras", "recorder"), device_passwords, strict=True):
        write_anew(folder / f"{name}.secret", f"{LOGIN}:{password}")
    if not town.plates_key.exists():
        write_anew(town.plates_key, base64.b64encode(secrets.token_bytes(32)).decode())
    write_anew(town.station_key, secrets.token_hex(STATION_KEY_CHARS // 2))
    for place in (folder, folder / "questura", folder / "porto"):
        place.mkdir(exist_ok=True)
        _begin_anew(place / "state")
    write_anew(folder / "seed.toml", _seed(town))
    write_anew(town.config, _configuration(town))
    write_anew(folder / "questura" / "seed.toml", _read("questura.toml"))
    write_anew(
        town.questura, questura_configuration(folder / "questura", town.ports, street.address)
    )
    return town


async def _rooms(ports: Ports, passwords: Mapping[str, str], street: Street) -> tuple[Room, Room]:
    """Return how the pharmacy by the harbour finds both rooms, and who invites it there."""
    return (
        Room(
            "sala-pl", f"http://{HOST}:{ports.console}", await street.reach(ports.lines),
            "responsabile", passwords["responsabile"], ("sala-pl",),
        ),
        Room(
            "questura", f"http://{HOST}:{ports.questura}",
            await street.reach(ports.questura_lines), "dirigente-questura",
            passwords["dirigente-questura"], ("questura",),
        ),
    )  # fmt: skip


def _days(clock: Clock) -> tuple[str, str]:
    """Return the first and the last day of the acts."""
    today = clock.now().utc().date()
    return str(today - timedelta(days=30)), str(today + timedelta(days=335))


def _read(name: str) -> str:
    return files("gateway.simulator").joinpath(name).read_text(encoding="utf-8")


def _begin_anew(state: Path) -> None:
    """Each exercise has today's town, whatever happened to the last; log and alarms go on."""
    for old in state.glob("registry.db*"):
        old.unlink()


def _seed(town: Town) -> str:
    """Return the town's seed with today's addresses and dates."""
    first, last = _days(town.clock)
    words = {
        "@rtsp@": f"rtsp://{HOST}:{town.ports.cameras}",
        "@credential@": f"file:{town.folder / 'cameras.secret'}",
        "@onvif@": f"http://{HOST}:{town.ports.recorder}/onvif/device_service",
        "@recorder@": f"rtsp://{HOST}:{town.ports.recorder_rtsp}",
        "@recorder-credential@": f"file:{town.folder / 'recorder.secret'}",
        "@polygon@": json.dumps([list(corner) for corner in GUARDED_POLYGON]),
        **lane_words(),
        "@from@": first,
        "@until@": last,
    }
    text = _read("town.toml")
    for mark, value in words.items():
        text = text.replace(mark, value)
    return text


def _configuration(town: Town) -> str:
    return f"""
[box]
id = "roccamare"
name = "Comune di Roccamare"
state_dir = "{town.folder / "state"}"
runtime_dir = "{town.folder / "run"}"
exercise = true
[console]
port = {town.ports.console}
monitors = ["127.0.0.1"]
[media]
port = {town.ports.media}
[room]
name = "Sala operativa di Roccamare"
host = "{town.street.address}"
port = {town.ports.lines}
addresses = ["{town.rooms[0].address}"]
[[broker]]
name = "esercitazione"
host = "{HOST}"
port = {town.ports.broker}
[[dc09]]
name = "centrale"
receivers = ["{HOST}:{town.ports.station}"]
account = "1A2B"
key = "file:{town.station_key}"
[registry]
seed = "seed.toml"
[plates]
key = "file:{town.plates_key}"
timeout_s = 30
[ring]
most_seconds = 30
[log]
level = "warning"
"""


def _options(town: Town) -> Options:
    return load(town.config)


def _player(town: Town) -> app.Play:
    """Return what makes the exercise once the box is open: this run's passwords."""

    async def play(opened: Opened, running: RunningBox, tasks: asyncio.TaskGroup) -> Exercise:
        await _set_passwords(opened, town)
        gate = PlateScenes(_plate_parts(town, running.gates, tasks))
        gates = {"corsie": gate.driving, "cerca": gate.searching}
        return Exercise(
            opened.accounts,
            town.passwords,
            ((*SCENES, *_gate_scenes(town.cars)), ACCOUNTS),
            _scenes(town, opened, gate),
            gates,
        )

    return play


def _plate_parts(town: Town, gates: Gates, tasks: asyncio.TaskGroup) -> PlateSceneParts:
    """Return what the scene of the fast lanes works with."""
    user = "operatore"
    today = town.clock.now().utc().date

    def passages() -> int:
        return sum(one.passages for name, one in gates.statistics() if name == FAST_LANES)

    async def answers() -> dict[str, str]:
        async with signed_in(town.url, user, town.passwords[user]) as client:
            paths = ("/metrics", "/api/alarms", "/api/plates/hits", "/api/plates/counts")
            return {path: (await client.get(path)).text for path in paths}

    broker = BrokerOptions(
        name="prova", host=HOST, port=town.ports.broker, client_id="esercitazione"
    )
    return PlateSceneParts(
        town.cars, town.cameras[FAST_LANES], passages, lambda: gates.wake(FAST_LANES),
        lambda: wanted.seek(town.url, town.passwords, SOUGHT, today()),
        answers, broker, town.folder, town.clock, tasks.create_task,
    )  # fmt: skip


async def _set_passwords(opened: Opened, town: Town) -> None:
    for account in opened.registry.current().users.keys() & town.passwords.keys():
        hashed = await asyncio.to_thread(hash_password, town.passwords[account])
        await opened.registry.set_password(account, hashed)


def _questura_player(town: Town) -> app.Play:
    """Return what makes the second room's exercise: its accounts, no scenes."""

    async def play(opened: Opened, _: RunningBox, _tasks: asyncio.TaskGroup) -> Exercise:
        await _set_passwords(opened, town)
        return Exercise(opened.accounts, town.passwords, ((), QUESTURA_CARDS), {})

    return play


def _scenes(
    town: Town, opened: Opened, gate: PlateScenes
) -> Mapping[str, Callable[[], Awaitable[Outcome]]]:
    """Return what each scene's button does."""

    def shared(camera: str, analytic: Analytic) -> bool:
        registry = opened.registry.current()
        return bool(acts_for(registry, camera, analytic, town.clock.now()).recipients)

    async def guarded(play: Callable[[], None]) -> Outcome:
        if not shared(RECORDED, Analytic.INTRUSION):
            return SHARING_IS_OFF
        play()
        return Outcome()

    async def cars() -> Outcome:
        return await gate.drive() if shared(FAST_LANES, Analytic.PLATES) else SHARING_IS_OFF

    return {
        "intrusione": lambda: guarded(lambda: town.cameras[RECORDED].trigger(INTRUSION)),
        "antirapina": lambda: guarded(town.button.press),
        "segnalazione": partial(_report, town),
        "scadenza": lambda: end_acts(opened.registry, opened.journal, town.clock),
        "stacca": town.pharmacy.cut,
        "corsie": cars,
        "cerca": gate.search,
        "manomissione": lambda: tamper(
            opened.options.box.state_dir / "ledger.db",
            public_vkey(
                opened.options.ledger.origin, ledger_key(opened.options, str(opened.config_path))
            ),
        ),
    }


async def _report(town: Town) -> Outcome:
    """Have a patrol of the institute report what it sees."""
    number = await patrol.report(town.url, PATROL, town.passwords[PATROL])
    return Outcome(
        f"L'istituto ha segnalato persone sospette: {number}. È in «Segnalazioni».",
        f"The institute reported suspicious people: {number}. It is in “Reports”.",
    )


@asynccontextmanager
async def _alive(town: Town) -> AsyncIterator[Town]:
    """Run cameras, their RTSP server, the recorder, the broker, the institute, the other boxes."""
    recorded = town.cameras[RECORDED]
    others = [camera for camera in town.cameras.values() if camera is not recorded]
    mounts = {one.name: Mount(one.fanout, one.parameter_sets) for one in others}
    login, recorders = ({LOGIN: password} for password in town.device_passwords)
    place = RecorderPlace(HOST, town.ports.recorder, town.ports.recorder_rtsp, recorders)
    async with (
        serve(HOST, town.ports.cameras, mounts, credentials=login, clock=town.clock),
        serve_recorder(recorded, town.button, place, town.clock),
        asyncio.TaskGroup() as tasks,
    ):
        running = [tasks.create_task(camera.run()) for camera in town.cameras.values()]
        listening = asyncio.Event()
        broker = serve_broker(HOST, town.ports.broker, listening.set)
        running.append(tasks.create_task(broker))
        running.append(tasks.create_task(_station(town)))
        await listening.wait()
        running.append(
            tasks.create_task(
                supervise(
                    "institute",
                    lambda: _subscribe(town),
                    clock=town.clock,
                    policy=Policy(first_s=0.2, most_s=1.0),
                )
            )
        )
        running.append(tasks.create_task(_neighbours(town)))
        try:
            yield town
        finally:
            for task in running:
                task.cancel()


async def _station(town: Town) -> None:
    """Run the vigilance central station."""
    key = await asyncio.to_thread(town.station_key.read_text)
    station = CentralStation(key.encode("ascii"), town.station_log, town.clock)
    await station.serve(HOST, town.ports.station)


async def _neighbours(town: Town) -> None:
    """Run the second room, and the pharmacy by the harbour once both rooms let it in."""
    stop, ready = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        room = tasks.create_task(
            app.run(
                load(town.questura), town.questura, stop,
                on_ready=lambda _: ready.set(), play=_questura_player(town),
            )
        )  # fmt: skip
        try:
            await ready.wait()
            await town.ready.wait()
            await town.pharmacy.live(town.rooms)
        except PeerError as error:
            log.error("pharmacy-away", extra={"problem": str(error)})  # noqa: TRY400 - the trace says nothing more
        finally:
            stop.set()
            await asyncio.wait({room})


async def _subscribe(town: Town) -> None:
    """Listen as the institute does, and keep what comes as text."""
    broker = MqttBroker(
        BrokerOptions(name="istituto", host=HOST, port=town.ports.broker, client_id="istituto")
    )
    async with broker.connect("ricezione", will=None) as line:
        await line.subscribe(INSTITUTE_TOPIC)
        while True:
            for message in await line.receive(16):
                record = {"topic": message.topic, "payload": message.payload.decode()}
                with town.institute_log.open("a") as file:
                    file.write(json.dumps(record) + "\n")


def _welcome(town: Town) -> str:
    url = f"{town.url}/"
    return (
        "\nESERCITAZIONE · EXERCISE — tutto è simulato, everything is simulated\n\n"
        f"  {url}\n\n"
        "  si entra con un clic · one click to sign in\n"
        f"  operatore: {town.passwords['operatore']}   dpo: {town.passwords['dpo']}\n"
        f"  Ctrl-C per finire · to stop; dati in {town.folder}\n"
    )


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "varco" / "town"


def _progress(share: float, what: str) -> None:
    """Draw one line that grows; silent where nobody watches."""
    if not sys.stderr.isatty():
        return
    bar = "█" * round(share * 30)
    print(f"\r  {bar:░<30} {share:4.0%}  {what:<40}", end="", file=sys.stderr, flush=True)  # noqa: T201
    if share >= 1.0:
        print(file=sys.stderr)  # noqa: T201
