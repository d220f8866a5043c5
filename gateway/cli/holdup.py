# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco holdup`: buttons of hold-up channels, tests, and the six-monthly report (B-27)."""

from gateway.cli.control_client import Control, HoldupReportReply
from gateway.cli.speech import Say


def show(control: Control, say: Say) -> int:
    """Print every channel and its buttons."""
    found = control.holdups()
    for one in found:
        devices = ", ".join(one.devices) or say("nessun pulsante", "no button")
        print(f"{one.id} ({one.name}, {one.site}): {devices}")
    if not found:
        print(say("nessun canale antirapina", "no hold-up channel"))
    return 0


def token(control: Control, channel: str, device: str, say: Say, *, revoke: bool) -> int:
    """Print a button's new secret, this once, or take it back."""
    made = control.holdup_token(channel, device, revoke=revoke)
    if not made:
        print(say(f"{channel}: {device} ritirato", f"{channel}: {device} taken back"))
        return 0
    print(
        say(
            f"{channel}: segreto di «{device}», mostrato solo ora. Il pulsante invia:",
            f"{channel}: secret of “{device}”, shown only now. The button sends:",
        )
    )
    print(f"\n  POST /api/holdup/{channel}\n  Authorization: Bearer {made}\n")
    return 0


def test(control: Control, channel: str, say: Say) -> int:
    """Set a channel off as an exercise."""
    made = control.holdup_test(channel)
    print(
        say(
            f"{channel}: prova inviata alle {made.raised}, allarme {made.alarm}",
            f"{channel}: test sent at {made.raised}, alarm {made.alarm}",
        )
    )
    return 0


def report(control: Control, period: tuple[str, str], say: Say, *, as_json: bool) -> int:
    """Print what the channels did in a period."""
    made = control.holdup_report(*period)
    if as_json:
        print(made.model_dump_json(indent=2))
        return 0
    print(say(f"Antirapina dal {period[0]} al {period[1]}", f"Hold-ups {period[0]} to {period[1]}"))
    for line in words(made, say):
        print(line)
    return 0


def words(made: HoldupReportReply, say: Say) -> list[str]:
    """Return a report for people, line by line."""
    lines = [
        say(
            f"{one.id} ({one.name}): {one.triggers} allarmi ({one.presses} pressioni),"
            f" {one.tests} prove, {one.undelivered} non consegnati",
            f"{one.id} ({one.name}): {one.triggers} alarms ({one.presses} presses),"
            f" {one.tests} tests, {one.undelivered} undelivered",
        )
        for one in made.channels
    ]
    for one in made.cases:
        kind = say("prova", "test") if one.exercise else say("allarme", "alarm")
        lines.append(
            f"  {one.raised} {one.holdup} {kind} [{', '.join(one.sources)}]"
            f" {one.rooms_s:.2f} s · {say('verifica', 'verification')}: {one.verification}"
            f" · {say('esito', 'verdict')}: {one.verdict}"
        )
    if not made.count:
        lines.append(say("nessun tempo misurato", "no time measured"))
        return lines
    sign = "✓" if made.in_time else "✗"
    lines.append(
        say(
            f"{sign} dal comando alla sala: mediana {made.p50_s:.2f} s, 95° percentile"
            f" {made.p95_s:.2f} s su {made.count} (limite 2 s)",
            f"{sign} press to room: median {made.p50_s:.2f} s, 95th percentile"
            f" {made.p95_s:.2f} s of {made.count} (bound 2 s)",
        )
    )
    return lines
