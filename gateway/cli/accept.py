# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco accept CAMERA`: the acceptance sheet, as JSON and as a page to be printed and signed."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.control_client import Control
from gateway.cli.person import Person
from gateway.cli.progress import Progress
from gateway.cli.speech import Say
from gateway.ingest import acceptance
from gateway.ingest.acceptance import Mark, Sheet
from gateway.model.errors import PeerError, StoreError
from gateway.runtime.clock import SystemClock

EXIT_FAIL = 1
EXIT_UNUSABLE = 2
_SIGNS = {Mark.PASS: "✓", Mark.WARN: "!", Mark.FAIL: "✗"}


@dataclass(frozen=True, slots=True)
class AcceptRequest:
    """What was typed."""

    camera: str
    installer: str
    """Account under which the picture is taken."""
    from_stdin: bool
    seconds: float
    clear_reason: str
    json: Path | None
    html: Path | None


def accept(control: Control, request: AcceptRequest, say: Say) -> int:
    """Make a sheet and write it; 0 passed, 1 failed, 2 no sheet could be made."""
    progress = Progress(say, sys.stderr, SystemClock())
    wish = {
        "camera": request.camera,
        "seconds": request.seconds,
        "clear_reason": request.clear_reason,
    }
    try:
        person = Person(request.installer, request.from_stdin)
        sheet, page = person.sign(lambda who: control.accept(wish | who, progress), say)
    except PeerError as error:
        progress.clear()
        print(f"{say('inutilizzabile', 'unusable')}: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    progress.clear()
    for path, text in ((request.json, acceptance.dump(sheet) + "\n"), (request.html, page)):
        if path is not None:
            _write(path, text)
    for line in words(sheet, say):
        print(line)
    return 0 if sheet.passed else EXIT_FAIL


def words(sheet: Sheet, say: Say) -> list[str]:
    """Return a sheet for people, line by line."""
    told = [f"{sheet.name} ({sheet.camera}), {sheet.site}, {sheet.controller}"]
    told += [
        f"{_SIGNS[row.mark]} {say(row.title_it, row.title_en)}: {row.value}, "
        f"{say(row.reason_it, row.reason_en)} [{row.requirement}]"
        for row in sheet.rows
    ]
    verdicts = {
        Mark.PASS: say("CONFORME", "PASSED"),
        Mark.WARN: say("CONFORME CON OSSERVAZIONI", "PASSED WITH REMARKS"),
        Mark.FAIL: say("NON CONFORME", "FAILED"),
    }
    return [*told, verdicts[sheet.mark]]


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner may read: there is a picture in it."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
