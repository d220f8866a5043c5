# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco plates list|import|add|remove`: lists of plates that are sought, without the plates.

A plate is typed or read from standard input: words of a command stand in histories and in `ps`.
"""

import base64
import getpass
import sys
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.control_client import Control, HotListEntryReply, HotListReply
from gateway.cli.person import Person
from gateway.cli.speech import Say
from gateway.model.errors import ConfigError

_RAW_BYTES = 64
"""An Ed25519 signature; anything else is taken for its base64."""
KINDS = {
    "A1": ("rubati", "stolen"),
    "A2": ("senza revisione", "no inspection"),
    "C": ("segnalati", "reported"),
    "locale": ("locale", "local"),
}


@dataclass(frozen=True, slots=True)
class Why:
    """Why somebody touches a plate."""

    purpose: str
    case: str
    reason: str

    def body(self) -> dict[str, str]:
        """Return it as the daemon takes it."""
        return {"purpose": self.purpose, "case": self.case, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """What is to be sought, without the plate."""

    country: str
    act: str
    requester: str
    until: str
    label: str


def show(control: Control, say: Say) -> int:
    """Print which lists there are."""
    found = control.hotlists()
    if found.problem:
        print(found.problem, file=sys.stderr)
    for one in found.lists:
        print(words(one, say))
    if not found.lists:
        print(say("nessuna lista ricevuta", "no list was received"))
    return 1 if found.problem else 0


def words(one: HotListReply, say: Say) -> str:
    """Return a list for people, in one line."""
    kind = say(*KINDS.get(one.kind, (one.kind, one.kind)))
    count = say(f"{one.entries} voci", f"{one.entries} entries")
    ends = say(f"scadono dal {one.first_end}", f"ending from {one.first_end}")
    sent = say(
        f"consegna {one.sequence} del {one.issued}", f"delivery {one.sequence}, {one.issued}"
    )
    told = f"{one.kind} ({kind}) {one.source}: {count}"
    return ", ".join([told, *([ends] if one.entries else []), sent, one.act])


def import_list(
    control: Control, files: tuple[Path, Path], why: Why, person: Person, say: Say
) -> int:
    """Have a signed list taken over; `files`: the list and its signature."""
    document, signature = (_read(path) for path in files)
    text = signature if len(signature) != _RAW_BYTES else base64.b64encode(signature)
    wish = why.body() | {
        "document": base64.b64encode(document).decode(),
        "signature": text.decode("ascii", "replace").strip()[:200],
    }
    done = person.sign(lambda who: control.import_hotlist(wish | who), say)
    head = say(f"{done.source} {done.kind}, consegna {done.sequence}",
               f"{done.source} {done.kind}, delivery {done.sequence}")  # fmt: skip
    removed, over = done.removed, done.over
    counts = say(f"{done.added} voci, {removed} tolte, {over} già scadute",
                 f"{done.added} entries, {removed} removed, {over} over already")  # fmt: skip
    print(f"{head}: {counts}")
    return 0


def add(control: Control, entry: LocalEntry, why: Why, person: Person, say: Say) -> int:
    """Ask for a local entry in a person's name; the plate is typed."""
    if person.from_stdin:
        plate = sys.stdin.readline().strip()
    else:
        plate = getpass.getpass(say("Targa: ", "Plate: ")).strip()
    wish = why.body() | {
        "plate": plate, "country": entry.country, "act": entry.act, "requester": entry.requester,
        "until": entry.until, "label": entry.label,
    }  # fmt: skip
    made = person.sign(lambda who: control.add_hotlist_entry(wish | who), say)
    print(_told(made, say("attende l'approvazione di un'altra persona",
                          "waits for another person's approval")))  # fmt: skip
    return 0


def remove(control: Control, entry: str, reason: str, person: Person, say: Say) -> int:
    """Have an entry deleted in a person's name."""
    gone = person.sign(
        lambda who: control.remove_hotlist_entry(entry, {"reason": reason} | who), say
    )
    print(_told(gone, say("tolta", "removed")))
    return 0


def _told(one: HotListEntryReply, what: str) -> str:
    return f"{one.id} [{one.kind}] {one.until}: {what}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(str(path), "", error.strerror or "cannot be read") from error
