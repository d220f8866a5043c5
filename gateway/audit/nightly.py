# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`python -m gateway.audit.nightly`: the log's own verification, in a process that yields to all.

Reads one JSON request on standard input, writes one JSON answer. A child process, since a minute
of hashing beside the loop would stall pictures.
"""

import base64
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.audit.verify import Trust, VerifyReport, verify
from gateway.model.errors import LedgerError
from gateway.wire.cosignature import parse_witness_key

NICE = 19
MOST_ANSWER_BYTES = 1 << 20
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Verified:
    """What the child found; the file has the rest."""

    ok: bool
    size: int
    start: int
    exposed: int
    first_bad: int | None
    problems: tuple[str, ...]
    """The first ones."""


def request_of(path: Path, public: bytes, held: str, witnesses: tuple[str, ...], ca: bytes) -> str:
    """Return what the child reads; `witnesses` are vkeys, `ca` is PEM text."""
    return json.dumps(
        {
            "path": str(path),
            "public": public.hex(),
            "held": held,
            "witnesses": witnesses,
            "ca": base64.b64encode(ca).decode(),
        }
    )


def answer_of(text: bytes) -> Verified:
    """Return what the child wrote; LedgerError if it wrote nothing of the kind."""
    try:
        record = json.loads(text)
        return Verified(**record | {"problems": tuple(record["problems"])})
    except (ValueError, TypeError, KeyError) as error:
        raise LedgerError(f"ledger: verification gave no answer: {error!r}") from error


def main() -> int:
    """Verify as asked; 0 even if the log is altered, since that is an answer."""
    os.nice(NICE)
    asked = json.load(sys.stdin)
    trust = Trust(
        tuple(parse_witness_key(one) for one in asked["witnesses"]), base64.b64decode(asked["ca"])
    )
    path, public = Path(asked["path"]), bytes.fromhex(asked["public"])
    report = verify(path, public, asked["held"] or None, trust)
    json.dump(asdict(_summary(report)), sys.stdout)
    return 0


def _summary(report: VerifyReport) -> Verified:
    told = tuple(one.problem for one in report.findings[:_MOST_TOLD])
    return Verified(report.ok, report.size, report.start, report.exposed, report.first_bad, told)


if __name__ == "__main__":
    sys.exit(main())
