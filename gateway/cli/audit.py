# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco audit`: verify the access log from its file; export it, which is itself written down."""

import asyncio
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from pwd import getpwuid

from gateway.assembly.offline import export_offline
from gateway.audit.keys import load_key, public_vkey
from gateway.audit.verify import (
    Span,
    SpanReport,
    Trust,
    VerifyReport,
    first_since,
    last_before,
    within,
)
from gateway.audit.verify import verify as verify_ledger
from gateway.cli.ask import control_socket
from gateway.cli.control_client import open_control
from gateway.cli.parser import CONFIG
from gateway.cli.person import Person
from gateway.cli.speech import Say
from gateway.config.load import load
from gateway.config.options import Options
from gateway.config.secrets import resolve
from gateway.console.ledger import instant
from gateway.console.problem import ProblemError
from gateway.console.services import ExportWish
from gateway.console.views import ExportBody
from gateway.model.audit import ExportForm, LedgerQuery
from gateway.model.errors import (
    ConfigError,
    GatewayError,
    LedgerError,
    PeerError,
    StoreError,
    WireError,
)
from gateway.model.time import Moment
from gateway.runtime.clock import SystemClock
from gateway.runtime.documents import read_text
from gateway.wire.checkpoint import VerifierKey, parse_vkey
from gateway.wire.cosignature import parse_witness_key

EXIT_ALTERED = 1
EXIT_UNUSABLE = 2
MOST_FINDINGS = 20
"""Lines printed; the rest is counted."""
_BLOCK_BYTES = 1 << 18
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is verified against what; None: as the configuration says."""

    ledger: Path | None
    key: str | None
    checkpoint: Path | None
    config: Path
    witnesses: tuple[str, ...] = ()
    """Public keys whose cosignatures count."""
    tsa_ca: Path | None = None
    """Roots of the time-stamping authority, PEM."""
    since: str = ""
    """First entry, by number, day or time; empty: of the whole log."""
    until: str = ""
    """Last one."""


def verify(request: VerifyRequest, say: Say) -> int:
    """Verify a log and print what is found; 0 intact, 1 altered, 2 unusable."""
    try:
        path = request.ledger or ledger_path(load(request.config))
        key = _public_key(request)
        held = read_text(request.checkpoint) if request.checkpoint else None
        if not path.is_file():
            raise LedgerError(f"{path}: {say('non esiste', 'does not exist')}")
        span = _span(path, request)
        report = verify_ledger(path, key.public, held, _trust(request))
    except GatewayError as error:
        for line in str(error).splitlines():
            print(f"{say('inutilizzabile', 'unusable')}: {line}", file=sys.stderr)
        return EXIT_UNUSABLE
    if span is not None:
        return _tell_span(report, span, say)
    if report.ok:
        text = say("registro integro", "log intact")
        print(f"{text}: {report.size} {say('voci', 'entries')}, {report.root.hex()}")
        _print_vouchers(report, say)
        return 0
    _print_findings(report, report.problems, say)
    return EXIT_ALTERED


def _span(path: Path, request: VerifyRequest) -> Span | None:
    """Return the period that was asked about, None for the whole log; ConfigError if it is none."""
    since, until = request.since, request.until
    if not (since or until):
        return None
    first, last = 0, None
    if since:
        first = int(since) if _is_number(since) else first_since(path, _time(since, "--from"))
    if until:
        last = int(until) if _is_number(until) else last_before(path, _time(until, "--to"))
    return Span(first, last)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def _time(text: str, option: str) -> int:
    """Return a time in us since 1970; the end of the day for `--to`."""
    try:
        return instant(text, end=option == "--to")
    except ProblemError as error:
        advice = "write the number of an entry, 2026-11-22 or 2026-11-22T10:00:00+01:00"
        raise ConfigError(
            "varco audit verify", option, "is no entry and no time", advice
        ) from error


def _tell_span(report: VerifyReport, span: Span, say: Say) -> int:
    """Print what concerns a period; what else is wrong is said in one line."""
    found = within(report, span)
    end = report.end - 1 if span.last is None else span.last
    period = f"{span.first}–{end}" if span.first <= end else say("nessuna voce", "no entry")
    if found.ok:
        print(f"{say('periodo integro', 'period intact')}: {period}")
        if span.first < report.start <= end:
            words = say("voci eliminate a fine termine", "entries dropped at the end of their term")
            print(f"{words}: {span.first}–{report.start - 1}")
        _print_vouchers(report, say)
    else:
        print(f"{say('periodo', 'period')}: {period}")
        _print_findings(found, report.problems - found.outside, say)
    if found.outside:
        words = say("ATTENZIONE, anomalie fuori dal periodo", "WARNING, found outside the period")
        print(f"{words}: {found.outside}")
    return 0 if found.ok else EXIT_ALTERED


def _print_vouchers(report: VerifyReport, say: Say) -> None:
    """Print who else vouches for the log, and how much of it nobody does."""
    for one in report.witnessed:
        at = Moment(0.0, one.utc_s * 1_000_000).iso()
        print(
            f"{say('testimone', 'witness')} {one.name}: {one.size} {say('voci', 'entries')}, {at}"
        )
    if report.stamped is not None:
        at = Moment(0.0, report.stamped.utc_us).iso()
        words = say("marca temporale", "time stamp")
        print(f"{words}: {report.stamped.size} {say('voci', 'entries')}, {at}")
    if report.exposed:
        words = say(
            "voci finali di cui risponde solo chi ha la chiave",
            "last entries that only the holder of the key vouches for",
        )
        print(f"{words}: {report.exposed}")


def _print_findings(report: VerifyReport | SpanReport, problems: int, say: Say) -> None:
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
    more = problems - MOST_FINDINGS
    if more > 0:
        print(say(f"  … e altre {more} anomalie", f"  … and {more} more"))


def ledger_path(options: Options) -> Path:
    """Return where the daemon keeps the log."""
    return options.box.state_dir / "ledger.db"


def _trust(request: VerifyRequest) -> Trust:
    """Return who is believed: whom the request names, else those of the configuration."""
    names, roots = request.witnesses, request.tsa_ca
    if not (names or roots or request.ledger):
        ledger = load(request.config).ledger
        names, roots = tuple(one.key for one in ledger.witnesses), ledger.timestamp_ca
    try:
        keys = tuple(parse_witness_key(name) for name in names)
    except WireError as error:
        advice = "write it as the witness prints it, name+hash+base64"
        problem = f"is not the public key of a witness: {error}"
        raise ConfigError("varco audit verify", "--witness", problem, advice) from error
    return Trust(keys, read_text(roots).encode() if roots else b"")


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


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What was typed."""

    user: str
    """Account that asks; empty with `offline`."""
    wish: dict[str, object]
    """As the console's body of an export."""
    out: Path | None
    from_stdin: bool
    offline: str
    """Reason for exporting while the service is stopped; empty: ask the service."""
    socket: Path | None
    config: Path | None


def export(request: ExportRequest, say: Say) -> int:
    """Have entries exported by the service, to a named person; 0 written, 2 refused."""
    if not (request.offline or request.user):
        print(say("manca --user: chi chiede?", "--user is missing: who asks?"), file=sys.stderr)
        return EXIT_UNUSABLE
    try:
        return (_export_offline if request.offline else _export_online)(request, say)
    except (PeerError, StoreError) as error:
        print(f"{say('inutilizzabile', 'unusable')}: {error}", file=sys.stderr)
        return EXIT_UNUSABLE


def _export_online(request: ExportRequest, say: Say) -> int:
    def take(name: str, digest: str, blocks: Iterator[bytes]) -> None:
        _write(request.out or Path(_bare(name)), blocks, digest, say)

    with open_control(control_socket(request.socket, request.config)) as control:
        person = Person(request.user, request.from_stdin)
        person.sign(lambda who: control.export_ledger(request.wish | who, take), say)
    return 0


def _export_offline(request: ExportRequest, say: Say) -> int:
    """Export with the service stopped: an entry says who and why, before anything leaves."""
    config = request.config or CONFIG
    options = load(config)
    who = getpwuid(os.getuid()).pw_name
    body = ExportBody.model_validate(request.wish | {"aim": ""})
    query = LedgerQuery(
        body.person, body.camera, body.case, body.event, instant(body.from_), _end(body.to)
    )
    wish = ExportWish(query, ExportForm(body.format), body.year, body.bom)
    why = (who, request.offline)
    made = asyncio.run(export_offline(options, config, wish, why, SystemClock()))
    with made.file as file:
        blocks = iter(lambda: file.read(_BLOCK_BYTES), b"")
        _write(request.out or Path(made.name), blocks, made.sha256, say)
    return 0


def _end(text: str) -> int:
    return instant(text, end=True)


def _bare(name: str) -> str:
    """Return a file's name without any folder; what a socket says is not believed."""
    bare = Path(name).name
    return bare if bare and not bare.startswith(".") else "varco-registro"


def _write(path: Path, blocks: Iterator[bytes], digest: str, say: Say) -> None:
    """Write a new file that only its owner may read, and say what it is."""
    hashed, long = sha256(), 0
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            for block in blocks:
                hashed.update(block)
                long += file.write(block)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    if digest != hashed.hexdigest():
        path.unlink()
        raise StoreError(f"{path}: {say('arrivato incompleto', 'came incomplete')}")
    print(f"{path}: {long} {say('byte', 'bytes')}, SHA-256 {digest}")
