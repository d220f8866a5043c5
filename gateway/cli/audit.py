# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco audit`: read the access log from its file, without the daemon and without writing."""

import json
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.entry import PERSONAL, LedgerEntry
from gateway.audit.keys import load_key, public_vkey
from gateway.audit.tables import read_entries
from gateway.audit.verify import VerifyReport
from gateway.audit.verify import verify as verify_ledger
from gateway.cli.speech import Say
from gateway.config.load import load
from gateway.config.options import Options
from gateway.config.secrets import resolve
from gateway.model.errors import ConfigError, GatewayError, LedgerError, WireError
from gateway.runtime.documents import read_text
from gateway.wire.checkpoint import VerifierKey, parse_vkey

EXIT_ALTERED = 1
EXIT_UNUSABLE = 2
MOST_FINDINGS = 20
"""Lines printed; the rest is counted."""
PAGE = 500


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is verified against what; None: as the configuration says."""

    ledger: Path | None
    key: str | None
    checkpoint: Path | None
    config: Path


def verify(request: VerifyRequest, say: Say) -> int:
    """Verify a log and print what is found; 0 intact, 1 altered, 2 unusable."""
    try:
        path = request.ledger or ledger_path(load(request.config))
        key = _public_key(request)
        held = read_text(request.checkpoint) if request.checkpoint else None
        if not path.is_file():
            raise LedgerError(f"{path}: {say('non esiste', 'does not exist')}")
        report = verify_ledger(path, key.public, held)
    except GatewayError as error:
        for line in str(error).splitlines():
            print(f"{say('inutilizzabile', 'unusable')}: {line}", file=sys.stderr)
        return EXIT_UNUSABLE
    if report.ok:
        text = say("registro integro", "log intact")
        print(f"{text}: {report.size} {say('voci', 'entries')}, {report.root.hex()}")
        return 0
    _print_findings(report, say)
    return EXIT_ALTERED


def _print_findings(report: VerifyReport, say: Say) -> None:
    """Print the first bad entry and the missing ranges, then the findings up to a bound."""
    print(say("REGISTRO ALTERATO", "LOG ALTERED"))
    if report.first_bad is not None:
        print(f"{say('prima voce alterata', 'first altered entry')}: {report.first_bad}")
    if report.missing:
        spans = (
            f"{first}" if first == last else f"{first}–{last}" for first, last in report.missing
        )
        print(f"{say('voci mancanti', 'missing entries')}: {', '.join(spans)}")
    for finding in report.findings[:MOST_FINDINGS]:
        name = (
            f"{say('voce', 'entry')} {finding.seq}" if finding.seq >= 0 else say("registro", "log")
        )
        print(f"  {name}: {finding.problem}")
    more = report.problems - MOST_FINDINGS
    if more > 0:
        print(say(f"  … e altre {more} anomalie", f"  … and {more} more"))


def ledger_path(options: Options) -> Path:
    """Return where the daemon keeps the log."""
    return options.box.state_dir / "ledger.db"


def _public_key(request: VerifyRequest) -> VerifierKey:
    """Return the key that was given, as text or file; else that of the configuration."""
    if request.key is None:
        return parse_vkey(_own_vkey(request.config))
    looks_like_key = "+" in request.key and not Path(request.key).exists()
    text = request.key if looks_like_key else read_text(Path(request.key))
    try:
        return parse_vkey(text)
    except WireError as error:
        advice = "write it as `varco audit key` prints it, name+hash+base64"
        problem = f"is not the public key of a log: {error}"
        raise ConfigError("varco audit verify", "--key", problem, advice) from error


def _own_vkey(config: Path) -> str:
    options = load(config)
    where, key = str(config), "ledger.key"
    if options.ledger.key:
        secret = resolve(options.ledger.key, where=where, key=key)
    else:
        secret = _made_key(options.box.state_dir / "ledger.key")
    return public_vkey(options.ledger.origin, load_key(secret, where=where, key=key))


def _made_key(path: Path) -> str:
    """Return the key that the service made under its own user; root may read it all the same."""
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(str(path), "", "others may read it", f"run: chmod 600 {path}")
    return read_text(path)


def print_key(config: Path) -> int:
    """Print the log's public key (C2SP vkey), to be handed to auditors."""
    print(_own_vkey(config))
    return 0


def export(ledger: Path | None, config: Path, say: Say) -> int:
    """Print every entry as one JSON line: the header as signed, and the personal values kept."""
    path = ledger or ledger_path(load(config))
    try:
        for entry in _entries(path):
            print(_line(entry))
    except (sqlite3.Error, LedgerError) as error:
        print(f"{say('inutilizzabile', 'unusable')}: {path}: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    return 0


def _entries(path: Path) -> Iterator[LedgerEntry]:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        after = -1
        while page := read_entries(connection, after, PAGE):
            yield from page
            after = page[-1].seq


def _line(entry: LedgerEntry) -> str:
    values = {name: getattr(entry.event, name) for name in PERSONAL}
    opened = {name: value for name, value in values.items() if value}
    record = {"header": json.loads(entry.header), "opened": opened}
    return json.dumps(record, ensure_ascii=False, sort_keys=True)
