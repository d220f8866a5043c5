# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Health and metrics."""

from gateway.console.services import Health


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
