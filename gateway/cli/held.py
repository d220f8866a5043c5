# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco registry held|approve|reject`: changes that wait for two people."""

from gateway.cli.control_client import Control, HeldReply
from gateway.cli.person import Person
from gateway.cli.speech import Say

EXIT_GROWN = 1


def show(control: Control, say: Say) -> int:
    """Print the held changes."""
    found = control.held().held
    for one in found:
        for line in words(one, say):
            print(line)
    if not found:
        print(say("nessuna modifica in attesa", "no change waits"))
    return 0


def words(one: HeldReply, say: Say) -> list[str]:
    """Return a held change for people, line by line."""
    asked = say(f"chiesta da {one.by}", f"asked by {one.by}")
    lines = [f"{one.id} [{one.state}] {one.utc}, {asked}, {one.where}"]
    lines += [f"  + {say(wide.text_it, wide.text_en)} [{wide.act}]" for wide in one.widenings]
    people = ", ".join(each.by for each in one.approvals) or "–"
    told = f"{len(one.approvals)}/{one.needed}: {people}"
    return [*lines, say(f"  approvazioni {told}", f"  approvals {told}")]


def judge(
    control: Control, held_id: str, reason: str, person: Person, say: Say, *, agree: bool
) -> int:
    """Approve or reject one in a person's name; 1 if it has to be read anew."""
    one = person.sign(
        lambda who: control.judge(held_id, {"reason": reason} | who, agree=agree), say
    )
    for line in words(one, say):
        print(line)
    if not one.grown:
        return 0
    print(
        say(
            "Sul registro attuale apre più di quanto approvato: va riletta e riapprovata.",
            "By the registry in force it opens more than was approved: read and approve it anew.",
        )
    )
    return EXIT_GROWN
