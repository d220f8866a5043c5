# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.groups."""

from dataclasses import replace

import pytest

from gateway.relay.alarms.groups import GROUP_US, LONGEST_US, Neighbour, group_of, near_cameras
from tests.unit.registry.worlds import small


@pytest.mark.parametrize(
    ("neighbours", "group"),
    [
        ([], ""),
        ([Neighbour("g", 0, 0)], "g"),
        ([Neighbour("g", -GROUP_US, -GROUP_US)], "g"),
        ([Neighbour("g", GROUP_US, GROUP_US)], "g"),
        ([Neighbour("g", -GROUP_US - 1, 0)], ""),
        ([Neighbour("g", -1, -LONGEST_US - 1)], ""),
        ([Neighbour("far", -9, 0), Neighbour("near", 8, 0)], "near"),
        ([Neighbour("b", 5, 0), Neighbour("a", -5, 0)], "a"),
        ([Neighbour("", 0, 0)], ""),
    ],
)
def test_the_closest_in_time_within_a_minute(neighbours, group):
    """A minute either way; a chain ends after a quarter of an hour."""
    assert group_of(0, neighbours) == group


def world(*places):
    """Return a registry with cameras of (id, site, latitude, longitude); site b is another's."""
    base = small()
    one, site = base.cameras["banco"], base.sites[base.cameras["banco"].site]
    sites = {
        "a": replace(site, id="a", controller="x"),
        "a2": replace(site, id="a2", controller="x"),
        "b": replace(site, id="b", controller="y"),
    }
    cameras = {
        id_: replace(one, id=id_, site=at, latitude=lat, longitude=lon)
        for id_, at, lat, lon in places
    }
    return replace(base, sites=sites, cameras=cameras)


def test_the_same_owners_site_or_within_sixty_metres():
    """Another owner's never, however near; one that was not surveyed only at its own site."""
    metre = 1 / 111_195
    registry = world(
        ("one", "a", 44.0, 10.0),
        ("same-site", "a", 0.0, 0.0),
        ("near", "a2", 44.0 + 59 * metre, 10.0),
        ("far", "a2", 44.0 + 61 * metre, 10.0),
        ("theirs", "b", 44.0, 10.0),
        ("unplaced", "a2", 0.0, 0.0),
    )
    assert near_cameras("one", registry) == {"one", "same-site", "near"}
    assert near_cameras("unplaced", registry) == {"unplaced", "near", "far"}
    assert near_cameras("gone", registry) == {"gone"}
    assert near_cameras("", registry) == frozenset()
