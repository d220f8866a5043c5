# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Keeping the log honest while the box runs: witnesses, a daily timestamp, a nightly check.

Nothing here stops anybody from looking. What is missing shows as a problem; what is altered makes
the box ill until a later verification finds it whole again.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from gateway.assembly.journal import Journal
from gateway.audit.authority import obtain_token
from gateway.audit.ledger import Extension, Ledger
from gateway.audit.nightly import MOST_ANSWER_BYTES, Verified, answer_of, request_of
from gateway.audit.tables import Cosigned, Stamp
from gateway.audit.verify import Trust
from gateway.audit.witness import BehindError, ForkError, Witness
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import LedgerError, PeerError
from gateway.runtime.clock import Clock
from gateway.wire import cosignature
from gateway.wire.cosignature import parse_witness_key

log = logging.getLogger(__name__)

COSIGN_S: Final = 60.0
"""How long the holder of the key could rewrite history unseen."""
WITNESS_S: Final = 20.0
FAREWELL_S: Final = 5.0
"""How long the last round may delay the end of the process."""
DAY_S: Final = 86_400.0
RETRY_S: Final = 3_600.0
NIGHT_S: Final = 2.5 * 3600
"""02:30 UTC: the quietest hour of a town."""
VERIFY_S: Final = 7_200.0
"""Five years of entries on a slow disk take minutes."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where timestamps come from, and whose they must be."""

    url: str
    roots_pem: bytes


@dataclass(frozen=True, slots=True)
class Outside:
    """Who else vouches for the log."""

    witnesses: tuple[Witness, ...] = ()
    anchor: Anchor | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The log as its verifier sees it."""

    path: Path
    public: bytes
    witnesses: tuple[str, ...] = ()
    """vkeys of those whose word counts."""
    roots_pem: bytes = b""


class Witnessing:
    """Has others vouch for the log, and looks after it; its coroutines run until cancelled."""

    def __init__(
        self, ledger: Ledger, journal: Journal, clock: Clock, subject: Subject, outside: Outside
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._clock = clock
        self._subject = subject
        self._witnesses = outside.witnesses
        self._rooms: Callable[[], Sequence[Witness]] | None = None
        self._anchor = outside.anchor
        self._first: dict[str, int] = {}
        """What each witness cosigned last, as far as we know."""
        self._newest_s: float | None = None
        self._silent: dict[str, str] = {}
        self._stamping = ""
        self.altered = ""
        """What the last verification found wrong; empty while the log is whole."""
        self._unverified = ""

    def also(self, rooms: Callable[[], Sequence[Witness]]) -> None:
        """Ask rooms, too, as many as are known by then; before `cosign` begins."""
        self._rooms = rooms

    def _everybody(self) -> tuple[Witness, ...]:
        known = {one.key.vkey() for one in self._witnesses}
        more = self._rooms() if self._rooms is not None else ()
        return (*self._witnesses, *(one for one in more if one.key.vkey() not in known))

    @property
    def witnesses(self) -> tuple[str, ...]:
        """Return the public keys of those whose word counts, as auditors are handed them."""
        rooms = self._rooms() if self._rooms is not None else ()
        return tuple(dict.fromkeys((*self._subject.witnesses, *(r.key.vkey() for r in rooms))))

    @property
    def trust(self) -> Trust:
        """Return whom a verification in this box believes."""
        keys = tuple(parse_witness_key(one) for one in self.witnesses)
        return Trust(keys, self._subject.roots_pem)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what a person has to look after; nothing stops because of it."""
        silent = (f"ledger: {problem}" for problem in self._silent.values())
        others = (self._stamping, self._unverified)
        return (*silent, *(f"ledger: {problem}" for problem in others if problem))

    def cosigned_age_s(self) -> float | None:
        """Return how long ago a witness vouched for the log; None: never, or there is none."""
        if self._newest_s is None:
            return None
        return max(0.0, self._clock.now().utc_us / 1_000_000 - self._newest_s)

    # witnesses -----------------------------------------------------------------------------------

    async def cosign(self) -> None:
        """Ask every witness, every minute."""
        with suppress(LedgerError):
            await self._recall()
        while self._witnesses or self._rooms is not None:
            await self.ask_all()
            await self._clock.sleep(COSIGN_S)

    async def farewell(self) -> None:
        """Ask once more before the end, so that nothing of this run stands unwitnessed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await self.ask_all(telling=False)

    async def ask_all(self, *, telling: bool = True) -> None:
        """Ask every witness once, side by side; `telling`: a change of state is an entry."""
        async with asyncio.TaskGroup() as group:
            asked = [(one.key.name, group.create_task(self._ask(one))) for one in self._everybody()]
        for name, answer in asked:
            await self._note(name, answer.result(), telling=telling)

    async def _recall(self) -> None:
        for one in await self._ledger.cosignatures():
            self._first[one.witness] = one.size
            self._newest_s = max(self._newest_s or 0.0, float(one.utc_s))

    async def _ask(self, witness: Witness) -> str:
        """Have one witness cosign the newest checkpoint; return what is wrong, or nothing."""
        name = witness.key.name
        if not self._ledger.head().size:
            return ""
        try:
            async with asyncio.timeout(WITNESS_S):
                asked = await self._ledger.extension(self._first.get(name, 0))
                try:
                    line = await witness.cosign(asked.note, asked.first, asked.proof)
                except BehindError as behind:
                    asked, line = await self._again(witness, asked, behind.size)
            utc_s = cosignature.check(asked.note, line, witness.key)
            await self._ledger.keep_cosignature(Cosigned(asked.size, name, utc_s, line))
        except TimeoutError:
            return f"witness {name}: no answer within {WITNESS_S:.0f} s"
        except ForkError as error:
            return f"refused: {error}"
        except (PeerError, LedgerError) as error:
            return str(error) or name
        self._first[name] = asked.size
        self._newest_s = max(self._newest_s or 0.0, float(utc_s))
        return ""

    async def _again(self, witness: Witness, asked: Extension, size: int) -> tuple[Extension, str]:
        """Ask again from where the witness is; it is not believed if it is ahead of us."""
        if size > asked.size:
            name = witness.key.name
            raise ForkError(f"witness {name}: saw {size} entries, here are {asked.size}")
        try:
            again = await self._ledger.extension(size)
        except LedgerError as error:
            told = "a person has to let it begin anew: what would prove it was dropped"
            raise LedgerError(
                f"witness {witness.key.name}: saw {size} entries, {told} ({error})"
            ) from error
        return again, await witness.cosign(again.note, again.first, again.proof)

    async def _note(self, name: str, problem: str, *, telling: bool) -> None:
        """Tell of a witness that ceased or began to answer, once."""
        before = self._silent.get(name, "")
        if problem:
            self._silent[name] = problem
        else:
            self._silent.pop(name, None)
        if bool(problem) == bool(before) and problem.startswith("refused") == before.startswith(
            "refused"
        ):
            return
        log.log(logging.ERROR if problem else logging.INFO, "witness", extra={"problem": problem})
        if telling:
            code = "refused" if problem.startswith("refused") else "silent"
            await self._journal.account(_told("log.cosign", name, code if problem else ""))

    # timestamps ----------------------------------------------------------------------------------

    async def anchor(self) -> None:
        """Obtain a timestamp every day; after a failure every hour."""
        while self._anchor is not None:
            try:
                wait_s = await self._due_s()
                if wait_s <= 0:
                    await self._stamp(self._anchor)
                    wait_s = DAY_S
                self._stamping = ""
            except (PeerError, LedgerError) as error:
                if not self._stamping:
                    log.error("timestamp-fails", extra={"problem": str(error)})  # noqa: TRY400 - the trace says nothing more
                self._stamping = f"timestamp: {error}"
                wait_s = RETRY_S
            await self._clock.sleep(min(wait_s, DAY_S))

    async def _due_s(self) -> float:
        """Return how long the newest token is good for; an empty log has nothing to stamp yet."""
        if not self._ledger.head().size:
            return COSIGN_S
        newest = await self._ledger.newest_token()
        if newest is None:
            return 0.0
        return DAY_S - (self._clock.now().utc_us - newest.utc_us) / 1_000_000

    async def _stamp(self, anchor: Anchor) -> None:
        asked = await self._ledger.extension(self._ledger.head().size)
        note = asked.note.encode()
        utc_us, der = await obtain_token(anchor.url, note, anchor.roots_pem)
        await self._ledger.keep_token(Stamp(asked.size, utc_us, der))
        told = LedgerEvent(
            "log.anchor",
            Operation.NONE,
            Regime.GDPR,
            object_type="checkpoint",
            object_id=str(asked.size),
            content_hash=sha256(note).hexdigest(),
            channel="rfc3161",
        )
        await self._journal.account(told)

    # verification and retention ------------------------------------------------------------------

    async def watch(self) -> None:
        """Verify at the start and every night; then drop what is past its term."""
        while True:
            await self.examine()
            now_s = self._clock.now().utc_us / 1_000_000
            await self._clock.sleep((NIGHT_S - now_s) % DAY_S or DAY_S)

    async def examine(self) -> None:
        """Verify once, write down the outcome, and let retention do its work if all is well."""
        try:
            async with asyncio.timeout(VERIFY_S):
                found = await self._verify()
        except (TimeoutError, LedgerError, OSError) as error:
            problem = str(error) or "no answer"
            self._unverified = f"not verified: {problem}"
            log.error("ledger-not-verified", extra={"problem": problem})  # noqa: TRY400 - the trace says nothing more
            await self._journal.account(_told("log.verify", "", "not-verified"))
            return
        self._unverified = ""
        await self._judge(found)

    async def _judge(self, found: Verified) -> None:
        if not found.ok:
            self.altered = f"altered, first at entry {found.first_bad}: {found.problems[0]}"
            log.error("ledger-altered", extra={"problem": self.altered})
            await self._journal.account(_told("log.verify", str(found.first_bad), "altered"))
            return
        self.altered = ""
        await self._journal.account(_told("log.verify", "", "", count=found.size))
        try:
            kept = await self._ledger.rotate()
        except LedgerError as error:
            self._unverified = f"retention of the log: {error}"
            log.error("ledger-retention-fails", extra={"problem": str(error)})  # noqa: TRY400 - the trace says nothing more
            return
        if kept.rotations or kept.erased:
            dropped = sum(one.entries for one in kept.rotations)
            log.info("ledger-rotated", extra={"entries": dropped, "erased": kept.erased})

    async def _verify(self) -> Verified:
        """Ask a child; cancelling ends it. LedgerError if it gives no answer."""
        s = self._subject
        held = self._ledger.checkpoint()
        asked = request_of(s.path, s.public, held, self.witnesses, s.roots_pem)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.audit.nightly",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            answer, _ = await child.communicate(asked.encode())
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode or len(answer) > MOST_ANSWER_BYTES:
            raise LedgerError(f"ledger: verification ended with {child.returncode}")
        return answer_of(answer)


def _told(event: str, name: str, error: str, count: int = 0) -> LedgerEvent:
    """Return an entry of the log about itself."""
    return LedgerEvent(
        event,
        Operation.NONE,
        Regime.GDPR,
        result="error" if error else "ok",
        error=error,
        object_type="ledger",
        object_id=name,
        count=count,
    )
