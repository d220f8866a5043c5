# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Exporting the log while the service is stopped: written in the log all the same, first."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.assembly.exporting import ExportFile, ExportMaker
from gateway.assembly.opening import ledger_key, sole_use
from gateway.audit.export import Keys
from gateway.audit.keys import public_bytes
from gateway.audit.ledger import open_ledger
from gateway.audit.verify import verify
from gateway.audit.wording import moment
from gateway.config.options import Options
from gateway.console.services import Box, ExportWish
from gateway.model.access import Actor, Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import ConfigError
from gateway.model.registry import Role
from gateway.registry.store import open_registry
from gateway.runtime.clock import Clock
from gateway.wire.checkpoint import VerifierKey

METHOD: Final = "offline"
"""How whoever exports with the service stopped proved to be: by root's access to the files."""


async def export_offline(
    options: Options, config: Path, wish: ExportWish, why: tuple[str, str], clock: Clock
) -> ExportFile:
    """Return an export; `why`: who (an account of the machine) and the reason given.

    ConfigError if the service runs or there is no log; LedgerError if the entry cannot be written.
    """
    state = options.box.state_dir
    path = state / "ledger.db"
    if not path.exists():
        raise ConfigError(str(path), "", "there is no log", "name the right configuration")
    with sole_use(options, running=False):
        key = ledger_key(options, str(config))
        made = open_ledger(path, origin=options.ledger.origin, key=key, clock=clock)
        async with made as ledger, open_registry(state / "registry.db", clock=clock) as registry:
            entry = _entry(*why)
            await ledger.append(entry)
            public = public_bytes(key)
            maker = ExportMaker(
                path,
                Keys(VerifierKey(options.ledger.origin, public)),
                registry.current(),
                Box(options.box.name, options.box.name, exercise=options.box.exercise),
                moment(clock.now().utc_us),
                ledger.head().size,
                verify(path, public),
            )
            by = Actor(why[0], why[0], Role.SYSADMIN, "", "", METHOD)
            file = maker.make(wish, by, why[1])
            await ledger.append(
                replace(
                    entry,
                    object_id=file.name,
                    bytes=file.bytes,
                    count=file.entries,
                    content_hash=file.sha256,
                    channel="file",
                )
            )
    return file


def _entry(who: str, reason: str) -> LedgerEvent:
    return LedgerEvent(
        event="log.export",
        operation=Operation.COMMUNICATION,
        regime=Regime.GDPR,
        actor_id=who,
        actor_type="human",
        role=Role.SYSADMIN.value,
        auth_method=METHOD,
        object_type="ledger",
        reason_text=reason,
        channel=METHOD,
    )
