# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco policy explain` over a control socket, before the real gate."""

import asyncio
from dataclasses import replace

import pytest

from gateway.access.gate import Gate
from gateway.cli.control_client import open_control
from gateway.cli.parser import OPERATIONS
from gateway.cli.policy import ExplainRequest, explain
from gateway.console.app import build_control_app
from gateway.console.listener import bind_unix
from gateway.model.access import Action
from gateway.model.errors import PeerError
from tests.ui.town import PHARMACY, Town
from tests.unit.access.test_gate import Journal
from tests.unit.console.conftest import serving


def english(_italian, text):
    return text


async def test_an_administrator_reads_why(tmp_path, capsys):
    """Each question in a line, the outcome as exit status; nothing is written; users by id."""
    town, journal = Town(), Journal()
    gate = Gate(journal, lambda: town.registry, town.alarms.get, town.clock)
    app = build_control_app(replace(town.services(), gate=gate, rights=gate))
    path = tmp_path / "control.sock"

    def run(user, purpose="titolare"):
        with open_control(path) as control:
            request = ExplainRequest(user, PHARMACY, "live", purpose, "")
            return explain(control, request, english)

    async with serving(app, [bind_unix(path)]):
        assert await asyncio.to_thread(run, "marco") == 0
        assert "ALLOWED until" in capsys.readouterr().out
        assert await asyncio.to_thread(run, "aldo") == 1
        told = capsys.readouterr().out
        assert "✗ role" in told
        assert "REFUSED (role-may-not)" in told
        with pytest.raises(PeerError, match="404"):
            await asyncio.to_thread(run, "nessuno")
    assert journal.events == []


def test_the_parser_knows_every_operation():
    """The words of the command line are the actions of the model."""
    assert set(OPERATIONS) == {one.value for one in Action}
