#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""VERIFICATORE AUTONOMO DEL REGISTRO DEGLI ACCESSI DI VARCO

Un solo file, nessuna installazione: basta Python 3.8 o successivo. Non usa il programma di chi
gestisce il gateway, non scrive nulla, non si collega a nulla.

  python3 varco_verify.py ESPORTAZIONE|ledger.db [--key CHIAVE] [--held CHECKPOINT]
                          [--witness CHIAVE] [--tsa-ca CA.pem] [--json] [--en]

Stati di uscita: 0 integro · 1 alterato · 2 non si può dire (file o chiave inutilizzabili).

CHE COSA PROVA
 1. Nessuna voce coperta dall'ultimo checkpoint firmato è stata cambiata, spostata, aggiunta o
    tolta: le voci sono foglie di un albero di hash (RFC 6962) la cui radice è firmata (Ed25519).
 2. I dati personali mostrati (persona, caso, motivo …) sono quelli scritti allora: nella voce c'è
    il loro impegno (SHA-256 con sale).
 3. Un estratto per persona, telecamera, caso o periodo appartiene al registro intero: ogni voce
    porta la sua prova di inclusione. I salti di numero sono voci che l'estratto non riguarda.
 4. Con un checkpoint tenuto da altri (--held) o controfirmato da un testimone (--witness): nemmeno
    chi possiede la chiave ha potuto riscrivere ciò che c'era fino a quel momento.

CHE COSA NON PUÒ PROVARE
 1. Che cosa è accaduto DOPO l'ultimo checkpoint tenuto o controfirmato da altri: la coda può
    essere stata tagliata. Più spesso un altro tiene un checkpoint, meno si può nascondere.
 2. Ciò che NON È PASSATO dal gateway: una telecamera aperta per altra via, una foto allo schermo.
 3. Chi ha la chiave può riscrivere tutto ciò di cui NESSUN ALTRO tiene un checkpoint.
 4. I valori CANCELLATI: della persona resta l'impegno, non il nome. La cancellazione è lecita e
    non altera il registro. Così le voci oltre il termine di conservazione: ne resta la radice.
 5. Che un estratto sia COMPLETO: prova ciò che c'è, non che non ci sia altro.
 6. Che l'orologio fosse giusto, se la voce dice che non era sincronizzato.
 7. Una chiave arrivata insieme con l'esportazione prova solo che il pacco è coerente: la si
    confronti con quella avuta all'installazione (--key).

ENGLISH, IN SHORT: verifies an export (folder or zip) or a ledger.db without Varco. It proves that
nothing below the newest signed checkpoint was edited, moved, inserted or removed, that values fit
their commitments, that an extract belongs to the whole log. It cannot prove what happened after
the last checkpoint that somebody else holds or cosigned, what never passed the gateway, that the
holder of the key did not rewrite what nobody witnessed, values that were erased, or that an
extract is complete. Exit status: 0 intact, 1 altered, 2 unusable. --en: English output.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import importlib
import json
import os
import re
import shutil
import sqlite3
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO, Callable, Iterator, Sequence

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    FAST = True
except ImportError:
    FAST = False

INTACT, ALTERED, UNUSABLE = 0, 1, 2
NOWHERE = -1
MOST_FINDINGS = 1_000
MOST_PRINTED = 20
MOST_SIGNATURES = 1_000
MOST_LINE_BYTES = 1 << 20
MOST_NOTE_CHARS = 16_384
MOST_SMALL_BYTES = 4 << 20
MOST_VALUE_BYTES = 16 << 20
MOST_FILES = 20_000
MOST_TOTAL_BYTES = 64 << 30
MOST_RATIO = 200
MOST_TOKENS = 50
SHORTEST_TERM_US = 30 * 86_400_000_000
MOST_COSIGNATURES = 1_000
FORMAT = "varco-ledger-export-2"
EMPTY_ROOT = hashlib.sha256(b"").digest()
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class UnusableError(Exception):
    """Nothing can be said: (Italian, English)."""

    def __init__(self, it: str, en: str) -> None:
        super().__init__(en)
        self.it, self.en = it, en


class BadError(Exception):
    """Bytes that are not what they claim to be: (Italian, English)."""

    def __init__(self, it: str, en: str) -> None:
        super().__init__(en)
        self.it, self.en = it, en


# ------------------------------------------------------------------ Ed25519 (RFC 8032), by hand

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
Point = "tuple[int, int, int, int]"


def _add(p: Any, q: Any) -> Any:
    """Add two points in extended coordinates (RFC 8032 §5.1.4)."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: Any) -> Any:
    result: Any = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _decompress(data: bytes) -> Any:
    """Return the point of 32 bytes, or None (RFC 8032 §5.1.3)."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (not x and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _compress(point: Any) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return int(y | (x & 1) << 255).to_bytes(32, "little")


BASE = _decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def slow_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Verify without any library (RFC 8032 §5.1.7); about 10 ms."""
    if len(public) != 32 or len(signature) != 64:
        return False
    point, scalar = _decompress(public), int.from_bytes(signature[32:], "little")
    if point is None or scalar >= L:
        return False
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(hashed, "little") % L
    minus = (P - point[0], point[1], 1, P - point[3])
    return _compress(_add(_times(scalar, BASE), _times(challenge, minus))) == signature[:32]


def ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether a signature holds, with `cryptography` where it is installed."""
    if not FAST:
        return slow_ed25519(public, signature, message)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# ------------------------------------------------------------------ Merkle tree (RFC 6962)


def leaf_hash(data: bytes) -> bytes:
    """Hash of one entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """Roots of the perfect subtrees of a growing tree, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """Return the tree with one more leaf."""
        peaks, size = list(self.peaks), self.size
        while size & 1:
            leaf = node_hash(peaks.pop(), leaf)
            size >>= 1
        return Frontier(self.size + 1, (*peaks, leaf))

    def root(self) -> bytes:
        """Return the root so far."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def _sides(node: int, last: int, count: int) -> list[bool] | None:
    """For each sibling on the way up, whether it stands left; None if the length is wrong."""
    sides: list[bool] = []
    while last:
        is_left = bool(node & 1) or node == last
        sides.append(is_left)
        while is_left and node and not node & 1:
            node >>= 1
            last >>= 1
        node >>= 1
        last >>= 1
    return sides if len(sides) == count else None


def proves_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """RFC 9162 §2.1.3.2."""
    sides = _sides(index, size - 1, len(proof)) if 0 <= index < size else None
    if sides is None:
        return False
    for sibling, is_left in zip(proof, sides):
        leaf = node_hash(sibling, leaf) if is_left else node_hash(leaf, sibling)
    return leaf == root


def proves_consistency(
    first: int, second: int, proof: list[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """RFC 9162 §2.1.4.2; sizes and roots of the older and the newer tree."""
    if first == second:
        return not proof and old_root == new_root
    if first == 0:
        return not proof and old_root == EMPTY_ROOT
    if not 0 < first < second:
        return False
    path = [old_root, *proof] if first & (first - 1) == 0 else list(proof)
    shared = (first ^ (first - 1)).bit_length() - 1
    sides = _sides((first - 1) >> shared, (second - 1) >> shared, len(path) - 1)
    if sides is None:
        return False
    old = new = path[0]
    for sibling, is_left in zip(path[1:], sides):
        if is_left:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    return old == old_root and new == new_root


# ------------------------------------------------------------------ signed notes (C2SP)

MARK = "\u2014 "
LOG_KEY, WITNESS_KEY = b"\x01", b"\x04"
_NAME = re.compile(r"[^\s+\x00-\x20\x7f]{1,200}\Z")
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")


@dataclass(frozen=True)
class Key:
    """A public key with its name; `kind` tells a log's from a witness's."""

    name: str
    public: bytes
    kind: bytes = LOG_KEY

    def id(self) -> bytes:
        """Return the four bytes that announce it."""
        named = self.name.encode() + b"\n" + self.kind + self.public
        return hashlib.sha256(named).digest()[:4]


def parse_key(text: str) -> Key:
    """Return the key written `name+hash+base64`."""
    parts = text.strip().split("+", 2)
    fits = len(parts) == 3 and _NAME.match(parts[0])
    raw = _base64(parts[2]) if fits else b""
    if len(raw) != 33 or raw[:1] not in (LOG_KEY, WITNESS_KEY):
        raise BadError("non è una chiave nome+hash+base64", "not a key name+hash+base64")
    key = Key(parts[0], raw[1:], raw[:1])
    if key.id().hex() != parts[1]:
        raise BadError("l'hash della chiave non torna", "the key's hash does not fit")
    return key


@dataclass(frozen=True)
class Note:
    """A checkpoint as it is written: what it says, the text that is signed, signature lines."""

    origin: str
    size: int
    root: bytes
    body: str
    lines: tuple[str, ...]


def parse_note(text: str) -> Note:
    """Return what a note says without looking at its signatures."""
    head, gap, tail = text.rpartition("\n\n")
    lines = head.split("\n")
    broken = len(text) > MOST_NOTE_CHARS or not text.endswith("\n") or not gap or not tail
    if broken or len(lines) < 3 or not all(lines):
        raise BadError("non è un checkpoint", "not a checkpoint")
    if not _NAME.match(lines[0]) or not _SIZE.match(lines[1]):
        raise BadError("non è un checkpoint", "not a checkpoint")
    root = _base64(lines[2])
    if len(root) != 32:
        raise BadError("checkpoint senza radice", "checkpoint without a root")
    return Note(lines[0], int(lines[1]), root, head + "\n", tuple(tail[:-1].split("\n")))


def check_note(text: str, key: Key, origin: str = "") -> Note:
    """Return the checkpoint if `key` signed it; the name is the note's own unless one is given."""
    note = parse_note(text)
    if origin and note.origin != origin:
        raise BadError(f"checkpoint di {note.origin!r}", f"checkpoint of {note.origin!r}")
    key = Key(note.origin, key.public)
    for line in note.lines:
        if not line.startswith(MARK):
            raise BadError("una riga che non è una firma", "a line that is no signature")
        name, _, coded = line[len(MARK) :].partition(" ")
        raw = _base64(coded)
        if name == key.name and raw[:4] == key.id():
            if ed25519(key.public, raw[4:], _utf8(note.body)):
                return note
            raise BadError("firma sbagliata", "wrong signature")
    raise BadError("non firmato da questa chiave", "not signed by this key")


def check_cosignature(note: Note, line: str, key: Key) -> int:
    """Return when a witness cosigned a checkpoint (C2SP tlog-cosignature), s since 1970."""
    name, _, coded = line[len(MARK) :].partition(" ")
    raw = _base64(coded) if line.startswith(MARK) else b""
    if name != key.name or len(raw) != 76 or raw[:4] != key.id():
        raise BadError(
            "non è una controfirma di questo testimone", "no cosignature of this witness"
        )
    (time_s,) = struct.unpack(">Q", raw[4:12])
    if not ed25519(
        key.public, raw[12:], f"cosignature/v1\ntime {time_s}\n".encode() + _utf8(note.body)
    ):
        raise BadError("controfirma sbagliata", "wrong cosignature")
    return int(time_s)


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or base64.b64encode(data).decode() != text:
        raise BadError("base64 non valido", "not canonical base64")
    return data


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


# ------------------------------------------------------------------ time stamps (RFC 3161)


def _der(data: bytes, at: int = 0) -> tuple[int, bytes, int]:
    """Return tag, content and end of the DER element at a place."""
    if at + 2 > len(data):
        raise BadError("marca temporale illeggibile", "unreadable time stamp")
    tag, size, start = data[at], data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or start + count > len(data):
            raise BadError("marca temporale illeggibile", "unreadable time stamp")
        size, start = int.from_bytes(data[start : start + count], "big"), start + count
    if start + size > len(data):
        raise BadError("marca temporale illeggibile", "unreadable time stamp")
    return tag, data[start : start + size], start + size


def _parts(data: bytes, most: int = 100) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data) and len(found) < most:
        tag, content, at = _der(data, at)
        found.append((tag, content))
    return found


def read_token(der: bytes) -> tuple[bytes, bytes, int]:
    """Return hash algorithm's OID, message imprint and genTime (us since 1970) of a TimeStampResp."""
    try:
        answer = _parts(_der(der)[1])  # status, ContentInfo
        signed = _parts(_parts(_parts(answer[1][1])[1][1])[0][1])  # ContentInfo.[0].SignedData
        content = _parts(signed[2][1])  # encapContentInfo: type, [0] octets
        info = _parts(_der(_der(content[1][1])[1])[1])  # TSTInfo
        imprint = _parts(info[2][1])
        algorithm, digest = _parts(imprint[0][1])[0][1], imprint[1][1]
        when = info[4][1].decode("ascii")
        moment = datetime.strptime(when[:14], "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
    except (IndexError, ValueError) as error:
        raise BadError("marca temporale illeggibile", "unreadable time stamp") from error
    return algorithm, digest, int((moment - EPOCH) / timedelta(microseconds=1))


SHA256_OID = bytes.fromhex("608648016503040201")


def check_token(der: bytes, note: str) -> int:
    """Return the time (us since 1970) at which a note was stamped, if the stamp is of it."""
    algorithm, digest, utc_us = read_token(der)
    if algorithm != SHA256_OID or digest != hashlib.sha256(_utf8(note)).digest():
        raise BadError(
            "la marca temporale è di un altro testo", "the time stamp is of another text"
        )
    return utc_us


def openssl_verifies(der: bytes, note: str, roots: str, utc_us: int) -> bool | None:
    """Have OpenSSL check signature and chain of a stamp; None if it is not installed."""
    program = shutil.which("openssl")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "token.tsr")
        with open(path, "wb") as file:
            file.write(der)
        words = [program, "ts", "-verify", "-in", path, "-CAfile", roots]
        words += ["-digest", hashlib.sha256(_utf8(note)).hexdigest()]
        words += ["-attime", str(utc_us // 1_000_000)]
        try:
            done = subprocess.run(words, capture_output=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
    return done.returncode == 0


# ------------------------------------------------------------------ what is verified

Row = "tuple[Any, ...]"


@dataclass
class Evidence:
    """What a file or an export holds. Numbered rows come in ascending order."""

    entries: Iterator[tuple[Any, Any, Any]]
    """Number, header, leaf."""
    openings: Iterator[Any]
    """Number, field, salt, value."""
    checkpoints: Iterator[Any]
    """Size, note."""
    newest: tuple[int, str] | None = None
    cosignatures: list[tuple[int, str, str]] = field(default_factory=list)
    """Size, witness, line."""
    tokens: list[tuple[int, bytes]] = field(default_factory=list)
    """Size, DER."""
    segment: tuple[int, bytes] | None = None
    """Size and packed peaks of what was dropped after its term."""
    notes: Callable[[int], str | None] = lambda _: None
    """Return the checkpoint of a size, if there is one."""


@dataclass
class Report:
    """What was found."""

    findings: list[tuple[int, str, str]] = field(default_factory=list)
    """Entry, Italian, English."""
    problems: int = 0
    missing: list[tuple[int, int]] = field(default_factory=list)
    entries: int = 0
    size: int = 0
    start: int = 0
    root: bytes = b""
    origin: str = ""
    checkpoints: int = 0
    erased: int = 0
    kind: str = "ledger"
    vouched: list[tuple[int, str, str]] = field(default_factory=list)
    """Size, and who outside vouches for it (Italian, English)."""
    remarks: list[tuple[str, str]] = field(default_factory=list)

    def find(self, seq: int, it: str, en: str) -> None:
        """Write down one problem."""
        self.problems += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append((seq, it, en))

    def first_bad(self) -> int | None:
        """Return the first entry that is wrong."""
        return min((seq for seq, _, _ in self.findings if seq != NOWHERE), default=None)


@dataclass(frozen=True)
class Trust:
    """What the auditor holds."""

    key: Key
    held: tuple[str, ...] = ()
    witnesses: tuple[Key, ...] = ()
    tsa_roots: str = ""


class Grouped:
    """Rows in ascending order of their first column, taken group by group."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows
        self._next = next(rows, None)
        self._stray: list[Any] = []

    def take(self, number: int) -> list[Any]:
        """Return the rows of one group; smaller ones are kept for `rest`."""
        self._pass(number, self._stray)
        taken: list[Any] = []
        self._pass(number + 1, taken)
        return taken

    def skip_to(self, number: int) -> None:
        """Drop what belongs to entries that were reported missing."""
        self._pass(number, [])

    def rest(self) -> list[Any]:
        """Return all rows that no group claimed."""
        return [*self._stray, *([self._next] if self._next else []), *self._rows]

    def _pass(self, number: int, onto: list[Any]) -> None:
        while self._next is not None and self._next[0] < number:
            onto.append(self._next)
            self._next = next(self._rows, None)


def commitment(name: str, salt: bytes, value: str) -> str:
    """Return what stands in a header instead of a personal value."""
    parts = (b"varco-ledger-commitment-v1", _utf8(name), salt, _utf8(value))
    return hashlib.sha256(b"".join(len(p).to_bytes(4, "big") + p for p in parts)).hexdigest()


class Walk:
    """One pass over all entries of a log."""

    def __init__(self, trust: Trust, report: Report, most_signatures: int) -> None:
        self.trust, self.report, self.most_signatures = trust, report, most_signatures
        self.trees: list[Frontier] = [Frontier()]
        """Trees that the entries so far may form; empty once none fits any more."""
        self.expected = self.proved = self.signatures = self.unchecked = 0
        self.newest_size = 0
        self.roots: dict[int, bytes] = {}
        """Roots of interest, by size, as they were computed."""
        self.held: list[Note] = []
        self.announced = False

    def run(self, evidence: Evidence) -> None:
        """Walk through entries, openings and checkpoints side by side."""
        report = self.report
        self._read_newest(evidence)
        self._read_held()
        self.vouchers = Vouchers(self.trust, evidence, report)
        self._begin(evidence)
        openings, checkpoints = Grouped(evidence.openings), Grouped(evidence.checkpoints)
        checkpoints.skip_to(report.start + 1)
        for seq, header, leaf in evidence.entries:
            if seq < report.start:
                report.find(
                    max(seq, 0),
                    f"una voce numerata {seq}: fuori posto",
                    f"an entry numbered {seq}: reordered",
                )
                continue
            if seq != self.expected:
                self._gap(seq, checkpoints, openings)
            report.entries += 1
            self._entry(seq, header, leaf, openings.take(seq))
            self.expected = seq + 1
            self._compare(checkpoints.take(self.expected))
        for row in openings.rest():
            report.find(
                row[0],
                f"un valore per la voce {row[0]}, che non c'è",
                f"a value for entry {row[0]}, which does not exist",
            )
        if report.start and not self.announced:
            self._lost("nessuna voce firmata le dice scadute", "no signed entry announces it")
        self._end([row for row in checkpoints.rest() if row[0] > report.start])
        report.size = self.expected
        report.root = self.trees[0].root() if self.trees else b""

    def _begin(self, evidence: Evidence) -> None:
        """Start where the log starts: at 0, or after what was dropped under a signed root."""
        if evidence.segment is None:
            return
        size, peaks = evidence.segment
        self.report.start = self.expected = self.proved = size
        note = evidence.notes(size)
        try:
            if size <= 0 or len(peaks) != bin(size).count("1") * 32 or note is None:
                raise BadError("manca il suo checkpoint", "its checkpoint is not there")
            start = Frontier(size, tuple(peaks[at : at + 32] for at in range(0, len(peaks), 32)))
            signed = check_note(note, self.trust.key, self.report.origin)
            if (signed.size, signed.root) != (size, start.root()):
                raise BadError("non è ciò che fu firmato", "it is not what was signed")
        except BadError as error:
            self.trees = []
            self._lost(error.it, error.en)
            return
        self.trees, self.roots[size] = [start], start.root()
        for one in self.held:
            if one.size == size and one.root != signed.root:
                self.report.find(
                    0,
                    "l'inizio non è quello del checkpoint tenuto",
                    f"the frontier of {size} entries is not the held checkpoint",
                )
            elif one.size == size:
                self.vouchers.up_to = size
        self.vouchers.hold(size, note)

    def _lost(self, it: str, en: str) -> None:
        last = self.report.start - 1
        self.report.missing.append((0, last))
        self.report.find(
            0, f"mancano le voci da 0 a {last}: {it}", f"entries 0 to {last} are missing: {en}"
        )

    def _read_newest(self, evidence: Evidence) -> None:
        if evidence.newest is None:
            return
        self.newest_size = evidence.newest[0]
        try:
            self.report.origin = check_note(evidence.newest[1], self.trust.key).origin
        except BadError:
            return  # a finding as soon as its turn comes

    def _read_held(self) -> None:
        for text in self.trust.held:
            try:
                self.held.append(check_note(text, self.trust.key, self.report.origin))
            except BadError as error:
                self.report.find(
                    NOWHERE, f"checkpoint tenuto: {error.it}", f"held checkpoint: {error.en}"
                )
        self.held.sort(key=lambda one: one.size)

    def _gap(self, seq: int, checkpoints: Grouped, openings: Grouped) -> None:
        first, last = self.expected, seq - 1
        self.report.missing.append((first, last))
        self.report.find(
            first, f"mancano le voci da {first} a {last}", f"entries {first} to {last} are missing"
        )
        self.trees = []
        checkpoints.skip_to(seq)
        openings.skip_to(seq)

    def _entry(self, seq: int, header: Any, leaf: Any, opened: list[Any]) -> None:
        report = self.report
        if not isinstance(header, bytes) or not isinstance(leaf, bytes):
            report.find(seq, f"la voce {seq} non è fatta di byte", f"entry {seq} is not of bytes")
            self.trees = []
            return
        computed = leaf_hash(header)
        leaves = [computed]
        if computed != leaf:
            report.find(
                seq,
                f"la voce {seq} è stata modificata",
                f"entry {seq} was edited: its header does not give its leaf hash",
            )
            leaves.append(leaf)
        self.trees = [tree.append(one) for tree in self.trees for one in leaves][:4]
        record = check_header(report, seq, header, opened)
        if record.get("event") == "log.rotate" and record.get("object_id") == str(report.start):
            start_root = self.roots.get(report.start, b"").hex()
            if record.get("content_hash") == start_root:
                self.announced = True
                self._dropped_in_time(seq, record)

    def _dropped_in_time(self, seq: int, record: dict[str, Any]) -> None:
        """Insist that what was dropped had stood for the shortest of all terms."""
        newest, when = record.get("media_to_utc_us"), record.get("ts_utc_us")
        if type(newest) is int and type(when) is int and when - newest >= SHORTEST_TERM_US:
            return
        self.report.find(
            0,
            f"le voci da 0 a {self.report.start - 1} furono eliminate prima del termine (voce {seq})",
            f"entries 0 to {self.report.start - 1} were dropped before their term (entry {seq})",
        )

    def _compare(self, rows: list[Any]) -> None:
        """Hold the tree so far against what was signed at this size, and what is held."""
        for row in rows:
            signed = self._signed(row)
            if signed is not None and self.trees:
                self._narrow(signed, "checkpoint firmato", "signed checkpoint", self.proved)
        for one in self.held:
            if one.size == self.expected and self.trees:
                self._narrow(one, "checkpoint tenuto", "held checkpoint", self.vouchers.up_to)
                if self.trees:
                    self.vouchers.up_to = one.size
                    self.report.vouched.append((one.size, "checkpoint tenuto", "held checkpoint"))

    def _signed(self, row: Any) -> Note | None:
        """Return a stored checkpoint if it may be believed."""
        size, text = row[0], _text(row[1])
        self.signatures += 1
        at = max(0, size - 1)
        try:
            note = parse_note(text)
            fits = any(tree.root() == note.root for tree in self.trees)
            if fits and size != self.newest_size and self.signatures > self.most_signatures:
                self.unchecked += 1
            else:
                check_note(text, self.trust.key, self.report.origin)
        except BadError as error:
            self.report.find(
                at,
                f"checkpoint di {size} voci: {error.it}",
                f"checkpoint of {size} entries: {error.en}",
            )
            return None
        if note.size != size:
            self.report.find(
                at,
                f"checkpoint di {size} voci: dice {note.size}",
                f"checkpoint of {size} entries: it says {note.size}",
            )
            return None
        self.vouchers.hold(size, text)
        return note

    def _narrow(self, signed: Note, it: str, en: str, first: int) -> None:
        fitting = [tree for tree in self.trees if tree.root() == signed.root]
        if fitting:
            self.proved = signed.size
        else:
            last = signed.size - 1
            self.report.find(
                first,
                f"voci da {first} a {last}: non sono quelle del {it} di {signed.size} voci",
                f"entries {first} to {last}: not what the {en} of {signed.size} entries says",
            )
        self.trees = fitting

    def _end(self, beyond: list[Any]) -> None:
        """Look at what checkpoints promise past the last entry, and what none covers."""
        report = self.report
        sizes = [signed.size for row in beyond for signed in [self._signed(row)] if signed]
        promised = max(sizes, default=0)
        if promised > self.expected:
            self._cut(promised, "checkpoint firmato", "signed checkpoint")
        furthest = max((one.size for one in self.held), default=0)
        if furthest > max(self.expected, promised):
            self._cut(furthest, "checkpoint tenuto", "held checkpoint")
        for one in self.held:
            if one.size == 0 and one.root != EMPTY_ROOT:
                report.find(
                    NOWHERE,
                    "checkpoint tenuto: vuoto, con una radice",
                    "held checkpoint: no entries, but not the empty root",
                )
            if 0 < one.size < report.start:
                report.remarks.append(
                    (
                        f"ATTENZIONE: il checkpoint tenuto di {one.size} voci cade fra quelle eliminate: non prova più nulla",
                        f"CAUTION: the held checkpoint of {one.size} entries lies in what was dropped: it proves nothing any more",
                    )
                )
        if self.trees and self.proved < self.expected:
            first, last = self.proved, self.expected - 1
            report.find(
                first,
                f"voci da {first} a {last}: nessun checkpoint firmato le copre",
                f"entries {first} to {last}: no signed checkpoint covers them",
            )
        self.vouchers.left(report.start)

    def _cut(self, promised: int, it: str, en: str) -> None:
        first, last = self.expected, promised - 1
        self.report.missing.append((first, last))
        self.report.find(
            first,
            f"troncato: mancano le voci da {first} a {last} del {it}",
            f"truncated: entries {first} to {last} of the {en} are missing",
        )


def check_header(report: Report, seq: int, header: bytes, opened: list[Any]) -> dict[str, Any]:
    """Hold one header against its place and its opened values; return what it says."""
    try:
        record = json.loads(header)
        number, committed = record["seq"], dict(record.get("commit", {}))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        report.find(
            seq, f"la voce {seq} non è una voce del registro", f"entry {seq} is not a ledger entry"
        )
        return {}
    if number != seq:
        report.find(
            seq,
            f"la voce {seq} si dice {_short(number)}: spostata",
            f"entry {seq} calls itself {_short(number)}: reordered",
        )
    for row in opened:
        name, value = _text(row[1]), _text(row[3])
        salt = row[2] if isinstance(row[2], bytes) else b""
        if committed.get(name) != commitment(name, salt, value):
            report.find(
                seq,
                f"voce {seq}: il valore di {_short(name)} non è quello scritto allora",
                f"entry {seq}: the value kept for {_short(name)} is not the one committed to",
            )
    report.erased += len(committed.keys() - {_text(row[1]) for row in opened})
    return dict(record)


class Vouchers:
    """What trusted others signed, by the size of the checkpoint that they signed."""

    def __init__(self, trust: Trust, evidence: Evidence, report: Report) -> None:
        self.trust, self.report, self.up_to = trust, report, 0
        self.lines: dict[int, list[tuple[Key, str]]] = {}
        self.stamps: dict[int, list[bytes]] = {}
        known = {key.name: key for key in trust.witnesses}
        for size, name, line in evidence.cosignatures:
            if name in known:
                self.lines.setdefault(size, []).append((known[name], line))
        if trust.tsa_roots:
            for size, der in evidence.tokens[-MOST_TOKENS:]:
                self.stamps.setdefault(size, []).append(der)
        self._remark(evidence, set(known))

    def _remark(self, evidence: Evidence, known: set[str]) -> None:
        """Say what is there and does not count, or is not there."""
        there = {name for _, name, _ in evidence.cosignatures}
        for name in sorted(known - there):
            self.report.remarks.append(
                (f"nessuna controfirma del testimone {name}", f"no cosignature of witness {name}")
            )
        for name in sorted(there - known)[:20]:
            self.report.remarks.append(
                (
                    f"ci sono controfirme di {name}: per contarle serve la sua chiave (--witness)",
                    f"there are cosignatures of {name}: they count with its key (--witness)",
                )
            )
        if self.trust.tsa_roots or not evidence.tokens:
            return
        size, der = max(evidence.tokens)
        try:
            when = _when(check_token(der, evidence.notes(size) or ""))
        except BadError as error:
            self.report.remarks.append(
                (
                    f"marca temporale di {size} voci: {error.it}",
                    f"time stamp of {size} entries: {error.en}",
                )
            )
            return
        self.report.remarks.append(
            (
                f"marca temporale del {when} su {size} voci: è di questo checkpoint; la firma dell'autorità si controlla con --tsa-ca",
                f"time stamp of {when} over {size} entries: it is of this checkpoint; give --tsa-ca to check the authority's signature",
            )
        )

    def hold(self, size: int, text: str) -> None:
        """Hold a checkpoint that fits against what others signed at its size."""
        for key, line in self.lines.pop(size, []):
            try:
                when = _when(check_cosignature(parse_note(text), line, key) * 1_000_000)
            except BadError as error:
                self._bad(
                    size,
                    f"controfirma di {key.name}: {error.it}",
                    f"cosignature of {key.name}: {error.en}",
                )
                continue
            self._good(size, f"testimone {key.name}, {when}", f"witness {key.name}, {when}")
        for der in self.stamps.pop(size, []):
            try:
                utc_us = check_token(der, text)
            except BadError as error:
                self._bad(size, error.it, error.en)
                continue
            verdict = openssl_verifies(der, text, self.trust.tsa_roots, utc_us)
            if verdict is None:
                self.report.remarks.append(
                    (
                        "openssl non è installato: firma dell'autorità di marcatura non controllata",
                        "openssl is not installed: the time stamping authority's signature was not checked",
                    )
                )
            elif verdict:
                self._good(
                    size,
                    f"marca temporale (openssl), {_when(utc_us)}",
                    f"time stamp (openssl), {_when(utc_us)}",
                )
            else:
                self._bad(
                    size,
                    "marca temporale: firma o catena non valide (openssl)",
                    "time stamp: bad signature or chain (openssl)",
                )

    def _good(self, size: int, it: str, en: str) -> None:
        self.up_to = max(self.up_to, size)
        self.report.vouched = [
            one for one in self.report.vouched if one[1].partition(",")[0] != it.partition(",")[0]
        ]
        self.report.vouched.append((size, it, en))

    def _bad(self, size: int, it: str, en: str) -> None:
        at = min(self.up_to, max(0, size - 1))
        self.report.find(at, f"{size} voci: {it}", f"{size} entries: {en}")

    def left(self, start: int) -> None:
        """Tell of what was signed over checkpoints that are not there."""
        for size in sorted({*self.lines, *self.stamps}):
            if size > start:
                self.report.find(
                    max(0, size - 1),
                    f"{size} voci: testimoniate, ma manca il checkpoint",
                    f"{size} entries: witnessed, but no such checkpoint",
                )


# ------------------------------------------------------------------ a live ledger.db

_NUMBERS = {"entry": "seq", "opened": "seq", "checkpoint": "size"}


def verify_database(path: str, trust: Trust) -> Report:
    """Verify a ledger file; it is opened for reading only."""
    report = Report()
    walk = Walk(trust, report, MOST_SIGNATURES)
    _walk_database(path, walk)
    if report.problems and walk.unchecked:
        report = Report()
        _walk_database(path, Walk(trust, report, sys.maxsize))
    return report


def _walk_database(path: str, walk: Walk) -> None:
    try:
        with closing(_open(path)) as db:
            db.execute("begin")
            _check_schema(db, walk.report)
            walk.run(_evidence(db, walk.report))
    except (sqlite3.Error, OverflowError, UnicodeDecodeError, MemoryError) as error:
        walk.report.find(walk.expected, f"non si legge: {error}", f"cannot be read: {error}")


def _open(path: str) -> sqlite3.Connection:
    uri = Path(path).absolute().as_uri() + "?mode=ro"
    db = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        db.execute("select 1 from sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if os.path.exists(path + "-wal"):
            raise
        db = sqlite3.connect(uri + "&immutable=1", uri=True, isolation_level=None)
    db.text_factory = bytes
    db.execute("pragma trusted_schema = off")
    if sys.version_info >= (3, 11):
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_VALUE_BYTES)
    return db


def _check_schema(db: sqlite3.Connection, report: Report) -> None:
    """Insist on plain tables, since a view computes what it likes, and on whole numbers."""
    for table, number in _NUMBERS.items():
        if not _is_table(db, table):
            raise sqlite3.DatabaseError(f"{table} is no table")
        odd = f"select count(*) from {table} where typeof({number}) <> 'integer'"
        count = db.execute(odd).fetchone()[0]
        if count:
            report.find(
                NOWHERE,
                f"{count} righe di {table} senza numero",
                f"{count} rows of {table} without a number",
            )


def _is_table(db: sqlite3.Connection, table: str) -> bool:
    plain = "select 1 from sqlite_master where name = ? and type = 'table' and rootpage > 0"
    return db.execute(plain, (table,)).fetchone() is not None


def _in_order(table: str, columns: str) -> str:
    number = _NUMBERS[table]
    return f"select {columns} from {table} where typeof({number}) = 'integer' order by {number}"


def _evidence(db: sqlite3.Connection, report: Report) -> Evidence:
    (report.checkpoints,) = db.execute("select count(*) from checkpoint").fetchone()
    row = db.execute(_in_order("checkpoint", "size, note") + " desc limit 1").fetchone()

    def note(size: int) -> str | None:
        found = db.execute("select note from checkpoint where size = ?", (size,)).fetchone()
        return _text(found[0]) if found else None

    def rows(table: str, query: str) -> list[Any]:
        return db.execute(query).fetchall() if _is_table(db, table) else []

    cosigned = rows(
        "cosignature",
        f"select size, witness, line from cosignature order by size desc limit {50 * MOST_COSIGNATURES}",
    )
    tokens = rows("token", "select size, der from token order by size desc limit 50")
    segments = rows("segment", "select size, peaks from segment order by size desc limit 1")
    return Evidence(
        iter(db.execute(_in_order("entry", "seq, header, leaf"))),
        iter(db.execute(_in_order("opened", "seq, field, salt, value"))),
        iter(db.execute(_in_order("checkpoint", "size, note"))),
        (row[0], _text(row[1])) if row else None,
        [
            (size, _text(name), _text(line))
            for size, name, line in cosigned
            if isinstance(size, int)
        ],
        [(size, der) for size, der in tokens if isinstance(size, int) and isinstance(der, bytes)],
        next(((s, p) for s, p in segments if isinstance(s, int) and isinstance(p, bytes)), None),
        note,
    )


# ------------------------------------------------------------------ an export


class Folder:
    """Files of an export in a folder."""

    def __init__(self, path: str) -> None:
        self._path = path

    def names(self) -> list[str]:
        """Return what is there, with forward slashes."""
        found: list[str] = []
        for top, folders, files in os.walk(self._path):
            folders.sort()
            for name in sorted(files):
                found.append(
                    os.path.relpath(os.path.join(top, name), self._path).replace(os.sep, "/")
                )
                if len(found) > MOST_FILES:
                    raise UnusableError("troppi file", "too many files")
        return found

    def open(self, name: str) -> BinaryIO:
        """Open a plain file of the export; never one outside."""
        path = os.path.join(self._path, *name.split("/"))
        try:
            inside = os.path.realpath(path).startswith(os.path.realpath(self._path) + os.sep)
            if not inside or not stat.S_ISREG(os.stat(path).st_mode):
                raise UnusableError(f"{_short(name)}: non è un file", f"{_short(name)}: is no file")
            return open(path, "rb")
        except OSError as error:
            raise UnusableError(
                f"{_short(name)}: {error.strerror}", f"{_short(name)}: {error.strerror}"
            ) from error


class Zip:
    """Files of an export in a zip; nothing is unpacked to disk."""

    def __init__(self, path: str) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise UnusableError(f"non è uno zip: {error}", f"not a zip: {error}") from error
        infos = [one for one in self._zip.infolist() if not one.is_dir()]
        if len(infos) > MOST_FILES or sum(one.file_size for one in infos) > MOST_TOTAL_BYTES:
            raise UnusableError("lo zip è troppo grande", "the zip is too large")
        if any(one.file_size > MOST_RATIO * one.compress_size + (1 << 20) for one in infos):
            raise UnusableError("lo zip è una bomba", "the zip is a bomb")
        top = {one.filename.partition("/")[0] for one in infos}
        packed = len(top) == 1 and all("/" in one.filename for one in infos)
        skip = len(next(iter(top))) + 1 if packed else 0
        self._infos = {one.filename[skip:]: one for one in infos}
        if len(self._infos) != len(infos):
            raise UnusableError("un nome compare due volte nello zip", "a name is in the zip twice")

    def names(self) -> list[str]:
        """Return what is there."""
        return sorted(self._infos)

    def open(self, name: str) -> BinaryIO:
        """Open one file."""
        try:
            return self._zip.open(self._infos[name])  # type: ignore[return-value]
        except (KeyError, OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise UnusableError(
                f"{_short(name)}: non si apre", f"{_short(name)}: cannot be opened"
            ) from error


def _small(files: Folder | Zip, name: str, missing: bytes | None = None) -> bytes:
    """Return a file that has to be small."""
    if missing is not None and name not in files.names():
        return missing
    with files.open(name) as file:
        data = _read(file, MOST_SMALL_BYTES + 1, name)
    if len(data) > MOST_SMALL_BYTES:
        raise UnusableError(f"{_short(name)}: troppo grande", f"{_short(name)}: too large")
    return data


def _damages() -> tuple[type[Exception], ...]:
    """Return what damaged bytes raise in a zip: each compression that this Python has its own."""
    found = [RuntimeError, MemoryError, OverflowError, struct.error]
    for module, name in (
        ("zlib", "error"),
        ("lzma", "LZMAError"),
        ("compression.zstd", "ZstdError"),
    ):
        try:
            found.append(getattr(importlib.import_module(module), name))
        except ImportError:
            continue
    return tuple(found)


def _read(file: BinaryIO, most: int, name: str) -> bytes:
    try:
        return file.read(most)
    except (OSError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise UnusableError(
            f"{_short(name)}: rovinato: {error}", f"{_short(name)}: damaged: {error}"
        ) from error
    except _damages() as error:
        raise UnusableError(f"{_short(name)}: rovinato", f"{_short(name)}: damaged") from error


def _json(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnusableError(f"{name}: non è JSON", f"{name}: not JSON") from error


def _lines(files: Folder | Zip, name: str) -> Iterator[bytes]:
    """Return the lines of a file, each bounded."""
    with files.open(name) as file:
        kept = b""
        while True:
            block = _read(file, 1 << 16, name)
            if not block:
                break
            *whole, kept = (kept + block).split(b"\n")
            if len(kept) > MOST_LINE_BYTES or any(len(one) > MOST_LINE_BYTES for one in whole):
                raise UnusableError(f"{name}: una riga troppo lunga", f"{name}: a line too long")
            yield from whole
        if kept:
            yield kept


@dataclass
class Line:
    """One line of entries.jsonl."""

    seq: int
    header: bytes
    leaf: bytes
    opened: list[tuple[int, str, bytes, str]]
    proof: list[bytes]


def _entry_line(data: bytes, number: int) -> Line:
    try:
        record = json.loads(data)
        seq = record["seq"]
        if type(seq) is not int or not 0 <= seq < 1 << 62:
            raise ValueError("seq")
        opened = [
            (seq, str(name), bytes.fromhex(one["salt"]), str(one["value"]))
            for name, one in sorted(record.get("opened", {}).items())
        ]
        proof = [bytes.fromhex(one) for one in record.get("proof", [])]
        return Line(seq, _utf8(record["header"]), bytes.fromhex(record["leaf"]), opened, proof)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnusableError(
            f"entries.jsonl, riga {number}: illeggibile",
            f"entries.jsonl, line {number}: unreadable",
        ) from error


class Export:
    """An export with its manifest; made to be verified by recomputation or by proofs."""

    def __init__(self, files: Folder | Zip) -> None:
        self.files = files
        self.manifest = _json(_small(files, "manifest.json"), "manifest.json")
        if not isinstance(self.manifest, dict) or self.manifest.get("format") != FORMAT:
            raise UnusableError("formato sconosciuto", "unknown format")
        self.is_extract = self.manifest.get("kind") == "extract"
        self.notes: dict[int, str] = {}
        self.cosignatures: list[tuple[int, str, str]] = []
        self.consistency: dict[int, list[bytes]] = {}
        self._read_checkpoints()
        self.newest = _text(_small(files, "checkpoint.txt", b""))
        self.segment = self._segment()

    def key(self) -> str:
        """Return the key that came with the export."""
        return _text(_small(self.files, "key.txt"))

    def _read_checkpoints(self) -> None:
        for number, data in enumerate(_lines(self.files, "checkpoints.jsonl"), start=1):
            try:
                record = json.loads(data)
                size = int(record["size"])
                self.notes[size] = str(record["note"])
                for one in record.get("cosignatures", []):
                    self.cosignatures.append((size, str(one["witness"]), str(one["line"])))
                if "consistency" in record:
                    self.consistency[size] = [bytes.fromhex(one) for one in record["consistency"]]
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise UnusableError(
                    f"checkpoints.jsonl, riga {number}: illeggibile",
                    f"checkpoints.jsonl, line {number}: unreadable",
                ) from error
            if len(self.notes) > MOST_FILES:
                raise UnusableError("troppi checkpoint", "too many checkpoints")

    def _segment(self) -> tuple[int, bytes] | None:
        start = self.manifest.get("start") or {}
        try:
            return (int(start["size"]), bytes.fromhex("".join(start["peaks"]))) if start else None
        except (ValueError, KeyError, TypeError) as error:
            raise UnusableError(
                "manifest.json: inizio illeggibile", "manifest.json: unreadable start"
            ) from error

    def tokens(self) -> list[tuple[int, bytes]]:
        """Return the time stamps, by size."""
        found = []
        for name in self.files.names():
            match = re.match(r"tokens/([0-9]{1,19})-[0-9]{1,19}\.tsr\Z", name)
            if match:
                found.append((int(match.group(1)), _small(self.files, name)))
        return sorted(found)[-100:]

    def lines(self) -> Iterator[Line]:
        """Return the entries as they stand."""
        for number, data in enumerate(_lines(self.files, "entries.jsonl"), start=1):
            yield _entry_line(data, number)

    def check_files(self, report: Report) -> None:
        """Hold every file against the manifest."""
        named = self.manifest.get("files")
        if not isinstance(named, dict):
            raise UnusableError("manifest.json: mancano i file", "manifest.json: no files")
        there = set(self.files.names()) - {"manifest.json"}
        for name in sorted(there | set(named)):
            shown = _short(name)
            if name not in there:
                report.find(NOWHERE, f"manca il file {shown}", f"file {shown} is missing")
            elif name not in named:
                report.remarks.append(
                    (f"{shown}: non è dell'esportazione", f"{shown}: not of the export")
                )
            elif self._digest(name) != named[name]:
                report.find(
                    NOWHERE,
                    f"il file {shown} non è quello del manifesto",
                    f"file {shown} is not the one of the manifest",
                )

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        with self.files.open(name) as file:
            while True:
                block = _read(file, 1 << 20, name)
                if not block:
                    return digest.hexdigest()
                digest.update(block)


def verify_export(export: Export, trust: Trust) -> Report:
    """Verify an export: the whole log by recomputation, an extract by its proofs."""
    report = Report(kind="extract" if export.is_extract else "full")
    export.check_files(report)
    report.checkpoints = len(export.notes)
    if export.is_extract:
        _verify_extract(export, trust, report)
    else:
        _verify_full(export, trust, report)
    said = export.manifest.get("entries")
    if report.entries != said:
        report.find(
            NOWHERE,
            f"il manifesto dice {_short(said)} voci, ce ne sono {report.entries}",
            f"the manifest says {_short(said)} entries, there are {report.entries}",
        )
    return report


def _verify_full(export: Export, trust: Trust, report: Report) -> None:
    """Recompute the whole tree; the lines are read twice side by side, never kept."""
    newest = max(export.notes.items(), default=None)
    shown = export.newest.partition("\n\n")[0]
    if shown != (newest[1].partition("\n\n")[0] if newest else ""):
        report.find(
            NOWHERE,
            "checkpoint.txt non è il più recente dei checkpoint dell'esportazione",
            "checkpoint.txt is not the newest checkpoint of the export",
        )
    evidence = Evidence(
        ((line.seq, line.header, line.leaf) for line in export.lines()),
        (opening for line in export.lines() for opening in line.opened),
        iter(sorted(export.notes.items())),
        newest,
        export.cosignatures,
        export.tokens(),
        export.segment,
        export.notes.get,
    )
    Walk(trust, report, sys.maxsize).run(evidence)


def _verify_extract(export: Export, trust: Trust, report: Report) -> None:
    """Hold each entry of an extract against the newest checkpoint by its proof."""
    try:
        head = check_note(export.newest, trust.key)
    except BadError as error:
        report.find(NOWHERE, f"checkpoint: {error.it}", f"checkpoint: {error.en}")
        return
    report.origin, report.root, report.size = head.origin, head.root, head.size
    before = -1
    for line in export.lines():
        report.entries += 1
        seq, leaf = line.seq, leaf_hash(line.header)
        if seq <= before:
            report.find(seq, f"la voce {seq} è fuori posto", f"entry {seq} is out of place")
        before = max(before, seq)
        if leaf != line.leaf:
            report.find(
                seq,
                f"la voce {seq} è stata modificata",
                f"entry {seq} was edited: its header does not give its leaf hash",
            )
        elif not proves_inclusion(leaf, seq, head.size, line.proof, head.root):
            report.find(
                seq,
                f"la voce {seq} non sta nel registro firmato",
                f"entry {seq} is not in the signed log",
            )
        check_header(report, seq, line.header, line.opened)
    _older_checkpoints(export, trust, report, head)


def _older_checkpoints(export: Export, trust: Trust, report: Report, head: Note) -> None:
    """Hold what others cosigned, stamped or hold against the checkpoint of the extract."""
    roots = {head.size: head.root}
    for size, text in sorted(export.notes.items()):
        try:
            note = check_note(text, trust.key, head.origin)
        except BadError as error:
            report.find(
                NOWHERE,
                f"checkpoint di {size} voci: {error.it}",
                f"checkpoint of {size} entries: {error.en}",
            )
            continue
        proof = export.consistency.get(size, [])
        if note.size == size and proves_consistency(size, head.size, proof, note.root, head.root):
            roots[size] = note.root
        else:
            report.find(
                NOWHERE,
                f"checkpoint di {size} voci: non è un passato di questo registro",
                f"checkpoint of {size} entries: not a past of this log",
            )
    for text in trust.held:
        _held_beside_extract(text, trust, report, (head, roots))
    notes = {head.size: export.newest, **export.notes}
    evidence = Evidence(iter(()), iter(()), iter(()), None, export.cosignatures, export.tokens())
    evidence.notes = notes.get
    vouchers = Vouchers(trust, evidence, report)
    for size in sorted(roots):
        vouchers.hold(size, notes.get(size, ""))
    vouchers.left(0)


def _held_beside_extract(
    text: str, trust: Trust, report: Report, known: tuple[Note, dict[int, bytes]]
) -> None:
    head, roots = known
    try:
        held = check_note(text, trust.key, head.origin)
    except BadError as error:
        report.find(NOWHERE, f"checkpoint tenuto: {error.it}", f"held checkpoint: {error.en}")
        return
    if held.size > head.size:
        report.remarks.append(
            (
                "il checkpoint tenuto è più recente dell'estratto",
                "the held checkpoint is newer than the extract",
            )
        )
    elif held.size not in roots:
        raise UnusableError(
            f"un estratto non si può confrontare con un checkpoint di {held.size} voci: chiedere l'esportazione intera",
            f"an extract cannot be compared with a checkpoint of {held.size} entries: ask for the whole export",
        )
    elif roots[held.size] != held.root:
        report.find(
            0,
            f"il registro non è quello del checkpoint tenuto di {held.size} voci",
            f"the log is not that of the held checkpoint of {held.size} entries",
        )
    else:
        report.vouched.append((held.size, "checkpoint tenuto", "held checkpoint"))


# ------------------------------------------------------------------ words


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _short(value: Any) -> str:
    """Return a stranger's text fit for a terminal."""
    text = str(value)[:200]
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _when(utc_us: int) -> str:
    try:
        return (EPOCH + timedelta(microseconds=utc_us)).strftime("%Y-%m-%d %H:%M:%S UTC")
    except OverflowError:
        return "?"


def render(report: Report, say: Callable[[str, str], str]) -> list[str]:
    """Return the verdict for people, line by line."""
    if report.problems:
        return _bad_news(report, say)
    told = [_good_news(report, say)]
    told.append(f"  {say('registro', 'log')}: {_short(report.origin)}")
    told.append(f"  {say('radice', 'root')}: {report.root.hex()}")
    told += _what_is_gone(report, say)
    told += _who_vouches(report, say)
    return told + [f"  {say(it, en)}" for it, en in report.remarks]


def _good_news(report: Report, say: Callable[[str, str], str]) -> str:
    if report.kind == "extract":
        return say(
            f"ESTRATTO AUTENTICO: {report.entries} voci di un registro di {report.size}",
            f"EXTRACT AUTHENTIC: {report.entries} entries of a log of {report.size}",
        )
    return say("REGISTRO INTEGRO", "LOG INTACT") + f": {report.entries} " + say("voci", "entries")


def _what_is_gone(report: Report, say: Callable[[str, str], str]) -> list[str]:
    """Return lines about what was dropped and erased, as it may be."""
    told = []
    if report.start:
        told.append(
            say(
                f"  le voci da 0 a {report.start - 1} sono eliminate: ne resta la radice; che fossero scadute lo dice chi ha la chiave",
                f"  entries 0 to {report.start - 1} are dropped: their root is left; that they were past their term is the key holder's word",
            )
        )
    if report.erased:
        told.append(
            say(
                f"  {report.erased} valori personali cancellati (lecito)",
                f"  {report.erased} personal values erased (lawful)",
            )
        )
    return told


def _who_vouches(report: Report, say: Callable[[str, str], str]) -> list[str]:
    """Return lines about who outside vouches, and for which entries nobody does."""
    told = [
        say(
            f"  garantite da altri fino alla voce {size - 1}: {it}",
            f"  vouched for up to entry {size - 1}: {en}",
        )
        for size, it, en in report.vouched
    ]
    furthest = max((size for size, _, _ in report.vouched), default=None)
    if furthest is None:
        told.append(
            say(
                "  ATTENZIONE: nessun altro garantisce: chi ha la chiave può aver riscritto o tagliato tutto (--held, --witness)",
                "  CAUTION: nobody else vouches: who has the key may have rewritten or cut it all (--held, --witness)",
            )
        )
    elif furthest < report.size:
        told.append(
            say(
                f"  le voci da {furthest} a {report.size - 1} non hanno altro garante che la chiave del gestore",
                f"  entries {furthest} to {report.size - 1} have no other guarantor than the operator's key",
            )
        )
    return told


def _bad_news(report: Report, say: Callable[[str, str], str]) -> list[str]:
    told = [say("REGISTRO ALTERATO", "LOG ALTERED")]
    first = report.first_bad()
    if first is not None:
        told.append(say(f"prima voce alterata: {first}", f"first altered entry: {first}"))
    if report.missing:
        spans = ", ".join(
            f"{a}" if a == b else f"{a}–{b}" for a, b in report.missing[:MOST_PRINTED]
        )
        told.append(f"{say('voci mancanti', 'missing entries')}: {spans}")
    for seq, it, en in sorted(report.findings, key=lambda one: one[0])[:MOST_PRINTED]:
        name = say("voce", "entry") + f" {seq}" if seq >= 0 else say("registro", "log")
        told.append(f"  {name}: {_short(say(it, en))}")
    if report.problems > MOST_PRINTED:
        more = report.problems - MOST_PRINTED
        told.append(say(f"  … e altre {more} anomalie", f"  … and {more} more"))
    return told


def as_json(report: Report) -> str:
    """Return the verdict for programs."""
    return json.dumps(
        {
            "ok": not report.problems,
            "kind": report.kind,
            "entries": report.entries,
            "size": report.size,
            "start": report.start,
            "root": report.root.hex(),
            "origin": report.origin,
            "first_bad": report.first_bad(),
            "missing": report.missing,
            "problems": report.problems,
            "findings": [{"seq": s, "it": it, "en": en} for s, it, en in report.findings],
            "erased": report.erased,
            "vouched": [{"size": s, "it": it, "en": en} for s, it, en in report.vouched],
            "remarks": [{"it": it, "en": en} for it, en in report.remarks],
        },
        ensure_ascii=False,
    )


# ------------------------------------------------------------------ the command


def verify(target: str, wish: argparse.Namespace) -> Report:
    """Verify whatever `target` is."""
    held = tuple(_file(one) for one in wish.held)
    witnesses = tuple(_key(one, "--witness") for one in wish.witness)
    if _is_database(target) and zipfile.is_zipfile(target):
        raise UnusableError(
            f"{target}: è insieme un ledger.db e uno zip: uno dei due nasconde l'altro",
            f"{target}: is a ledger.db and a zip at once: one hides the other",
        )
    if os.path.isdir(target) or zipfile.is_zipfile(target):
        export = Export(Folder(target) if os.path.isdir(target) else Zip(target))
        key = _key(wish.key, "--key") if wish.key else _key(export.key(), "key.txt")
        report = verify_export(export, Trust(key, held, witnesses, wish.tsa_ca))
        if not wish.key:
            vkey = f"{key.name}+{key.id().hex()}"
            report.remarks.insert(
                0,
                (
                    f"la chiave ({vkey}…) è arrivata con l'esportazione: confrontarla con quella avuta dal gestore (--key)",
                    f"the key ({vkey}…) came with the export: compare it with the one you hold (--key)",
                ),
            )
        return report
    if not os.path.isfile(target):
        raise UnusableError(f"{target}: non esiste", f"{target}: does not exist")
    if not wish.key:
        raise UnusableError("serve la chiave pubblica (--key)", "the public key is needed (--key)")
    return verify_database(target, Trust(_key(wish.key, "--key"), held, witnesses, wish.tsa_ca))


def _is_database(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(16) == b"SQLite format 3\x00"
    except (OSError, ValueError):
        return False


def _key(text: str, where: str) -> Key:
    try:
        looks_like_key = "+" in text and not os.path.exists(text.strip())
        return parse_key(text if looks_like_key else _file(text))
    except BadError as error:
        raise UnusableError(f"{where}: {error.it}", f"{where}: {error.en}") from error


def _file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(MOST_NOTE_CHARS * 4).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise UnusableError(f"{path}: {error}", f"{path}: {error}") from error


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="varco_verify.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="ESPORTAZIONE|ledger.db")
    parser.add_argument("--key", default="", metavar="CHIAVE", help="chiave pubblica, o file")
    parser.add_argument("--held", action="append", default=[], metavar="CHECKPOINT", help="file")
    parser.add_argument("--witness", action="append", default=[], metavar="CHIAVE", help="o file")
    parser.add_argument("--tsa-ca", default="", metavar="PEM", help="radici della marca temporale")
    parser.add_argument("--json", action="store_true", help="esito per programmi / for programs")
    parser.add_argument("--en", action="store_true", help="English")
    wish = parser.parse_args(words)

    def say(it: str, en: str) -> str:
        return en if wish.en else it

    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    try:
        report = verify(wish.target, wish)
    except UnusableError as error:
        print(
            f"{say('inutilizzabile', 'unusable')}: {_short(say(error.it, error.en))}",
            file=sys.stderr,
        )
        return UNUSABLE
    print(as_json(report) if wish.json else "\n".join(render(report, say)))
    return ALTERED if report.problems else INTACT


if __name__ == "__main__":
    sys.exit(main())
