# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.cli.alarms: figures of a period, as they are typed for."""

import asyncio
import json

import pytest

from gateway.cli.main import main
from gateway.relay.alarms.outbox import open_outbox
from tests.fakes import FakeClock
from tests.unit.relay.alarms.test_times import lived


@pytest.fixture
def config(tmp_path):
    (tmp_path / "state").mkdir()

    async def fill():
        clock = FakeClock()
        async with open_outbox(tmp_path / "state" / "alarms.db", clock=clock) as outbox:
            await lived((outbox, clock), taken_s=20, by="questura")
            await lived((outbox, clock), severity=5)

    asyncio.run(fill())
    path = tmp_path / "gateway.toml"
    path.write_text(f'[box]\nid = "prova"\nname = "Prova"\nstate_dir = "{tmp_path / "state"}"\n')
    return str(path)


def test_the_figures_of_a_period(config, capsys):
    """In words, and as JSON; a period without alarms has none."""
    period = ["--from", "2026-09-01", "--to", "2026-09-30", "--config", config]
    assert main(["alarms", "times", *period]) == 0
    told = capsys.readouterr().out
    assert "questura: 2" in told
    assert "≤ 30 s 100.0%" in told
    assert "persona" not in told
    assert main(["alarms", "times", "--json", *period]) == 0
    assert json.loads(capsys.readouterr().out)["alarms"] == 2
    old = ["--from", "2020-09-01", "--to", "2020-09-30", "--config", config]
    assert main(["alarms", "times", "--json", *old]) == 0
    assert json.loads(capsys.readouterr().out)["alarms"] == 0


def test_how_right_the_rules_were(config, capsys):
    """One false alarm of the two, one without a verdict; as JSON by week; nobody is named."""
    period = ["--from", "2026-09-01", "--to", "2026-09-30", "--config", config]
    assert main(["alarms", "precision", *period]) == 0
    told = capsys.readouterr().out
    assert "0%" in told
    assert "persona" not in told
    assert main(["alarms", "precision", "--json", *period]) == 0
    (rule,) = json.loads(capsys.readouterr().out)["rules"]
    assert [(week["false"], week["unjudged"]) for week in rule["weeks"]] == [(1, 1)]
    old = ["--from", "2020-09-01", "--to", "2020-09-30", "--config", config]
    assert main(["alarms", "precision", *old]) == 0


def test_what_is_no_day_or_no_box_is_said(config, capsys, tmp_path):
    """With the key or the file."""
    assert main(["alarms", "times", "--from", "x", "--to", "2026-09-30", "--config", config])
    assert "--from" in capsys.readouterr().err
    (tmp_path / "state" / "alarms.db").unlink()
    assert main(
        ["alarms", "times", "--from", "2026-09-01", "--to", "2026-09-30", "--config", config]
    )
    assert "alarms.db" in capsys.readouterr().err
