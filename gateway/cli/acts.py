# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco acts`: how acts stand, and a *proroga* entered in a person's name."""

from gateway.cli.control_client import ActsReply, Control
from gateway.cli.person import Person
from gateway.cli.speech import Say


def show(control: Control, say: Say) -> int:
    """Print the acts, and what is switched off and why."""
    for line in words(control.acts(), say):
        print(line)
    return 0


def words(told: ActsReply, say: Say) -> list[str]:
    """Return acts for people, line by line."""
    lines = []
    for act in told.acts:
        left = say(f"{act.days_left} giorni", f"{act.days_left} days")
        until = say(f"fino al {act.last_day}", f"until {act.last_day}")
        lines.append(f"{act.id}: {act.number}, {act.state}, {until} ({left})")
        lines += [
            say(
                f"  prorogato al {one.until} da {one.by} il {one.entered}: {one.reason}",
                f"  extended to {one.until} by {one.by} on {one.entered}: {one.reason}",
            )
            for one in act.extensions
        ]
        if act.dpia_stale:
            lines.append(
                say(
                    f"  ! valutazione d'impatto da rifare: {act.dpia_stale}",
                    f"  ! assessment out of date: {act.dpia_stale}",
                )
            )
    for one in told.resolutions:
        sign = "✓" if one.on else "✗"
        reason = say(one.reason_it, one.reason_en)
        about = f": {reason}" if reason else f" [{one.act}]"
        lines.append(f"{sign} {one.camera} {one.analytic} → {one.recipient}{about}")
    return lines


def extend(control: Control, wish: tuple[str, str, str, str], person: Person, say: Say) -> int:
    """Enter an extension: act, last day, reason, SHA-256 of its document."""
    act, until, reason, document = wish
    body = {"until": until, "reason": reason, "document_sha256": document}
    made = person.sign(lambda who: control.extend(act, body | who), say)
    print(
        say(
            f"{act}: prorogato al {made.until}, a nome di {made.by}",
            f"{act}: extended to {made.until}, in the name of {made.by}",
        )
    )
    return 0
