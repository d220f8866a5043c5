# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""An export while the service is stopped stands in the log before it is made."""

import asyncio
import hashlib
import io
import json
import shutil
import zipfile

import pytest

from gateway.assembly import offline
from gateway.assembly.offline import export_offline
from gateway.assembly.opening import ledger_key, sole_use, state_directory
from gateway.audit.keys import public_bytes
from gateway.audit.ledger import open_ledger
from gateway.audit.verify import verify
from gateway.config.load import parse
from gateway.console.services import ExportWish
from gateway.model.audit import ExportForm, LedgerQuery
from gateway.model.errors import ConfigError, LedgerError
from tests.fakes import FakeClock
from tests.unit.assembly.parts import CONFIG, entries
from tests.unit.audit.logbook import event

WISH = ExportWish(LedgerQuery(), ExportForm.PACKAGE)
WHY = ("root", "perizia 7")


@pytest.fixture
def box(tmp_path):
    """A stopped box with three entries; what is there only while it runs is not."""
    options = parse(CONFIG, tmp_path / "gateway.toml")
    state_directory(options)

    async def fill():
        async with ledger_of(options) as ledger:
            await ledger.append_many([event(n) for n in range(3)])

    asyncio.run(fill())
    shutil.rmtree(options.box.runtime_dir, ignore_errors=True)
    return options, tmp_path / "gateway.toml"


def ledger_of(options):
    path, key = options.box.state_dir / "ledger.db", ledger_key(options, "gateway.toml")
    return open_ledger(path, origin=options.ledger.origin, key=key, clock=FakeClock())


async def exports(options):
    async with ledger_of(options) as ledger:
        return await entries(ledger, "log.export")


async def test_the_export_holds_the_entry_that_says_why(box):
    """A second one says what left: name, length, count and hash."""
    made = await export_offline(*box, WISH, WHY, FakeClock())
    with made.file as file:
        content = file.read()
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        lines = [json.loads(x) for x in packed.read("registro-varco/entries.jsonl").splitlines()]
    assert len(lines) == made.entries == 4
    assert json.loads(lines[-1]["header"])["event"] == "log.export"
    assert lines[-1]["opened"]["reason_text"]["value"] == "perizia 7"
    why, left = await exports(box[0])
    assert (why.actor_id, why.auth_method, why.content_hash) == ("root", "offline", "")
    assert (left.actor_id, left.reason_text) == WHY
    assert (left.object_id, left.bytes, left.count) == (made.name, len(content), 4)
    assert left.content_hash == hashlib.sha256(content).hexdigest()
    path, key = box[0].box.state_dir / "ledger.db", ledger_key(box[0], "gateway.toml")
    assert verify(path, public_bytes(key)).ok


async def test_without_its_entry_nothing_is_made(box, monkeypatch):
    """A log that takes no entry lets nothing leave."""
    made = []

    class Maker(offline.ExportMaker):
        def make(self, *words):
            made.append(words)
            return super().make(*words)

    async def full(_self, _event):
        raise LedgerError("full")

    monkeypatch.setattr(offline, "ExportMaker", Maker)
    with monkeypatch.context() as patch:
        patch.setattr("gateway.audit.ledger.Ledger.append", full)
        with pytest.raises(LedgerError, match="full"):
            await export_offline(*box, WISH, WHY, FakeClock())
    assert made == []
    (await export_offline(*box, WISH, WHY, FakeClock())).file.close()
    assert len(made) == 1


async def test_an_export_that_fails_is_still_accounted_for(box, monkeypatch):
    """The entry of the attempt stands, the one of what left does not."""

    def fail(*_words):
        raise LedgerError("disk")

    monkeypatch.setattr(offline.ExportMaker, "make", fail)
    with pytest.raises(LedgerError, match="disk"):
        await export_offline(*box, WISH, WHY, FakeClock())
    (why,) = await exports(box[0])
    assert (why.reason_text, why.content_hash) == ("perizia 7", "")


async def test_a_running_service_or_no_log_is_refused(box):
    """Both in words; nothing is written, and no log is made."""
    options, config = box
    with sole_use(options, running=False), pytest.raises(ConfigError, match="another varco"):
        await export_offline(options, config, WISH, WHY, FakeClock())
    assert await exports(options) == []
    path = options.box.state_dir / "ledger.db"
    path.rename(path.with_suffix(".away"))
    with pytest.raises(ConfigError, match="there is no log"):
        await export_offline(options, config, WISH, WHY, FakeClock())
    assert not path.exists()
