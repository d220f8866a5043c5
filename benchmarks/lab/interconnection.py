# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Seeds and configurations of edges and a room, as their installers write them."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.lab.boxes import PASSWORD, BoxError, GatewayBox
from benchmarks.lab.network import ROOM_ADDRESS
from gateway.config.load import line_folder
from gateway.registry.store import open_registry
from gateway.room.authority import Authority, key_pem, new_key, open_authority, request_for
from gateway.room.enrolment import Joined, Membership, keep
from gateway.runtime.clock import SystemClock

ROOM, ROOM_PORT = "sala", 8445
_CODE = re.compile(r"(?:[0-9A-HJKMNP-TV-Z]{5}-){9,}[0-9A-HJKMNP-TV-Z]{1,5}")
"""As `gateway.room.invitations.write_code` spells one."""
INVITER = "sistemista"
"""Lets edges in at the room."""
_DPIA = "807cf9abed59de643bf0e442095dd6fe723f186226debf5fd2ce30d3f640fe39"
_ACT = f"""
title = "Patto per la sicurezza urbana"
number = "7/2026"
parties = ["Prefettura", "Comune"]
valid_from = 2026-01-01
valid_until = 2099-12-31
dpia = "DPIA 3/2025"
dpia_sha256 = "{_DPIA}"
dpia_date = 2025-12-01
"""


@dataclass(frozen=True, slots=True)
class View:
    """One camera of an edge."""

    id: str
    url: str
    """Without the rendition: `/main` and `/sub` are below it."""
    shown_to: tuple[str, ...] = ()
    """Recipients; nobody: it stays in the house."""
    watched: bool = True
    """For intrusion."""
    continuous: bool = True
    off_after_s: float = 10.0
    """Who comes back sooner is the same incident."""


def edge_config(id_: str, uplinks: Mapping[str, str], *, most_kbps: int = 0) -> str:
    """Return the configuration of an edge; `uplinks` are names and recipients."""
    text = f'id = "{id_}"\nname = "Casa {id_}"\n[analytics]\nworkers = 1\n[log]\nlevel = "info"\n'
    for name, recipient in uplinks.items():
        text += f'[[uplink]]\nname = "{name}"\nrecipient = "{recipient}"\nmost_kbps = {most_kbps}\n'
    return text


def edge_seed(id_: str, views: Sequence[View], lines: Mapping[str, str]) -> str:
    """Return what an edge knows; `lines` are recipients and the uplinks that lead to them."""
    text = f"""
[[controller]]
id = "{id_}-srl"
name = "{id_.capitalize()} s.r.l."
kind = "comune"
[[site]]
id = "{id_}-sede"
name = "Sede di {id_}"
controller = "{id_}-srl"
kind = "piazza"
state = "attivo"
"""
    text += "".join(_camera(id_, one) for one in views)
    for recipient, line in lines.items():
        text += f"""
[[recipient]]
id = "{recipient}"
name = "Sala {recipient}"
kind = "sala-operativa"
broker = "line:{line}"
inbox = true
topic_prefix = "{id_}"
"""
    for recipient in lines:
        text += _act(recipient, [one for one in views if recipient in one.shown_to])
    return (
        text
        + _user("titolare", "owner.private", f"{id_}-srl")
        + _user("revisore", "auditor", f"{id_}-srl")
    )


def _camera(id_: str, view: View) -> str:
    text = f"""
[[camera]]
id = "{view.id}"
name = "Telecamera {view.id}"
site = "{id_}-sede"
url = "{view.url}/main"
sub_url = "{view.url}/sub"
area = "pubblica"
latitude = 44.03
longitude = 10.13
continuous = {str(view.continuous).lower()}
"""
    if view.watched:
        text += f"""
[[zone]]
id = "{view.id}-zona"
name = "Zona di {view.id}"
camera = "{view.id}"
polygon = [[0.01, 0.01], [0.99, 0.01], [0.99, 0.93], [0.01, 0.93]]
off_after_s = {view.off_after_s}
"""
    return text


def _act(recipient: str, views: Sequence[View]) -> str:
    if not views:
        return ""
    text = f'[[act]]\nid = "patto-{recipient}"{_ACT}'
    for watched in (True, False):
        ids = ", ".join(f'"{one.id}"' for one in views if one.watched is watched)
        analytics = '"intrusione"' if watched else ""
        if ids:
            text += f"""
[[act.scope]]
cameras = [{ids}]
recipients = ["{recipient}"]
analytics = [{analytics}]
retention_before_s = 10.0
"""
    return text


def room_config(id_: str = ROOM) -> str:
    """Return the configuration of a room that edges dial."""
    return f"""
id = "{id_}"
name = "Sala operativa di prova"
[analytics]
workers = 1
[room]
host = "0.0.0.0"
port = {ROOM_PORT}
addresses = ["{ROOM_ADDRESS}:{ROOM_PORT}"]
[log]
level = "info"
"""


def room_seed(organisations: Sequence[str], edges: Mapping[str, Sequence[str]]) -> str:
    """Return what a room knows: its organisations, and which of them may know of which edge.

    Each organisation has an operator, `operatore-ORGANISATION`; besides there are `dpo`,
    `revisore` and `sistemista`.
    """
    text = '[[controller]]\nid = "comune"\nname = "Comune di prova"\nkind = "comune"\n'
    for one in organisations:
        text += f"""
[[recipient]]
id = "{one}"
name = "Organizzazione {one}"
kind = "sala-operativa"
"""
        role = "ps.operator" if one.startswith("questura") else "pl.operator"
        text += _user(f"operatore-{one}", role, one)
    for edge, known_to in edges.items():
        names = ", ".join(f'"{one}"' for one in known_to)
        text += f'[[edge]]\nid = "{edge}"\nname = "Casa {edge}"\norganisations = [{names}]\n'
    for name, role in (("dpo", "dpo"), ("revisore", "auditor"), ("sistemista", "sysadmin")):
        text += _user(name, role, "comune")
    return text


def _user(id_: str, role: str, organisation: str) -> str:
    return f"""
[[user]]
id = "{id_}"
name = "Persona {id_}"
role = "{role}"
organisation = "{organisation}"
"""


def enrol(room: GatewayBox, edge: GatewayBox, line: str) -> None:
    """Let an edge into a running room, as two people would: one invites, the other one joins."""
    name = edge.folder.name
    words = ("link", "invite", name, "--user", INVITER, "--stdin")
    said = room.varco(*words, text=f"{PASSWORD}\n")
    found = _CODE.search(said)
    if found is None:
        raise BoxError(f"no code in {said!r}")
    edge.varco("link", "join", found[0], "--as", line)


def enrol_before(room: GatewayBox, edges: Sequence[GatewayBox], line: str) -> None:
    """Leave everything as `enrol` does, for a room that was founded and did not start yet.

    A process for each of two people and every edge takes longer than all the rest of a benchmark.
    """
    asyncio.run(_enrol_before(room, edges, line))


async def _enrol_before(room: GatewayBox, edges: Sequence[GatewayBox], line: str) -> None:
    clock = SystemClock()
    authority = open_authority(room.state, ROOM, clock.now().utc_us)
    authority.furnish((f"{ROOM_ADDRESS}:{ROOM_PORT}",), ROOM, clock.now().utc_us)
    async with open_registry(room.state / "registry.db", clock=clock) as store:
        for edge in edges:
            name = edge.folder.name
            sha256 = _given(authority, name, line_folder(edge.state, line), clock)
            known = store.current().edges[name]
            await store.admit(replace(known, certificate_sha256=sha256), by=INVITER)


def _given(authority: Authority, edge: str, folder: Path, clock: SystemClock) -> str:
    """Write what an edge has after its enrolment; return its certificate's fingerprint."""
    key = new_key()
    pem, given = authority.issue(request_for(key, edge), edge, clock.now().utc_us)
    authority.settle(edge, given.sha256)
    member = Membership(ROOM, "Sala operativa di prova", edge, (f"{ROOM_ADDRESS}:{ROOM_PORT}",))
    content = pem.encode() + key_pem(key).encode()
    folder.parent.parent.mkdir(parents=True, exist_ok=True)
    keep(folder, Joined(member, content, authority.ca_pem.encode()))
    return given.sha256
