# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Templates of zones: each can be applied, what is written goes before, and A-43 holds."""

import pytest

from gateway.model.errors import ConfigErrors
from gateway.model.registry import Analytic, Holidays, empty_registry
from gateway.registry.seed import check_alone, merge, parse_seed
from gateway.registry.seed_text import to_toml
from gateway.registry.templates import advice, filled, keys_of, meanings, templates
from tests.unit.registry.worlds import SEED

PLACES = {
    Analytic.CROSSING: "line = [[0.2, 0.5], [0.8, 0.5]]",
    Analytic.TAMPER: "",
    Analytic.LOSS: "",
}
CORNERS = "polygon = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]"


def with_zone(*lines: str) -> str:
    zone = '\n[[zone]]\nid = "sagoma"\nname = "Sagoma"\ncamera = "banco"\n'
    return SEED + zone + "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", templates())
def test_each_template_makes_a_zone(name: str) -> None:
    """With a place of its own and nothing else; what comes out is written out again the same."""
    analytic = Analytic(templates()[name].get("analytic", "intrusione"))
    text = with_zone(f'template = "{name}"', PLACES.get(analytic, CORNERS))
    registry = merge(empty_registry(), parse_seed(text, "seed.toml"))
    zone = registry.zones["sagoma"]
    assert (zone.template, zone.analytic) == (name, analytic)
    assert meanings()[name]
    again = merge(empty_registry(), parse_seed(to_toml(registry), "seed.toml"))
    assert again.zones["sagoma"] == zone


def test_what_is_written_goes_before() -> None:
    """A key of the zone's own wins over its template, even where it says the usual."""
    lines = ('template = "farmacia/notte"', CORNERS, "severity = 3", "armed = []")
    seed = parse_seed(with_zone(*lines), "seed.toml")
    zone = merge(empty_registry(), seed).zones["sagoma"]
    assert (zone.severity, zone.armed, zone.holidays) == (3, (), Holidays.ALWAYS)
    again = parse_seed(to_toml(merge(empty_registry(), seed)), "seed.toml")
    assert merge(empty_registry(), again).zones["sagoma"] == zone


def test_a_template_that_does_not_exist() -> None:
    """The error names the line and the nearest one."""
    with pytest.raises(ConfigErrors) as caught:
        parse_seed(with_zone('template = "farmacia/note"', CORNERS), "seed.toml")
    assert "zone[sagoma].template: is no template (did you mean farmacia/notte?)" in str(
        caught.value
    )
    assert advice("xyz").startswith("known: banca/")
    assert keys_of("xyz") == frozenset()
    assert filled({"template": 3}) == {"template": 3}


@pytest.mark.parametrize("kind", ["dormitorio", "servizi-sociali"])
@pytest.mark.parametrize("how", ['analytic = "stazionamento"', 'template = "farmacia/vetrina"'])
def test_no_rule_may_watch_for_those_who_stay(kind: str, how: str) -> None:
    """Where people are helped loitering cannot be configured, and the error says why (A-43)."""
    text = with_zone(how, CORNERS).replace('kind = "farmacia"\nstate', f'kind = "{kind}"\nstate')
    with pytest.raises(ConfigErrors) as caught:
        check_alone(parse_seed(text, "seed.toml"))
    assert f"no rule may watch for those who stay at a {kind} (A-43)" in str(caught.value)
    other = with_zone('template = "ovunque/manomissione"').replace(
        'kind = "farmacia"\nstate', f'kind = "{kind}"\nstate'
    )
    assert "zone/sagoma" in check_alone(parse_seed(other, "seed.toml")).added
