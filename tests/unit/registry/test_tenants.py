# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a kind of controller or site asks of the registry."""

from dataclasses import replace
from datetime import date, time

import pytest

from gateway.model.registry import (
    Act,
    ActScope,
    Analytic,
    AreaKind,
    Camera,
    Controller,
    Site,
    SiteKind,
    SiteState,
    TenantKind,
    WeekHours,
    Zone,
    empty_registry,
)
from gateway.registry.tenants import Project, faults_of_site, project_of

CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))


def world(sites=10, kind=TenantKind.ENTERPRISE, *, project=True, site_kind=SiteKind.COMPANY):
    """Return a registry with one controller whose sites have a camera each."""
    made = [Site(f"s{n}", f"Sede {n}", "ditta", site_kind, SiteState.ACTIVE) for n in range(sites)]
    cameras = [Camera(f"c{n}", "c", f"s{n}", "rtsp://x/1", AreaKind.PRIVATE) for n in range(sites)]
    owner = Controller("ditta", "Ditta", kind=kind, security_project=project)
    return replace(
        empty_registry(),
        controllers={"ditta": owner},
        sites={one.id: one for one in made},
        cameras={one.id: one for one in cameras},
    )


def problems(registry, site="s0"):
    return [problem for _, problem, _ in faults_of_site(registry.sites[site], registry)]


def test_an_enterprise_needs_ten_sites_with_a_camera():
    """«almeno dieci impianti»: nine are a fault that counts them, ten are none."""
    (problem,) = problems(world(9))
    assert "has 9 sites" in problem
    assert "needs 10" in problem
    assert problems(world(10)) == []


def test_a_site_without_a_camera_is_no_plant():
    """Ten sites of which one has nothing: nine."""
    registry = world(10)
    cameras = {id_: one for id_, one in registry.cameras.items() if id_ != "c9"}
    assert project_of(replace(registry, cameras=cameras), "ditta") == Project(9, 10)
    assert problems(replace(registry, cameras=cameras))


def test_two_cameras_of_a_site_are_one_plant():
    """Plants are counted, not cameras."""
    registry = world(9)
    second = replace(registry.cameras["c0"], id="c0b")
    registry = replace(registry, cameras=registry.cameras | {"c0b": second})
    assert project_of(registry, "ditta") == Project(9, 10)


def test_only_an_active_site_is_judged_and_only_with_a_project():
    """Sites are entered one by one; without a project nobody counts."""
    registry = world(1)
    draft = replace(registry.sites["s0"], state=SiteState.APPROVED)
    assert problems(replace(registry, sites={"s0": draft})) == []
    assert problems(world(1, project=False)) == []
    assert project_of(world(1, project=False), "ditta") is None
    assert project_of(world(1), "nessuno") is None


def test_another_controllers_sites_do_not_help():
    """Isolation: what a neighbour owns is not counted."""
    registry = world(10)
    other = Controller("altra", "Altra", kind=TenantKind.ENTERPRISE, security_project=True)
    moved = replace(registry.sites["s9"], controller="altra")
    registry = replace(
        registry,
        controllers=registry.controllers | {"altra": other},
        sites=registry.sites | {"s9": moved},
    )
    assert project_of(registry, "ditta") == Project(9, 10)
    assert project_of(registry, "altra") == Project(1, 10)


@pytest.mark.parametrize(
    ("kind", "fits"),
    [
        (TenantKind.CONDOMINIUM, True),
        (TenantKind.HOUSING_BODY, True),
        (TenantKind.TRADE_ASSOCIATION, True),
        (TenantKind.CONSORTIUM, True),
        (TenantKind.COMMITTEE, True),
        (TenantKind.MUNICIPALITY, False),
        (TenantKind.SHOP, False),
        (TenantKind.OTHER, False),
    ],
)
def test_a_project_is_for_the_six_kinds_of_the_law(kind, fits):
    """The other five need no number; a municipality or a shop has no such project."""
    assert (problems(world(1, kind)) == []) is fits


def school(**more):
    """Return a school with one camera outside."""
    return world(1, TenantKind.MUNICIPALITY, project=False, site_kind=SiteKind.SCHOOL, **more)


def test_a_school_reads_no_plates():
    """Neither by a zone nor by a line of an act, once its site is active."""
    zone = Zone("z", "Cancello", "c0", CORNERS, Analytic.PLATES)
    scope = ActScope(("c0",), ("sala",), (Analytic.INTRUSION, Analytic.PLATES))
    act = Act("patto", "P", "1", (), date(2026, 1, 1), date(2027, 1, 1), (scope,))
    registry = school()
    assert problems(registry) == []
    (by_zone,) = problems(replace(registry, zones={"z": zone}))
    assert "zone z" in by_zone
    (by_act,) = problems(replace(registry, acts={"patto": act}))
    assert "act patto" in by_act
    intrusion = replace(act, scopes=(replace(scope, analytics=(Analytic.INTRUSION,)),))
    assert problems(replace(registry, acts={"patto": intrusion})) == []
    draft = replace(registry.sites["s0"], state=SiteState.DRAFT)
    assert problems(replace(registry, sites={"s0": draft}, zones={"z": zone})) == []


def test_whatever_a_school_owns_is_a_school():
    """Also where its site says another kind."""
    zone = Zone("z", "Cancello", "c0", CORNERS, Analytic.PLATES)
    registry = world(1, TenantKind.SCHOOL, project=False, site_kind=SiteKind.OTHER)
    assert problems(replace(registry, zones={"z": zone}))
    elsewhere = world(1, TenantKind.SHOP, project=False, site_kind=SiteKind.OTHER)
    assert problems(replace(elsewhere, zones={"z": zone})) == []


def test_a_camera_inside_a_school_needs_the_calendar():
    """Else nobody could say when the school is closed."""
    registry = school()
    inside = replace(registry, cameras={"c0": replace(registry.cameras["c0"], indoor=True)})
    (problem,) = problems(inside)
    assert "inside" in problem
    hours = (WeekHours((1, 2, 3, 4, 5), time(7, 30), time(18)),)
    known = replace(inside, sites={"s0": replace(inside.sites["s0"], opening=hours)})
    assert problems(known) == []
