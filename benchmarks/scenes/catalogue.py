# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which footage is measured: events, quiet hours, tampering, load. All follow from a seed.

Development uses `DEVELOP` and may look at everything; figures that are reported use `REPORT`, which
nobody tunes to. Grounds of real footage take part where it is at hand.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.scenes import grounds
from benchmarks.scenes.moving import way
from benchmarks.scenes.spec import (
    SUB,
    VARIABLE_GOP,
    Act,
    Coding,
    Disturb,
    Disturbance,
    Event,
    Light,
    Noise,
    Rate,
    Shape,
    Spec,
    Tamper,
    Tampering,
)
from gateway.model.media import Codec

DEVELOP, REPORT = 1, 2026
SHORT_S = (1.2, 2.8)
"""Seconds for which a short event is to be seen."""
LONG_S = (3.4, 22.0)
LEAD_S = 24.0
"""Quiet before the first event: models learn the scene."""
GAP_S = 16.0
"""Quiet between events: an incident ends, and the watch goes back to key pictures."""
_PER_CLIP = 5
CODINGS = (
    SUB,
    replace(SUB, gop=25, rate=Rate.CBR),
    replace(SUB, codec=Codec.H265, kbps=300),
    replace(SUB, gop=VARIABLE_GOP),
    replace(SUB, codec=Codec.H265, gop=25, rate=Rate.CBR, kbps=300),
    replace(SUB, gop=250),
)
"""GOP 25, 50, 250 and variable, both codecs, CBR and VBR."""
_SPEEDS_M_S = {
    Shape.PERSON: ((0.8, 1.9), (3.0, 5.0)),
    Shape.VEHICLE: ((3.0, 7.0), (8.0, 13.0)),
    Shape.TWO_WHEELER: ((2.5, 4.5), (5.0, 8.0)),
}
"""Slow and fast."""
_TRIES = 4000
_STEP_S = 0.2
_BY_DAY = (
    Disturb.FOLIAGE, Disturb.WATER, Disturb.RAIN, Disturb.CLOUD, Disturb.SHAKE, Disturb.LIGHT_STEP,
    Disturb.FLICKER, Disturb.IR_SWITCH,
)  # fmt: skip
_BY_NIGHT = (
    Disturb.INSECTS, Disturb.HEADLIGHTS, Disturb.RAIN, Disturb.FOLIAGE, Disturb.FLICKER,
    Disturb.SHAKE, Disturb.LIGHT_STEP, Disturb.IR_SWITCH, Disturb.INSECTS,
)  # fmt: skip
_INDOORS = frozenset({"pharmacy"})
_INSIDE = (Disturb.FLICKER, Disturb.LIGHT_STEP, Disturb.IR_SWITCH, Disturb.HEADLIGHTS)
_BENIGN = (Disturb.LIGHT_STEP, Disturb.CLOUD, Disturb.RAIN, Disturb.IR_SWITCH)
"""What must never be taken for tampering."""


def events(seed: int, *, long: int, short: int) -> list[Spec]:
    """Return clips with so many distinct events, by turns over grounds, light, noise, codings."""
    rng = np.random.default_rng((seed, 101))
    wanted = [LONG_S] * long + [SHORT_S] * short
    clips: list[Spec] = []
    names = grounds.present()
    for number in range(0, len(wanted), _PER_CLIP):
        clips.append(_clip(rng, len(clips), wanted[number : number + _PER_CLIP], names))
    return clips


def _clip(
    rng: np.random.Generator, number: int, wanted: list[tuple[float, float]], names: tuple[str, ...]
) -> Spec:
    """Return one clip with an event for each of the wanted spans."""
    name = names[number % len(names)]
    light = (Light.DAY, Light.DAY, Light.NIGHT, Light.DUSK)[number % 4]
    begin_s, made = LEAD_S, list[Event]()
    for span_s in wanted:
        event, lasts_s = _event(rng, name, span_s)
        made.append(replace(event, begin_s=round(begin_s, 2), look=int(rng.integers(1 << 20))))
        begin_s += lasts_s + GAP_S + float(rng.uniform(0, 2))
    return Spec(
        f"events-{number}",
        name,
        int(rng.integers(1 << 20)),
        round(begin_s),
        events=tuple(made),
        disturbances=_company(rng, name, light, begin_s) if number % 2 else (),
        light=light,
        noise=tuple(Noise)[number % 3],
        sub=CODINGS[number % len(CODINGS)],
        osd=number % 3 == 0,
    )


def _event(rng: np.random.Generator, name: str, span_s: tuple[float, float]) -> tuple[Event, float]:
    """Return an event that can be seen for so long on a ground, and how long it takes in all."""
    place = grounds.PLACES[name]
    shapes = (Shape.PERSON,) if name in _INDOORS else tuple(Shape)
    for _ in range(_TRIES):
        shape = shapes[int(rng.integers(len(shapes)))]
        acts = tuple(one for one in Act if shape is Shape.PERSON or one is not Act.LINGERING)
        act = acts[int(rng.integers(len(acts)))]
        slow, fast = _SPEEDS_M_S[shape]
        least, most = slow if rng.random() < 0.6 else fast
        event = Event(
            shape, act, 0.0,
            float(rng.uniform(*place.reach_m)),
            float(rng.uniform(least, most)),
            float(rng.uniform(2.0, 12.0)) if act is not Act.ENTERING else float(rng.uniform(1, 6)),
            from_left=bool(rng.random() < 0.5),
        )  # fmt: skip
        seen_s, lasts_s = _spans(event, name)
        if span_s[0] <= seen_s <= span_s[1]:
            return event, lasts_s
    raise ValueError(f"ground {name} has no event of {span_s} s")


def _spans(event: Event, name: str) -> tuple[float, float]:
    """Return for how long an event's middle is inside the picture, and how long all takes."""
    lens = grounds.PLACES[name].lens
    path = way(event, lens, grounds.WIDTH)
    steps = np.arange(0.0, path.lasts_s, _STEP_S)
    inside = 0
    for second in steps:
        where = path.where(float(second))
        if where is not None:
            at = lens.project(np.array([[where.x_m, 0.5, where.z_m]]))[0]
            inside += bool(0 <= at[0] < grounds.WIDTH and 0 <= at[1] < grounds.HEIGHT)
    return inside * _STEP_S, path.lasts_s


def _company(
    rng: np.random.Generator, name: str, light: Light, length_s: float
) -> tuple[Disturbance, ...]:
    """Return a disturbance that goes on all the time beside the events."""
    kinds = _INSIDE[:1] if name in _INDOORS else _kinds(light)[:3]
    kind = kinds[int(rng.integers(len(kinds)))]
    return (Disturbance(kind, 0.0, length_s, float(rng.uniform(0.4, 0.8))),)


def _kinds(light: Light) -> tuple[Disturb, ...]:
    return _BY_DAY if light is Light.DAY else _BY_NIGHT


def quiet(seed: int, *, cameras: int, hours: float) -> list[Spec]:
    """Return footage without any event: so many cameras for so many hours each.

    In slots of a few minutes one or two disturbances go on at full strength, every fourth slot is
    calm: far worse than a day is, since all of a year's weather comes in it.
    """
    names = grounds.present()
    made: list[Spec] = []
    for number in range(cameras):
        rng = np.random.default_rng((seed, 103, number))
        name = names[number % len(names)]
        light = (Light.NIGHT, Light.DAY, Light.NIGHT, Light.DUSK)[number % 4]
        length_s = round(hours * 3600)
        made.append(
            Spec(
                f"quiet-{number}",
                name,
                int(rng.integers(1 << 20)),
                length_s,
                disturbances=tuple(_slots(rng, name, light, length_s)),
                light=light,
                noise=tuple(Noise)[number % 3],
                sub=SUB,
                osd=number % 3 == 1,
            )
        )
    return made


def _slots(
    rng: np.random.Generator, name: str, light: Light, length_s: float
) -> Iterator[Disturbance]:
    """Yield disturbances in slots of two to five minutes."""
    kinds = _INSIDE if name in _INDOORS else _kinds(light)
    begin_s = 40.0
    while begin_s < length_s:
        end_s = min(length_s, begin_s + float(rng.uniform(120, 300)))
        if rng.random() < 0.75:
            for _ in range(int(rng.integers(1, 3))):
                kind = kinds[int(rng.integers(len(kinds)))]
                yield Disturbance(kind, begin_s, end_s, float(rng.uniform(0.5, 1.0)))
        begin_s = end_s


def tamperings(seed: int) -> list[Spec]:
    """Return clips with one tampering each, by turns over grounds and light."""
    rng = np.random.default_rng((seed, 107))
    names = [one for one in grounds.present() if one != "car-park"]
    return [
        Spec(
            f"tamper-{kind.value}-{turn}",
            names[(number + 2 * turn) % len(names)],
            int(rng.integers(1 << 20)),
            70.0,
            tamperings=(Tampering(kind, 36.0, 70.0),),
            light=(Light.DAY, Light.NIGHT)[turn],
            noise=tuple(Noise)[number % 2],
        )
        for turn in range(2)
        for number, kind in enumerate(Tamper)
    ]


def benign(seed: int) -> list[Spec]:
    """Return clips that look like tampering and are none."""
    rng = np.random.default_rng((seed, 109))
    names = [one for one in grounds.present() if one not in _INDOORS]
    return [
        Spec(
            f"benign-{kind.value}",
            names[number % len(names)],
            int(rng.integers(1 << 20)),
            80.0,
            disturbances=(Disturbance(kind, 36.0, 66.0),),
        )
        for number, kind in enumerate(_BENIGN)
    ]


def load(seed: int, main: Coding, sub: Coding) -> Spec:
    """Return a clip whose first half is quiet and whose second half is never quiet.

    Both halves are whole groups of pictures, so that servers can play them in any order.
    """
    groups_s = main.gop / 25
    half_s = 4 * groups_s
    return Spec(
        "load",
        "yard",
        seed,
        2 * half_s,
        events=(
            Event(Shape.PERSON, Act.CROSSING, half_s, 8.0, 1.3, look=5),
            Event(Shape.VEHICLE, Act.CROSSING, half_s, 15.0, 3.0, from_left=False, look=9),
            Event(Shape.PERSON, Act.CROSSING, half_s, 18.0, 1.9, from_left=False, look=3),
        ),
        noise=Noise.MIDDLE,
        main=main,
        sub=sub,
    )


def make_all(folder: Path) -> None:
    """Make every background beforehand."""
    for name in grounds.present():
        grounds.ground(name, folder)
