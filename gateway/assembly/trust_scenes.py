# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The exercise's two scenes of trust: acts that end now, and a ledger that somebody altered (A-33).

Both go the ways that the product has: the acts are changed through the registry's store and the
ledger is told; the altered ledger is a copy, judged by the verifier that auditors get.
"""

import asyncio
import json
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final

from gateway.access import calendar
from gateway.assembly.exercise import Outcome
from gateway.assembly.journal import Journal
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.registry.entities import key_of
from gateway.registry.seed import Seed
from gateway.registry.store import RegistryStore
from gateway.runtime.clock import Clock
from gateway.simulator import forgery

BY: Final = "exercise"
"""Who changes the registry, as versions and ledger name it."""
VERIFY_S: Final = 30.0
SHARING_IS_OFF: Final = Outcome(
    "Gli atti sono scaduti: nulla viene analizzato né condiviso. Entrare come «Responsabile di "
    "sala», aprire «Atti» e premere «Proroga» su entrambi.",
    "The acts are over: nothing is analysed or shared. Enter as the room supervisor, open “Acts” "
    "and press “Extend” on both.",
)
ENDED: Final = Outcome(
    "Il Patto e l'accordo con la farmacia finiscono in questo momento. La sala diventa buia, il "
    "titolare della farmacia continua a vedere, un intervento aperto resta con il suo avviso. Per "
    "riaccendere: entrare come «Responsabile di sala», aprire «Atti», premere «Proroga».",
    "The Patto and the agreement with the pharmacy end at this moment. The room goes dark, the "
    "pharmacy's owner still sees, an open incident stays with its banner. To turn it on again: "
    "enter as the room supervisor, open “Acts”, press “Extend”.",
)


async def end_acts(store: RegistryStore, journal: Journal, clock: Clock) -> Outcome:
    """Let every act end within a second: its last day is today, its last hour this one.

    What was opened until now was opened under an act in force, and may go on for an open alarm.
    """
    registry = store.current()
    soon = calendar.rome(clock.now().shifted(1.0)).replace(microsecond=0)
    last, moment = soon.date(), soon.time()
    for extension in registry.extensions:
        await store.withdraw("extension", extension, by=BY)
    ended = [
        replace(act, valid_until=last, until_time=moment)
        for act in registry.acts.values()
        if act.valid_from <= last - timedelta(days=1)
    ]
    await store.apply(Seed(BY, {key_of(act): act for act in ended}), by=BY)
    for act in ended:
        await journal.account(
            LedgerEvent(
                "config.change",
                Operation.MODIFICATION,
                Regime.GDPR,
                actor_id=BY,
                object_type="act",
                object_id=act.id,
                legal_basis_id=act.id,
                reason_text="ESERCITAZIONE: Fai scadere il Patto",
                policy_version=store.current().version,
            )
        )
    return ENDED


async def tamper(ledger: Path, key: str) -> Outcome:
    """Alter one entry of a copy of the ledger; return what the stand-alone verifier says."""
    with tempfile.TemporaryDirectory(prefix="varco-esercitazione-") as name:
        copy = await asyncio.to_thread(forgery.copied, ledger, Path(name))
        altered = await asyncio.to_thread(forgery.flip, copy)
        told = await _judged(copy, key)
    verdict = json.loads(told)
    first = int(verdict["first_bad"]) if verdict["first_bad"] is not None else -1
    findings = "\n".join(f"{one['seq']}: {one['it']}" for one in verdict["findings"])
    return Outcome(
        f"Alterata la voce {altered} di una copia. Il verificatore autonomo: registro NON integro, "
        f"prima voce non valida {first}. Il registro vero è intatto.",
        f"Entry {altered} of a copy was altered. The stand-alone verifier: ledger NOT intact, "
        f"first bad entry {first}. The true ledger is untouched.",
        findings,
        first,
    )


async def _judged(copy: Path, key: str) -> str:
    """Run the verifier that auditors get, in a process of its own; return its JSON."""
    program = files("gateway.audit").joinpath("varco_verify.py")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(program), str(copy), "--key", key, "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(VERIFY_S):
            told, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return told.decode()
