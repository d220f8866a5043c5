# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco link`: lines between edges and rooms, in words; inviting, joining, revoking."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from gateway.audit.keys import load_key, public_vkey
from gateway.cli.control_client import Control, InvitationReply, LineReply
from gateway.cli.person import Person
from gateway.cli.speech import Say
from gateway.config.load import line_folder, load
from gateway.config.options import Options
from gateway.config.secrets import resolve
from gateway.model.errors import ConfigError, CredentialError, PeerError, RefusedError
from gateway.model.identifiers import ID_FORM
from gateway.model.room import LineState
from gateway.room.enrolment import Membership, join, keep
from gateway.room.invitations import read_code
from gateway.runtime.clock import SystemClock

EXIT_REFUSED = 1
STATES = {
    LineState.NOT_ENROLLED.value: ("da associare", "not enrolled"),
    LineState.CONNECTING.value: ("in collegamento", "connecting"),
    LineState.UP.value: ("attivo", "up"),
    LineState.SILENT.value: ("muto: aperto, ma non arriva nulla", "silent: open, nothing comes"),
    LineState.DOWN.value: ("interrotto", "down"),
    LineState.REFUSED.value: ("rifiutato", "refused"),
}
SIGNS = {
    LineState.UP.value: "✓",
    LineState.CONNECTING.value: "…",
    LineState.NOT_ENROLLED.value: "·",
}
REFUSALS = {
    "code-unknown": ("la sala non conosce questo codice", "the room does not know this code"),
    "code-used": ("il codice è già stato usato", "the code was used already"),
    "code-expired": ("il codice è scaduto: valeva 24 ore", "the code is over: it had 24 hours"),
    "code-replaced": ("un invito più recente lo sostituisce", "a newer invitation replaces it"),
    "code-withdrawn": ("la sala ha revocato questa sede", "the room has revoked this edge"),
    "code-void": ("annullato dopo più tentativi errati", "void after several wrong tries"),
    "name": ("l'invito è per un'altra sede", "the invitation is for another edge"),
    "edge-gone": ("la sala non ammette più questa sede", "the room lets this edge in no more"),
    "busy": ("la sala è occupata, o troppi tentativi: riprovare fra dieci minuti",
             "the room is busy, or too many tries: try again in ten minutes"),
    "unavailable": ("la sala ora non può associare nessuno", "the room can enrol nobody now"),
}  # fmt: skip
"""Codes of `gateway.room.enrolment`."""


def show(control: Control, say: Say) -> int:
    """Print every line."""
    told = control.lines()
    for one in told.lines:
        for line in words(one, say):
            print(line)
    if not told.lines:
        print(
            say(
                "nessun collegamento: [room] e [[uplink]] in gateway.toml li descrivono",
                "no line: [room] and [[uplink]] in gateway.toml describe them",
            )
        )
    return 0


def words(one: LineReply, say: Say) -> list[str]:
    """Return one line for people."""
    at = say("sala", "room") if one.side == "room" else say("sede", "edge")
    state = say(*STATES.get(one.state, (one.state, one.state)))
    if not one.enabled:
        state = say("revocato", "revoked")
    sign = SIGNS.get(one.state, "✗") if one.enabled else "✗"
    since = f", {say('dal', 'since')} {_clock(one.since_utc)}" if one.since_utc else ""
    lines = [f"{sign} {one.id} ({at}, {one.name}): {state}{since}"]
    if one.problem and one.state != LineState.UP.value:
        lines.append(f"  {one.problem}")
    if one.state == LineState.UP.value:
        delay = say(f"ritardo {one.round_trip_ms:.0f} ms", f"delay {one.round_trip_ms:.0f} ms")
        clock = say("orologio", "clock")
        streams = say(f"{one.streams} flussi", f"{one.streams} streams")
        lines.append(f"  {one.address}, {delay}, {clock} {one.clock_offset_ms:+.0f} ms, {streams}")
    if one.reduced:
        names = ", ".join(each.name for each in one.reduced)
        lines.append(say(f"  flusso ridotto: {names}", f"  small stream: {names}"))
    if one.invited_until:
        until = _clock(one.invited_until)
        lines.append(say(f"  invito aperto fino al {until}", f"  invited until {until}"))
    if one.certificate_until:
        day = one.certificate_until[:10]
        lines.append(say(f"  certificato fino al {day}", f"  certificate until {day}"))
    return lines


def _clock(utc: str) -> str:
    """Return a time of the box as the machine's people read it."""
    try:
        return datetime.fromisoformat(utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return utc


def invite(
    control: Control, wish: tuple[str, str, tuple[str, ...]], person: Person, say: Say
) -> int:
    """Invite an edge: its id, its name, who may know of it; print the code once."""
    edge, name, organisations = wish
    body: dict[str, object] = {"edge": edge, "name": name, "organisations": list(organisations)}

    def send(who: dict[str, str]) -> InvitationReply:
        return control.invite(body | who)

    made = person.sign(send, say)
    until = _clock(made.expires)
    print(
        say(
            f"{edge}: invito valido fino al {until}, una volta sola. Da consegnare alla sede:",
            f"{edge}: invitation until {until}, for once. To be handed to the edge:",
        )
    )
    print(f"\n  varco link join --as {say('SALA', 'ROOM')} \\\n    {made.code}\n")
    if made.kept:
        print(_still_known(made.kept, say))
    return 0


def _still_known(kept: int, say: Say) -> str:
    """Return who knows of an edge although the invitation did not name them."""
    if kept == 1:
        return say(
            "Un'altra organizzazione la conosce ancora:"
            " la toglie solo l'amministratore di sistema.",
            "One other organisation knows of it still: only the sysadmin takes it away.",
        )
    return say(
        f"Altre {kept} organizzazioni la conoscono ancora:"
        " le toglie solo l'amministratore di sistema.",
        f"{kept} other organisations know of it still: only the sysadmin takes them away.",
    )


def revoke(control: Control, edge: str, person: Person, say: Say) -> int:
    """Let an edge in no more."""
    person.sign(lambda who: control.revoke(edge, who), say)
    print(
        say(
            f"{edge}: revocata; le sue immagini sono spente",
            f"{edge}: revoked; its pictures are dark",
        )
    )
    return 0


def join_room(code: str, name: str, config: Path, say: Say) -> int:
    """Enrol this box with the room of a code; also while the daemon is stopped.

    A running daemon sees the new files by itself: they are read at each dial. 1: the room refuses.
    """
    if not ID_FORM.match(name):
        advice = "write 1 to 64 of a-z, 0-9 and -"
        raise ConfigError("varco link join", "--as", "is not a name of a line", advice)
    options = load(config)
    wanted = read_code(code or _typed(say))
    if wanted.edge != options.box.id:
        problem = f"the invitation is for {wanted.edge}, this box is {options.box.id}"
        raise ConfigError(str(config), "box.id", problem, "ask the room for one of this name")
    _must_have_been_started(options)
    vkey = _vkey(options, str(config))
    try:
        joined = asyncio.run(join(wanted, vkey, SystemClock().now().utc_us))
    except RefusedError as error:
        reason = say(*REFUSALS.get(error.code, (str(error), str(error))))
        print(f"{say('rifiutato', 'refused')}: {reason} [{error.code}]", file=sys.stderr)
        return EXIT_REFUSED
    except CredentialError as error:
        warning = say(
            "chi risponde non è la sala dell'invito: non ha ricevuto nulla",
            "whoever answers is not the room of the invitation: it was told nothing",
        )
        raise PeerError(f"{warning} ({error})") from error
    keep(line_folder(options.box.state_dir, name), joined)
    _tell(joined.membership, name, options, say)
    return 0


def _typed(say: Say) -> str:
    if sys.stdin.isatty():
        print(say("Codice dell'invito: ", "Code: "), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()


def _must_have_been_started(options: Options) -> None:
    """Have the state directory made by the daemon, whose files ours have to be."""
    if not options.box.state_dir.is_dir():
        advice = "start the service once: systemctl start varco"
        raise ConfigError(str(options.box.state_dir), "box.state_dir", "is not there yet", advice)


def _vkey(options: Options, where: str) -> str:
    """Return the key of our log, where it can be read from here; else the line tells it later."""
    path = options.box.state_dir / "ledger.key"
    try:
        if options.ledger.key:
            secret = resolve(options.ledger.key, where=where, key="ledger.key")
        else:
            secret = path.read_text()
        return public_vkey(options.ledger.origin, load_key(secret, where=where))
    except (ConfigError, OSError):
        return ""


def _tell(member: Membership, name: str, options: Options, say: Say) -> None:
    print(
        say(
            f"associato a {member.name} ({member.room}) come {member.edge}; "
            f"collegamento {name}: {', '.join(member.addresses)}",
            f"enrolled with {member.name} ({member.room}) as {member.edge}; "
            f"line {name}: {', '.join(member.addresses)}",
        )
    )
    if name in {one.name for one in options.uplinks}:
        print(say("Il servizio si collega da solo.", "The service dials by itself."))
        return
    print(
        say(
            "Manca ancora in gateway.toml (poi riavviare il servizio):",
            "gateway.toml still lacks (then restart the service):",
        )
    )
    print(f'\n[[uplink]]\nname = "{name}"\nrecipient = "…"\n')
