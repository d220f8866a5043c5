# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A child of gates tells a passage once, keeps its best picture for seconds, forgets the rest."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from gateway.analytics.plates.gatekeeper import KEEP_S, Gatekeeper, Look, Pace
from gateway.analytics.plates.request import (
    Lane,
    PictureRequest,
    PlatePicture,
    PlateReply,
    PlateRequest,
    Run,
)
from gateway.model.errors import WireError
from gateway.model.media import AccessUnit
from gateway.model.registry import Direction
from tests.unit.analytics.plates.blocks import BlockEyes, Car, draw, film

ROAD = Lane(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), ((0.0, 0.5), (1.0, 0.5)))
LEFT = Lane(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)), ((0.0, 0.5), (0.5, 0.5)))
RIGHT = Lane(((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)), ((0.5, 0.5), (1.0, 0.5)))
A, B = "AB123CD", "FX987ZY"


class Watched(BlockEyes):
    """Remembers what it was given, to look at it later."""

    def __init__(self) -> None:
        self.pictures: list[np.ndarray] = []
        self.looks: list[Look] = []

    def find(self, picture):
        self.pictures.append(picture)
        return super().find(picture)

    def read(self, picture, spot):
        look = super().read(picture, spot)
        if look is not None:
            self.looks.append(look)
        return look


class Clock:
    """Our time, moved by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def keeper_of(eyes: BlockEyes) -> Gatekeeper:
    return Gatekeeper(eyes, Clock())


def ask(keeper: Gatekeeper, run: Run, units: list[AccessUnit], lanes=(ROAD,)) -> PlateReply:
    data = keeper.plates(PlateRequest("varco", run, list(lanes), units).pack())
    return PlateReply.unpack(data, len(lanes))


def watch(keeper: Gatekeeper, units: list[AccessUnit], lanes=(ROAD,)) -> list[PlateReply]:
    """Return the answers to a stream in requests of four units, and to its end."""
    answers = [
        ask(keeper, Run.FOLLOW if at else Run.BEGIN, units[at : at + 4], lanes)
        for at in range(0, len(units), 4)
    ]
    return [*answers, ask(keeper, Run.END, [], lanes)]


def told(answers: list[PlateReply]) -> list[tuple[str, int, Direction]]:
    return [(one.read.text, one.lane, one.way) for a in answers for one in a.passed]


def test_both_ways_two_lanes_and_one_that_turns_back() -> None:
    """Each text comes once with its lane and its way; who turns back before the line never."""
    cars = [
        Car(A, 0, 60, x=0.25),
        Car(B, 5, 60, x=0.75, start=0.9, end=0.12),
        Car("TURN000", 70, 50, x=0.25, end=0.8, turns=True),
    ]
    answers = watch(keeper_of(BlockEyes()), film(cars, 130), (LEFT, RIGHT))
    assert sorted(told(answers)) == [(A, 0, Direction.AB), (B, 1, Direction.BA)]


def test_two_cars_behind_each_other_are_two() -> None:
    """The second is in the picture before the first has left it."""
    answers = watch(keeper_of(BlockEyes()), film([Car(A, 0, 60), Car(B, 22, 60)], 90))
    assert told(answers) == [(A, 0, Direction.AB), (B, 0, Direction.AB)]


def test_a_passage_is_told_soon_and_once() -> None:
    """Within a second of the camera's time after the line, with the time of the crossing."""
    units = film([Car(A, 0, 60)], 80)
    answers = watch(keeper_of(BlockEyes()), units)
    (number,) = [at for at, one in enumerate(answers) if one.passed]
    (passage,) = answers[number].passed
    sent_90k = units[min(number * 4 + 3, len(units) - 1)].pts_90k
    assert passage.crossed_90k in {unit.pts_90k for unit in units}
    assert 0 <= sent_90k - passage.crossed_90k <= 90_000
    middle = (passage.box.left + passage.box.right) / 2
    assert abs(middle - 0.5) < 0.02
    assert (passage.read.certain, passage.read.alternatives[0].text) == (True, A[:-1] + "B")
    assert answers[-1].served == 1


def test_a_gap_tells_what_had_crossed_and_forgets_the_rest() -> None:
    """The stream breaks in the middle of two passages: one was over the line, one not."""
    units = film([Car(A, 0, 60, x=0.25), Car(B, 20, 60, x=0.75)], 90)
    keeper = keeper_of(BlockEyes())
    before = ask(keeper, Run.BEGIN, units[:36], (LEFT, RIGHT))
    assert told([before]) == []
    after = film([], 10, first_90k=9_000_000)
    assert told([ask(keeper, Run.BEGIN, after, (LEFT, RIGHT))]) == [(A, 0, Direction.AB)]
    assert told([ask(keeper, Run.END, [], (LEFT, RIGHT))]) == []


def test_who_knows_nothing_says_so() -> None:
    """A new child asked to follow looks at nothing and answers that it is new."""
    reply = ask(keeper_of(BlockEyes()), Run.FOLLOW, film([Car(A, 0, 20)], 20))
    assert (reply.unknown, reply.pictures, reply.passed) == (True, 0, ())


def test_nothing_is_left_of_a_passage_but_its_best_picture_and_that_for_seconds() -> None:
    """Pictures, crops and readings are zeros once a passage is over; the best picture after 5 s."""
    eyes, clock = Watched(), Clock()
    keeper = Gatekeeper(eyes, clock)
    (passage,) = [one for a in watch(keeper, film([Car(A, 0, 60)], 80)) for one in a.passed]
    assert len(eyes.pictures) > 20
    assert len(eyes.looks) > 10
    assert not any(picture.any() for picture in eyes.pictures)
    assert not any(look.crop.any() or any(look.reading) for look in eyes.looks)
    assert keeper.due_s() == pytest.approx(KEEP_S)
    best = keeper._kept[passage.id].best
    assert best.picture.any()
    assert best.crop.any()
    clock.now_s = 5.0
    keeper.expire()
    assert not best.picture.any()
    assert not best.crop.any()
    assert keeper.due_s() is None
    with pytest.raises(WireError, match="not here any more"):
        keeper.picture(PictureRequest("varco", passage.id, []).pack())


def pixels(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_the_picture_shows_the_plate_and_covers_masks_and_every_other_plate() -> None:
    """Others in the lane, others beside it, and what the masks hide are black."""
    beside = Car("BESIDE1", 0, 90, x=0.9, start=0.3, end=0.3)
    units = film([Car(A, 0, 60, x=0.3), Car(B, 12, 60, x=0.3), beside], 90)
    keeper = keeper_of(BlockEyes())
    answers = [ask(keeper, Run.BEGIN, units, (LEFT,))]
    (one,) = [one for a in answers for one in a.passed if one.read.text == A]
    mask = ((0.0, 0.0), (0.1, 0.0), (0.1, 0.1), (0.0, 0.1))
    data = keeper.picture(PictureRequest("varco", one.id, [mask]).pack())
    picture = PlatePicture.unpack(data)
    context, crop = pixels(picture.context), pixels(picture.crop)
    eyes = BlockEyes()
    found = [eyes.read(context, spot) for spot in eyes.find(context)]
    assert [bytes(look.reading).decode() for look in found if look] == [A]
    (spot,) = eyes.find(crop)
    assert bytes(eyes.read(crop, spot).reading).decode() == A
    assert context[:30, :60].max() < 12
    assert context[100:115, 300:340].mean() > 80
    with pytest.raises(WireError):
        keeper.picture(PictureRequest("varco", one.id, []).pack())


def test_a_mask_over_the_plate_leaves_no_crop() -> None:
    """What nobody may see is not shown because it is a plate."""
    keeper = keeper_of(BlockEyes())
    (one,) = [p for a in watch(keeper, film([Car(A, 0, 60)], 80)) for p in a.passed]
    everything = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    picture = PlatePicture.unpack(
        keeper.picture(PictureRequest("varco", one.id, [everything]).pack())
    )
    assert picture.crop == b""
    assert pixels(picture.context).max() < 12


def test_a_lost_and_found_track_is_not_told_twice() -> None:
    """The same text, lane and way within two seconds is the same car."""
    units = film([Car(A, 0, 30, end=0.7), Car(A, 44, 30, end=0.7), Car(B, 90, 40)], 150)
    assert [text for text, *_ in told(watch(keeper_of(BlockEyes()), units))] == [A, B]


def test_the_pace_keeps_to_the_budget() -> None:
    """Searching that costs 100 ms is done on every fourth picture of a budget of 35 ms."""
    pace = Pace()
    looked = 0
    for _ in range(100):
        due = pace.is_due(1)
        looked += due
        pace.spent(0.004, 0.1 if due else None)
    assert 24 <= looked <= 27
    quick = Pace()
    counts = 0
    for _ in range(100):
        due = quick.is_due(1)
        counts += due
        quick.spent(0.002, 0.01 if due else None)
    assert counts == 100


def test_bad_bytes_are_refused() -> None:
    """Whatever comes, a WireError or an answer."""
    keeper = keeper_of(BlockEyes())
    for data in (
        b"",
        b"\0\1x",
        PlateRequest("a", Run.BEGIN, [ROAD], []).pack()[:-1],
        draw(A).tobytes(),
    ):
        with pytest.raises(WireError):
            keeper.plates(data)
        with pytest.raises(WireError):
            keeper.picture(data)


SIGN = "4X4TAXI"


class Lettered(BlockEyes):
    """Is sure of plates, and not of a sign on the roof."""

    def decide(self, looks):
        read = super().decide(looks)
        unsure = not read.text or read.text == SIGN
        return replace(read, certain=not unsure, confidence=0.2 if unsure else 0.97)


@pytest.mark.parametrize("ahead", [0.09, -0.09])
def test_lettering_beside_a_plate_is_no_second_car(ahead: float) -> None:
    """Whichever crosses first: the vehicle passes once, with what its plate says."""
    cars = [Car(A, 0, 30), Car(SIGN, 0, 30, x=0.66, start=0.1 + ahead, end=0.9 + ahead)]
    assert told(watch(keeper_of(Lettered()), film(cars, 60))) == [(A, 0, Direction.AB)]


def test_lettering_that_crosses_in_the_same_moment_hides_no_plate() -> None:
    """Two crossings within a tenth of a second are one car: its plate tells which one."""
    cars = [Car(A, 0, 30), Car(SIGN, 0, 30, x=0.66, start=0.12, end=0.94)]
    assert told(watch(keeper_of(Lettered()), film(cars, 60))) == [(A, 0, Direction.AB)]


def test_motorcycles_side_by_side_are_two() -> None:
    """Both plates are certain: neither is lettering, even if one crosses a moment later."""
    cars = [Car(A, 0, 30), Car(B, 0, 30, x=0.66, start=0.01, end=0.83)]
    assert [text for text, _, _ in told(watch(keeper_of(Lettered()), film(cars, 60)))] == [A, B]


def test_an_unsure_read_away_from_a_plate_is_a_car_of_its_own() -> None:
    """Somebody who comes three seconds behind, or in the other half of the road, is not dropped."""
    cars = [Car(A, 0, 30, x=0.2), Car(SIGN, 0, 30, x=0.8), Car(SIGN, 75, 30, x=0.2)]
    found = told(watch(keeper_of(Lettered()), film(cars, 130), (LEFT, RIGHT)))
    assert found == [(A, 0, Direction.AB), (SIGN, 1, Direction.AB), (SIGN, 0, Direction.AB)]


def test_a_vehicle_that_comes_back_is_told_again() -> None:
    """In, and out again: twice, with its plate, though the sign is with it all the time."""
    sign = Car(SIGN, 0, 200, x=0.66, start=0.19, end=1.59, turns=True)
    cars = [Car(A, 0, 200, end=1.5, turns=True), sign]
    found = told(watch(keeper_of(Lettered()), film(cars, 215)))
    assert found == [(A, 0, Direction.AB), (A, 0, Direction.BA)]
