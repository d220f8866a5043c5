# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco discover`: which cameras and recorders there are, and the registry's text for them.

A password is offered only to devices whose address was typed: never to whatever answers.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.cli.ask import control_socket
from gateway.cli.control_client import open_control
from gateway.cli.login import camera_login
from gateway.cli.probe import ticking
from gateway.cli.progress import Progress
from gateway.cli.snippet import Discovered, host_of, snippet
from gateway.cli.speech import Say
from gateway.ingest.discovery import Found
from gateway.ingest.discovery import discover as discover_devices
from gateway.ingest.makes import Make, find_make, read_makes
from gateway.ingest.nvr import Channel, channels_by_onvif, channels_by_template, describer
from gateway.ingest.onvif import open_device
from gateway.ingest.onvif_model import OnvifTarget
from gateway.model.errors import ConfigError, PeerError
from gateway.model.registry import Camera, Device
from gateway.registry.seed import parse_seed
from gateway.runtime.clock import SystemClock
from gateway.wire.digest import Credentials

EXIT_FAIL = 1
WHERE = "varco discover"
DEVICE_PATH = "/onvif/device_service"


@dataclass(frozen=True, slots=True)
class DiscoverRequest:
    """What was typed."""

    addresses: tuple[str, ...]
    """Only these; they are asked even if they do not answer a discovery."""
    seconds: float
    interfaces: tuple[str, ...]
    as_json: bool
    as_snippet: bool
    site: str
    credential: str | None
    ask: bool
    make: str
    socket: Path | None
    config: Path | None

    @property
    def has_login(self) -> bool:
        """Return whether a password is to be used."""
        return bool(self.credential) or self.ask


def discover(request: DiscoverRequest, say: Say) -> int:
    """Look for devices and print them; 1 if there are none."""
    if (request.has_login or request.make) and not request.addresses:
        problem = say("occorre un indirizzo", "needs an address")
        advice = say(
            "la password si offre solo a un dispositivo nominato: varco discover INDIRIZZO …",
            "a password is offered to a named device only: varco discover ADDRESS …",
        )
        raise ConfigError(WHERE, "--login, --credential, --make", problem, advice)
    user, password = camera_login(request.credential, ask=request.ask, say=say, where=WHERE)
    make = find_make(read_makes(), request.make, WHERE) if request.make else None
    progress = Progress(say, sys.stderr, SystemClock())
    work = _look(request, (user, password), make, progress)
    found, problems = asyncio.run(ticking(work, progress))
    progress.clear()
    for problem in problems:
        print(f"varco: {problem}", file=sys.stderr)
    if not found:
        _print_nothing(say)
        return EXIT_FAIL
    known = _known(request)
    if request.as_json:
        print(json.dumps([_record(one, known) for one in found], ensure_ascii=False, indent=1))
    elif request.as_snippet:
        print(
            _advice(say, request.site)
            + snippet(found, site=request.site, credential=request.credential or "")
        )
    else:
        _print_table(found, known, say)
    return EXIT_FAIL if problems else 0


async def _look(
    request: DiscoverRequest, login: tuple[str, str], make: Make | None, progress: Progress
) -> tuple[list[Discovered], list[str]]:
    """Discover, then ask the named devices for their channels, one after the other."""
    seconds = f"{request.seconds:g} s"
    progress.tell(
        f"cerco in rete (WS-Discovery, {seconds})", f"looking around (WS-Discovery, {seconds})"
    )
    answers = await discover_devices(request.seconds, request.interfaces or None)
    found = [_of(one) for one in answers]
    problems = [f"{one.address}: {one.problem}" for one in answers if one.problem]
    if request.addresses:
        answered = {one.address: one for one in found}
        found = [answered.get(a) or _unanswered(a) for a in request.addresses]
    if request.has_login or make is not None:
        for index, one in enumerate(found):
            progress.tell(f"chiedo i canali a {one.address}", f"asking {one.address} for channels")
            try:
                channels = await _channels(one, login, make)
            except PeerError as error:
                problems.append(f"{one.address}: {error}")
            else:
                found[index] = replace(one, channels=channels, make=make.id if make else "")
    return found, problems


def _of(one: Found) -> Discovered:
    url = next((u for u in one.xaddrs if host_of(u) == one.address), "")
    url = url or next(iter(one.xaddrs), "")
    return Discovered(one.address, one.name, one.hardware, one.location, url, tuple(one.types))


def _unanswered(address: str) -> Discovered:
    """Return a device that discovery did not find: another network, or discovery is off."""
    host = f"[{address}]" if ":" in address else address
    return Discovered(address, "", "", "", f"http://{host}{DEVICE_PATH}", ())


async def _channels(
    one: Discovered, login: tuple[str, str], make: Make | None
) -> tuple[Channel, ...]:
    user, password = login
    clock = SystemClock()
    if make is not None:
        describe = describer(Credentials(user, password) if user else None)
        return await channels_by_template(make, one.address, describe, clock=clock)
    target = OnvifTarget(one.address, one.url, user, password)
    async with open_device(target, clock=clock) as device:
        return await channels_by_onvif(device)


def _known(request: DiscoverRequest) -> dict[str, str] | None:
    """Return what the registry has at each host; None if the daemon cannot be asked."""
    try:
        with open_control(control_socket(request.socket, request.config)) as control:
            seed = parse_seed(control.export("toml"), "registry")
    except (PeerError, ConfigError):
        return None
    made: dict[str, str] = {}
    for entity in seed.entities.values():
        if isinstance(entity, Camera | Device) and (host := host_of(entity.url)):
            made.setdefault(host, entity.id)
    return made


def _record(one: Discovered, known: dict[str, str] | None) -> dict[str, object]:
    """Return one device for a script; `registry`: id there, empty if new, null if unknown."""
    return {
        "address": one.address,
        "name": one.name,
        "hardware": one.hardware,
        "location": one.location,
        "onvif": one.url,
        "kind": one.kind.value,
        "types": list(one.kinds),
        "registry": None if known is None else known.get(one.address, ""),
        "channels": [
            {
                "number": channel.number,
                "name": channel.name,
                "url": channel.main_url,
                "sub_url": channel.sub_url,
                "codec": channel.codec.value if channel.codec else "",
                "size_px": list(channel.size_px),
                "problem": channel.problem,
            }
            for channel in one.channels
        ],
    }


def _print_table(found: Sequence[Discovered], known: dict[str, str] | None, say: Say) -> None:
    head = (
        say("INDIRIZZO", "ADDRESS"),
        say("NOME", "NAME"),
        "HARDWARE",
        say("LUOGO", "PLACE"),
        say("REGISTRO", "REGISTRY"),
        "ONVIF",
    )
    rows = [head] + [
        (one.address, one.name, one.hardware, one.location, _place(one, known, say), one.url)
        for one in found
    ]
    cells = [[_cell(text) for text in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row, one in zip(cells, (None, *found), strict=True):
        print(
            "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        )
        for channel in one.channels if one else ():
            size = "×".join(map(str, channel.size_px))
            told = channel.problem or f"{channel.codec.value if channel.codec else '?'} {size}"
            print(f"    {channel.number:>2}  {_cell(channel.name)}  {_cell(told)}")
    if known is None:
        print(
            say(
                "\nIl servizio non risponde: non so che cosa è già nel registro.",
                "\nThe service does not answer: what is in the registry already is not known.",
            )
        )


def _place(one: Discovered, known: dict[str, str] | None, say: Say) -> str:
    if known is None:
        return "?"
    return known.get(one.address) or say("nuovo", "new")


def _cell(text: str) -> str:
    """Return text for a terminal: what a device says may be anything."""
    return "".join(c if c.isprintable() else "?" for c in text)[:60] or "–"


def _advice(say: Say, site: str) -> str:
    return say(
        f"# Sito: {site} (altro: --site). Correggere, poi:\n"
        "#   varco check --partial FILE && varco registry apply FILE\n\n",
        f"# Site: {site} (another: --site). Correct it, then:\n"
        "#   varco check --partial FILE && varco registry apply FILE\n\n",
    )


def _print_nothing(say: Say) -> None:
    print(
        say(
            "Nessun dispositivo ha risposto. Controllare:\n"
            "  - multicast: 239.255.255.250, porta UDP 3702, non filtrato dagli switch (IGMP);\n"
            "  - VLAN: la scoperta non attraversa i router; lanciarla dalla rete delle telecamere\n"
            "    oppure indicare l'indirizzo: varco discover INDIRIZZO --login;\n"
            "  - firewall di questa macchina: le risposte tornano in UDP da porta 3702;\n"
            "  - ONVIF e «discovery» attivi sulla telecamera (spesso spenti di fabbrica);\n"
            "  - interfaccia giusta: --interface NOME.",
            "No device answered. Check:\n"
            "  - multicast: 239.255.255.250, UDP port 3702, not filtered by switches (IGMP);\n"
            "  - VLAN: discovery does not cross routers; run it on the cameras' network\n"
            "    or name the address: varco discover ADDRESS --login;\n"
            "  - firewall of this machine: answers come back by UDP from port 3702;\n"
            "  - ONVIF and “discovery” switched on at the camera (often off from the factory);\n"
            "  - the right interface: --interface NAME.",
        ),
        file=sys.stderr,
    )
