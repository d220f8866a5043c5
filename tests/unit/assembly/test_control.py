# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import logging
from contextlib import asynccontextmanager

import pytest

from gateway.assembly.control import ControlDesk
from gateway.console.services import ExportFormat
from gateway.model.access import Actor
from gateway.model.errors import ConfigError, LedgerError, SecondFactorNeededError
from gateway.model.registry import Role
from gateway.registry.seed import parse_seed
from tests.unit.assembly.parts import CONFIG, camera, entries, opened_box, secret_file, town

ROOT = Actor("uid-0", "root", Role.SYSADMIN, "prova", "", "peercred")


class Desk:
    """A control desk on real stores."""

    def __init__(self, opened):
        self.opened = opened
        self.replans = 0
        config = (opened.config_path, opened.options)
        self.control = ControlDesk(opened.registry, opened.journal, config, self._replan)

    async def _replan(self):
        self.replans += 1
        return ("uno",)

    async def apply(self, text, content_type="application/toml", **more):
        replace = more.pop("replace", False)
        raw = text if isinstance(text, bytes) else text.encode()
        return await self.control.apply(raw, content_type, replace=replace, by=ROOT)

    async def entry(self, event="config.change"):
        return (await entries(self.opened.ledger, event))[-1]


@pytest.fixture
def level():
    """Put the root logger's level back."""
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


@asynccontextmanager
async def desk(folder):
    async with opened_box(folder, town(folder)) as opened:
        yield Desk(opened)


async def test_an_import_is_in_the_ledger_with_its_version_and_who_made_it(tmp_path):
    """The entry says how much was added, changed and removed."""
    async with desk(tmp_path) as d:
        change = await d.apply(camera("due", "rtsp://192.0.2.2/", secret_file(tmp_path)))
        assert change.added == ("camera/due",)
        entry = await d.entry()
        assert (entry.object_id, entry.reason_text) == (f"registry/{change.version}", "+1 ~0 -0")
        assert (entry.result, entry.actor_id, entry.auth_method) == ("ok", "uid-0", "peercred")
        assert entry.policy_version == change.version


@pytest.mark.parametrize(
    ("document", "content_type", "words"),
    [
        (b'[[camera]]\nname = "\xff"', "application/toml", "not UTF-8"),
        (b"\xff{}", "application/geo+json", "not UTF-8"),
        (b"[[camera]]\nurll = 1", "application/toml", "url"),
        (b"{", "application/geo+json", "JSON"),
    ],
)
async def test_a_failed_import_is_told_and_is_in_the_ledger_too(
    tmp_path, document, content_type, words
):
    """Nothing changes; what was wrong is answered, that it was tried is written."""
    async with desk(tmp_path) as d:
        before = d.opened.registry.current()
        with pytest.raises(ConfigError, match=words):
            await d.apply(document, content_type)
        assert d.opened.registry.current() is before
        entry = await d.entry()
        assert (entry.result, entry.object_id) == ("error", "registry")
        assert entry.error.startswith("ConfigError")


async def test_everything_that_is_exported_can_be_imported_again(tmp_path):
    """The TOML form is the whole registry."""
    async with desk(tmp_path) as d:
        text = d.control.export(ExportFormat.TOML).decode()
        assert parse_seed(text, "export")
        assert "telecamera uno" in text.lower()
        change = await d.apply(text, replace=True)
        assert (change.added, change.changed, change.removed) == ((), (), ())
        assert b'"FeatureCollection"' in d.control.export(ExportFormat.GEOJSON)


async def test_a_reload_tells_restarts_until_they_are_made_and_writes_what_changed(tmp_path, level):
    """What the daemon started with decides about restarts; each entry has only the news."""
    async with desk(tmp_path) as d:
        path = d.opened.config_path
        path.write_text(CONFIG + "[stills]\nkeep_hours = 2\n")
        told = await d.control.reload(by=ROOT)
        assert told == ("stills.keep_hours: needs a restart", "camera uno: changed")
        assert (await d.entry()).reason_text == "stills.keep_hours"
        path.write_text(CONFIG + '[stills]\nkeep_hours = 2\n[log]\nlevel = "warning"\n')
        told = await d.control.reload(by=ROOT)
        assert told == ("stills.keep_hours: needs a restart", "camera uno: changed")
        assert (await d.entry()).reason_text == "log.level"
        assert logging.getLogger().level == logging.WARNING
        path.write_text(CONFIG)
        assert await d.control.reload(by=ROOT) == ("camera uno: changed",)
        assert d.replans == 3


async def test_a_reload_of_a_broken_file_changes_nothing_and_is_written(tmp_path, level):
    """The daemon goes on with what it has."""
    async with desk(tmp_path) as d:
        d.opened.config_path.write_text(CONFIG + "[consol]\nport = 1\n")
        with pytest.raises(ConfigError, match="did you mean console"):
            await d.control.reload(by=ROOT)
        assert d.replans == 0
        assert ((await d.entry()).object_id, (await d.entry()).result) == ("gateway.toml", "error")


async def test_a_password_is_set_and_written_without_the_password(tmp_path):
    """An unknown account is an error in the ledger as well."""
    async with desk(tmp_path) as d:
        await d.control.set_password("anna", "una frase lunga", by=ROOT)
        assert await d.opened.accounts.sign_in("anna", "una frase lunga", "127.0.0.1")
        entry = await d.entry("user.role")
        assert (entry.object_id, entry.result) == ("user/anna", "ok")
        assert "lunga" not in repr(entry)
        with pytest.raises(ConfigError):
            await d.control.set_password("nessuno", "una frase lunga", by=ROOT)
        assert (await d.entry("user.role")).result == "error"


async def test_a_change_in_the_dark_is_written_when_the_ledger_is_back(tmp_path, monkeypatch):
    """The registry keeps its own versions; the entry follows."""
    async with desk(tmp_path) as d:

        async def refuse(_):
            raise LedgerError("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(d.opened.ledger, "append", refuse)
            await d.apply(camera("due", "rtsp://192.0.2.2/", secret_file(tmp_path)))
        await d.opened.journal.settle()
        assert (await d.entry()).reason_text == "+1 ~0 -0"


async def test_a_second_device_is_taken_away_and_written(tmp_path):
    """The account signs in with its password alone again; an unknown one is an error."""
    async with desk(tmp_path) as d:
        await d.control.set_password("anna", "una frase lunga", by=ROOT)
        await d.opened.registry.set_totp("anna", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        with pytest.raises(SecondFactorNeededError):
            await d.opened.accounts.sign_in("anna", "una frase lunga", "127.0.0.1")
        await d.control.reset_totp("anna", by=ROOT)
        assert await d.opened.accounts.sign_in("anna", "una frase lunga", "127.0.0.1")
        entry = await d.entry("user.role")
        assert (entry.object_id, entry.reason_text) == ("user/anna", "totp-reset")
        with pytest.raises(ConfigError):
            await d.control.reset_totp("nessuno", by=ROOT)
