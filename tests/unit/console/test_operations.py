# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Health and metrics."""

from dataclasses import replace

import pytest

from gateway.console.services import Health

METRICS = (
    "# HELP varco_viewers Live sessions\n"
    "varco_viewers 2.0\n"
    'varco_process_restarts_total{process="media"} 1.0\n'
    'varco_camera_live{camera="farmacia-1"} 1.0\n'
    'varco_camera_state{camera="farmacia-1",state="live"} 1.0\n'
    'varco_device_reachable{device="Telecamera del banco"} 1.0\n'
    'varco_act_days_left{act="patto-farmacia"} 7.0\n'
    'varco_kept_copies{class="fermo-immagine",controller="farmacia"} 3.0\n'
    'varco_odd{process="x",label="farmacia"} 3.0\n'
)
PROBLEMS = ("camera farmacia-1: stalled", "camera piazza-2: refused", "device Banco: unreachable")
PROBLEMS += ("act patto-farmacia: expires in 7 days",)


async def test_health_is_503_with_its_problems(site, town):
    """A sick box says what is wrong, with a status that monitors understand."""
    async with site.anonymous() as client:
        assert (await client.get("/healthz")).json() == {"ok": True, "problems": []}
        town.operations.state = Health(False, ("ledger.db: disk full",))
        answer = await client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["ledger.db: disk full"]


async def test_metrics_are_prometheus_text(site):
    """The exposition format is announced with its version."""
    async with site.anonymous() as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "varco_viewers 0" in answer.text


async def told(client):
    """Return what health and metrics tell a client."""
    metrics = (await client.get("/metrics")).text
    return (await client.get("/healthz")).json()["problems"], metrics


@pytest.fixture
def busy(town, monkeypatch):
    """A town with figures and faults of every kind."""
    town.operations.state = Health(False, ("ledger: writing to the spare file", *PROBLEMS))
    monkeypatch.setattr(town.operations, "metrics", lambda: METRICS)
    return town


async def test_who_is_not_monitoring_reads_no_names(site, busy):
    """Neither a stranger nor an operator or owner learns which cameras the box has."""
    anonymous = site.anonymous()
    async with anonymous, site.as_user("marco") as owner, site.as_user("anna") as operator:
        for client in (anonymous, owner, operator):
            problems, metrics = await told(client)
            assert problems == [
                "ledger: writing to the spare file",
                "camera: 2 with a problem",
                "device: 1 with a problem",
                "act: 1 with a problem",
            ]
            assert "farmacia" not in metrics
            assert "Telecamera" not in metrics
            assert "varco_viewers 2.0" in metrics
            assert 'process="media"' in metrics


async def test_a_sysadmin_reads_everything(site, busy):
    """Who keeps the box running needs the names."""
    async with site.as_user("sara") as client:
        problems, metrics = await told(client)
    assert problems[1:] == list(PROBLEMS)
    assert metrics == METRICS


@pytest.mark.parametrize(("listed", "named"), [("127.0.0.1", True), ("127.0.0.2", False)])
async def test_a_monitoring_host_reads_everything(site, busy, listed, named):
    """By the address of its connection, never by a header."""
    busy.box = replace(busy.box, monitors=(listed,))
    site.app.state.services = busy.services()
    async with site.anonymous(headers={"X-Forwarded-For": "127.0.0.2"}) as client:
        problems, metrics = await told(client)
    assert ("farmacia-1" in metrics) is named
    assert (PROBLEMS[0] in problems) is named
