# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Offers on the line: read back as they were, in parts, and refused where they are strange."""

import copy
import json
from dataclasses import replace

import pytest

from gateway.model.errors import WireError
from gateway.model.registry import AreaKind, Disclosure, SiteKind
from gateway.model.room import Offer, OfferedAct, OfferedCamera
from gateway.wire.federation import MOST_CAMERAS, MOST_PARTS, Parts, parts_of
from gateway.wire.uplink import Frame, encode

ACT = OfferedAct("patto", "Patto", "7/2026", 1_700_000_000_000_000, 1_900_000_000_000_000,
                 Disclosure.ALWAYS, 10.0)  # fmt: skip
CAMERA = OfferedCamera(
    id="banco",
    name="Banco",
    site="farmacia",
    site_name="Farmacia",
    site_kind=SiteKind.PHARMACY,
    controller="farmacista",
    controller_name="Farmacia Centrale",
    area=AreaKind.OPEN_TO_PUBLIC,
    acts=(ACT,),
    latitude=45.4,
    longitude=12.3,
    azimuth_deg=90.0,
    has_sub=True,
    state="live",
)


def offer(*cameras, version=1):
    return Offer("varco-nord", "Varco Nord", version, cameras)


def many(number):
    return offer(*(replace(CAMERA, id=f"c{at}", name="é" * 100) for at in range(number)))


def read(parts):
    reader = Parts()
    found = [reader.receive(json.loads(json.dumps(one))) for one in parts]
    assert all(one is None for one in found[:-1])
    return found[-1]


def test_an_offer_is_read_back():
    """One camera, none at all, and one that says everything."""
    full = replace(CAMERA, masked=True, paused=True, problem="", acts=(ACT, replace(ACT, id="b")))
    marked = replace(CAMERA, acts=(replace(ACT, watermark=True), replace(ACT, plates=True)))
    for one in (offer(CAMERA), offer(), replace(offer(full), exercise=True), offer(marked)):
        assert read(parts_of(one)) == one
    for key in ("watermark", "plates"):
        (plain,) = parts_of(offer(CAMERA))
        assert key not in plain["cameras"][0]["acts"][0]  # older rooms take it
        plain["cameras"][0]["acts"][0][key] = False
        with pytest.raises(WireError, match=key):
            Parts().receive(plain)


def test_a_large_offer_travels_in_frames_that_a_line_takes():
    """500 cameras: several parts, each of which fits into a frame."""
    one = many(MOST_CAMERAS)
    parts = parts_of(one)
    assert 1 < len(parts) <= MOST_PARTS
    for part in parts:
        encode(Frame("offer", part, number=1))
    assert read(parts) == one


def test_more_cameras_than_the_bound_are_refused():
    """Neither written nor read, however they are spread over parts."""
    with pytest.raises(WireError):
        parts_of(many(MOST_CAMERAS + 1))
    whole = parts_of(many(MOST_CAMERAS))
    reader = Parts()
    extra = [one | {"of": len(whole) + 1} for one in whole]
    for one in extra:
        reader.receive(one)
    last = parts_of(offer(replace(CAMERA, id="late")))[0]
    with pytest.raises(WireError):
        reader.receive(last | {"part": len(whole) + 1, "of": len(whole) + 1})


def test_parts_of_two_offers_are_not_mixed():
    """A part out of order ends it; the first part of a new version begins anew."""
    one, two = parts_of(many(MOST_CAMERAS)), parts_of(replace(many(MOST_CAMERAS), version=2))
    reader = Parts()
    assert reader.receive(one[0]) is None
    with pytest.raises(WireError):
        reader.receive(two[1])
    with pytest.raises(WireError):
        reader.receive(one[1])
    assert [reader.receive(part) for part in two][-1] == replace(many(MOST_CAMERAS), version=2)


def spoilt(path, value):
    body = copy.deepcopy(parts_of(offer(CAMERA))[0])
    node = body
    for step in path[:-1]:
        node = node[step]
    if value is KeyError:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return body


FIRST = ("cameras", 0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("v",), 2),
        (("v",), True),
        (("edge",), "a.b"),
        (("edge",), None),
        (("name",), ""),
        (("name",), "a\nb"),
        (("version",), -1),
        (("exercise",), 1),
        (("part",), 0),
        (("part",), 2),
        (("of",), MOST_PARTS + 1),
        (("surprise",), 1),
        (("cameras",), {}),
        (("cameras",), [7]),
        ((*FIRST, "id"), "sala.piazza"),
        ((*FIRST, "id"), "../etc"),
        ((*FIRST, "name"), "x" * 201),
        ((*FIRST, "name"), "a\u202eb"),
        ((*FIRST, "site_kind"), "castello"),
        ((*FIRST, "area"), []),
        ((*FIRST, "acts"), []),
        ((*FIRST, "at"), [91, 0]),
        ((*FIRST, "at"), [0, float("nan")]),
        ((*FIRST, "at"), [0]),
        ((*FIRST, "azimuth"), 10**400),
        ((*FIRST, "azimuth"), "north"),
        ((*FIRST, "azimuth"), True),
        ((*FIRST, "sub"), "yes"),
        ((*FIRST, "state"), "dancing"),
        ((*FIRST, "state"), []),
        ((*FIRST, "problem"), "x" * 301),
        ((*FIRST, "paused"), KeyError),
        ((*FIRST, "acts", 0, "until"), 0),
        ((*FIRST, "acts", 0, "disclosure"), "mai"),
        ((*FIRST, "acts", 0, "disclosure"), "su-intervento"),
        ((*FIRST, "acts", 0, "before_s"), 31),
        ((*FIRST, "acts", 0, "number"), 7),
    ],
)
def test_strange_offers_are_refused(path, value):
    """Each bound of the form, by itself; nothing is left behind."""
    reader = Parts()
    with pytest.raises(WireError):
        reader.receive(spoilt(path, value))
    assert reader.receive(parts_of(offer(CAMERA))[0]) == offer(CAMERA)


@pytest.mark.parametrize(
    "other",
    [
        CAMERA,
        replace(CAMERA, id="x", site_name="Altro"),
        replace(CAMERA, id="x", controller_name="Altro"),
        replace(CAMERA, id="x", site="y", acts=(replace(ACT, title="Altro"),)),
    ],
)
def test_cameras_that_contradict_each_other_are_refused(other):
    """One name, one thing."""
    with pytest.raises(WireError):
        parts_of(offer(CAMERA, other))
