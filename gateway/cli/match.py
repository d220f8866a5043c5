# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco audit match`: whether a room's log and an edge's tell the same."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.audit import varco_verify
from gateway.audit.entry import LedgerEntry, read_entry
from gateway.audit.match import TOLERANCE_S, WORDS, Difference, Matching, match
from gateway.cli.speech import Say
from gateway.model.errors import GatewayError, LedgerError
from gateway.model.time import ROME, Moment

EXIT_DIFFERENT: Final = 1
EXIT_UNUSABLE: Final = 2
MOST_LINES: Final = 20
"""Findings of one kind that are printed; the rest is counted."""


@dataclass(frozen=True, slots=True)
class MatchRequest:
    """What was typed."""

    room: Path
    edge: Path
    edge_id: str = ""
    tolerance_s: float = TOLERANCE_S
    room_key: str = ""
    """Public keys, as text or files; empty: those that came with the exports."""
    edge_key: str = ""


def run(request: MatchRequest, say: Say) -> int:
    """Match two exports and print what is found; 0 the same, 1 not, 2 unusable."""
    try:
        room = _verified(request.room, request.room_key, say)
        edge = _verified(request.edge, request.edge_key, say)
        if room is None or edge is None:
            return EXIT_DIFFERENT
        origin = str(room.manifest.get("origin", ""))
        found = match(_entries(room), _entries(edge), origin, request.edge_id, request.tolerance_s)
    except varco_verify.UnusableError as error:
        text = say(error.it, error.en)
        print(f"{say('inutilizzabile', 'unusable')}: {text}", file=sys.stderr)
        return EXIT_UNUSABLE
    except GatewayError as error:
        print(f"{say('inutilizzabile', 'unusable')}: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    _print(found, say)
    return 0 if found.ok else EXIT_DIFFERENT


def _verified(path: Path, key: str, say: Say) -> varco_verify.Export | None:
    """Return an export whose own proofs hold; None, with what is wrong printed, if they do not."""
    wish = argparse.Namespace(key=key, held=[], witness=[], tsa_ca="")
    report = varco_verify.verify(str(path), wish)
    if report.problems:
        print(f"{path}:")
        print("\n".join(varco_verify.render(report, say)))
        return None
    kind = say(
        "estratto" if report.kind == "extract" else "registro",
        "extract" if report.kind == "extract" else "log",
    )
    proven = "" if key else say(" (chiave dell'esportazione)", " (key of the export)")
    print(f"{path}: {kind} {report.origin}, {report.entries} {say('voci', 'entries')}{proven}")
    folder = path.is_dir()
    files = varco_verify.Folder(str(path)) if folder else varco_verify.Zip(str(path))
    return varco_verify.Export(files)


def _entries(export: varco_verify.Export) -> Iterator[LedgerEntry]:
    for line in export.lines():
        try:
            yield read_entry(line.header, {name: value for _, name, _, value in line.opened})
        except LedgerError as error:
            raise LedgerError(f"{error} ({line.seq})") from error


def _print(found: Matching, say: Say) -> None:
    different = [one for one in found.pairs if one.differences]
    counts = (
        (len(found.pairs), say("visioni in entrambi i registri", "looks in both logs")),
        (found.refused, say("negate dalla sede", "refused by the edge")),
        (found.empty, say("senza alcuna immagine", "without any picture")),
        (found.others, say("di altre sale o sedi", "of other rooms or edges")),
    )
    for number, words in counts:
        if number or words is counts[0][1]:
            print(f"{number} {words}")
    for pair in different[:MOST_LINES]:
        for one in pair.differences:
            place = f"{_name(pair.room, say)} / {say('sede', 'edge')} {pair.edges[0].seq}"
            print(f"{say('DIVERSE', 'DIFFERENT')}: {place}: {_difference(one, say)}")
    _more(len(different), say)
    for words, entries in (
        (say("SOLO NELLA SALA", "ONLY IN THE ROOM"), found.only_room),
        (say("SOLO NELLA SEDE", "ONLY AT THE EDGE"), found.only_edge),
    ):
        for entry in entries[:MOST_LINES]:
            print(f"{words}: {_name(entry, say)}")
        _more(len(entries), say)
    print(
        say("i due registri concordano", "the two logs agree")
        if found.ok
        else say("I DUE REGISTRI NON CONCORDANO", "THE TWO LOGS DO NOT AGREE")
    )


def _more(number: int, say: Say) -> None:
    if number > MOST_LINES:
        more = number - MOST_LINES
        print(say(f"  … e altre {more}", f"  … and {more} more"))


def _name(entry: LedgerEntry, say: Say) -> str:
    event = entry.event
    words = f"{say('voce', 'entry')} {entry.seq}, {_when(entry.utc_us)}, {event.object_id}"
    return f"{words}, {say('caso', 'case')} {event.case_ref}" if event.case_ref else words


def _difference(one: Difference, say: Say) -> str:
    room, edge = one.room, one.edge
    if one.name == "time":
        room, edge = _when(int(room)), _when(int(edge))
    words = say(*WORDS[one.name])
    return f"{words}: {say('sala', 'room')} «{room}», {say('sede', 'edge')} «{edge}»"


def _when(utc_us: int) -> str:
    return Moment(0.0, utc_us).utc().astimezone(ROME).strftime("%d/%m/%Y %H:%M:%S")
