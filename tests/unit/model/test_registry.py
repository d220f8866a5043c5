# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from gateway.model.registry import (
    AreaKind,
    Camera,
    Controller,
    Mask,
    MaskPlace,
    Registry,
    Site,
    SiteKind,
    SiteState,
    Zone,
    empty_registry,
)

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))


def town():
    return Registry(
        1,
        {"comune": Controller("comune", "Comune")},
        {"p": Site("p", "Piazza", "comune", SiteKind.SQUARE, SiteState.ACTIVE)},
        {"c": Camera("c", "C", "p", "rtsp://h/x", AreaKind.PUBLIC)},
        {z: Zone(z, z, c, SQUARE) for z, c in (("b", "c"), ("a", "c"), ("x", "other"))},
        {
            "m": Mask("m", "c", SQUARE),
            "n": Mask("n", "c", SQUARE, MaskPlace.CAMERA),
        },
        {},
        {},
        {},
    )


def test_the_owner_of_a_camera_is_its_sites_controller():
    """Ownership follows the site."""
    registry = town()
    assert registry.controller_of(registry.cameras["c"]).id == "comune"


def test_zones_of_a_camera_come_in_order():
    """Only its own, sorted, so that results are stable."""
    assert [z.id for z in town().zones_of("c")] == ["a", "b"]


def test_only_masks_that_we_must_burn_in_are_returned():
    """A mask that the camera applies is not applied twice."""
    assert [m.id for m in town().masks_of("c")] == ["m"]


def test_the_empty_registry_knows_nothing():
    """Version 0 is before any change."""
    assert empty_registry().version == 0
    assert not empty_registry().cameras
