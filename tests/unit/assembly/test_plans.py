# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from dataclasses import replace
from datetime import date

import pytest

from gateway.assembly.plans import plan
from gateway.model.errors import ConfigError
from gateway.model.registry import Analytic, SiteState, Zone
from tests.unit.access.town import NOW, SHOP_ACT, SQUARE_ACT, at, registry, with_site

SHAPE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))


def town(*acts):
    return replace(
        registry(*acts),
        zones={
            "retro": Zone("retro", "Retro", "banco", SHAPE),
            "targhe": Zone("targhe", "Targhe", "banco", SHAPE, analytic=Analytic.PLATES),
        },
    )


def planned(known, camera="banco", now=NOW, login=lambda *_: ("u", "p")):
    return plan(known.cameras[camera], known, now, login)


def test_an_act_in_force_switches_watching_and_ring_on():
    """Zones, recipients, act and seconds before come from the act."""
    made = planned(town())
    assert [zone.id for zone in made.zones] == ["retro"]
    assert made.act == "accordo-farmacia"
    assert made.recipients == ("istituto", "sala-pl")
    assert made.ring_s == 20.0


def test_without_an_act_nothing_is_watched_or_kept_and_the_reason_is_told():
    """No act: no analytics, no ring, but the camera is still pulled for its owner."""
    made = planned(town(SQUARE_ACT))
    assert (made.zones, made.ring_s, made.recipients) == ((), 0.0, ())
    assert made.off_reason


def test_everything_stops_when_the_last_day_is_over():
    """The act holds at 23:59 Rome time of its last day and no second longer (A-47)."""
    known = town(replace(SHOP_ACT, valid_until=date(2026, 6, 30)))
    assert planned(known, now=at(2026, 6, 30, 21, 59, 59)).zones
    after = planned(known, now=at(2026, 6, 30, 22, 0, 0))
    assert not after.zones
    assert "12/2026" in after.off_reason


def test_a_suspended_site_is_not_watched():
    """Approval is a condition of analysis, too (A-18)."""
    known = with_site(town(), "negozio", state=SiteState.SUSPENDED)
    assert not planned(known).zones


def test_nothing_is_kept_for_a_camera_without_zones():
    """No alarm can come, so there is nothing to keep seconds for."""
    known = replace(town(), zones={})
    assert planned(known).ring_s == 0.0


def test_credentials_are_looked_up_by_reference_only_where_one_is_named():
    """The plan carries the login, and its repr does not show the password."""
    known = town()
    secured = replace(known.cameras["banco"], credential="file:/x")
    known = replace(known, cameras={**known.cameras, "banco": secured})
    made = planned(known, login=lambda reference, camera: (f"{camera}-user", "s3cret"))
    assert (made.source.user, made.source.password) == ("banco-user", "s3cret")
    assert "s3cret" not in repr(made)


def test_an_unusable_credential_is_the_cameras_own_problem():
    """The camera is not opened, guarded or kept; the plan says what a person must correct."""

    def broken(reference, camera):
        raise ConfigError(f"camera {camera}", "credential", "no such file")

    known = town()
    secured = replace(known.cameras["banco"], credential="file:/x")
    made = plan(secured, known, NOW, broken)
    assert (made.source, made.zones, made.ring_s) == (None, (), 0.0)
    assert made.problem == "camera banco: credential: no such file"


def test_an_unusable_address_is_the_cameras_own_problem():
    """As with credentials: told, and nothing else is disturbed."""
    known = town()
    strange = replace(known.cameras["banco"], url="http://b/")
    made = plan(strange, known, NOW, lambda *_: ("u", "p"))
    assert made.source is None
    assert "url" in made.problem


@pytest.mark.parametrize(("box_s", "kept_s"), [(15.0, 15.0), (60.0, 20.0)])
def test_the_box_may_keep_less_than_the_act_allows_never_more(box_s, kept_s):
    """`ring.most_seconds` bounds what the act allows, not the other way round."""
    known = town()
    made = plan(known.cameras["banco"], known, NOW, lambda *_: ("", ""), box_s)
    assert made.ring_s == kept_s
