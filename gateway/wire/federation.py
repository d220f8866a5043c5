# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What an edge offers a room, as JSON bodies of the line: written by `parts_of`, read strictly.

An offer travels in parts, since a body has a bound; a part names its version, its place and how
many there are. A room takes nothing from an edge that is not inside the bounds below: each is
there because the edge is somebody else's box.
"""

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

from gateway.model.errors import WireError
from gateway.model.identifiers import ID_FORM
from gateway.model.media import StreamState
from gateway.model.registry import AreaKind, Disclosure, SiteKind
from gateway.model.room import Offer, OfferedAct, OfferedCamera

MOST_CAMERAS: Final = 500
"""Of one edge."""
MOST_ACTS: Final = 8
"""About one camera."""
MOST_PARTS: Final = 64
MOST_PART_BYTES: Final = 40 << 10
"""Of a part's JSON; a frame's head takes 60 KiB."""
MOST_CHARS: Final = 200
MOST_PROBLEM_CHARS: Final = 300
MOST_BEFORE_S: Final = 30.0
_MOST_WHOLE: Final = (1 << 53) - 1
_HEAD: Final = frozenset(("v", "edge", "name", "version", "exercise", "part", "of", "cameras"))
_ACT: Final = frozenset(("id", "title", "number", "from", "until", "disclosure", "before_s"))
_MARK: Final = "watermark"
_PLATES: Final = "plates"
"""Of an act, only where it is demanded: a room that does not know the word takes no such offer."""
_CAMERA: Final = frozenset(
    (
        "id", "name", "site", "site_name", "site_kind", "controller", "controller_name", "area",
        "acts", "at", "azimuth", "field_of_view", "sub", "state", "problem", "masked", "paused",
    )
)  # fmt: skip
_STATES: Final = frozenset(("", *(one.value for one in StreamState)))

Body = Mapping[str, Any]
E = TypeVar("E", bound=Enum)


# writing -----------------------------------------------------------------------------------


def parts_of(offer: Offer) -> tuple[dict[str, Any], ...]:
    """Return the bodies that tell an offer, at least one; WireError if no room would take it."""
    rows: list[list[dict[str, Any]]] = [[]]
    size = 0
    for camera in offer.cameras:
        row = _row(camera)
        cost = len(json.dumps(row, ensure_ascii=False).encode())
        if rows[-1] and size + cost > MOST_PART_BYTES:
            rows.append([])
            size = 0
        rows[-1].append(row)
        size += cost
    head = {
        "v": 1,
        "edge": offer.edge,
        "name": offer.edge_name,
        "version": offer.version,
        "exercise": offer.exercise,
    }
    parts = tuple(
        head | {"part": at, "of": len(rows), "cameras": row} for at, row in enumerate(rows, 1)
    )
    read = Parts()
    if [read.receive(one) for one in parts][-1] != offer:
        raise WireError("offer: not what a room would read")
    return parts


def _row(one: OfferedCamera) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "site": one.site,
        "site_name": one.site_name,
        "site_kind": one.site_kind.value,
        "controller": one.controller,
        "controller_name": one.controller_name,
        "area": one.area.value,
        "acts": [_act_row(act) for act in one.acts],
        "at": [one.latitude, one.longitude],
        "azimuth": one.azimuth_deg,
        "field_of_view": one.field_of_view_deg,
        "sub": one.has_sub,
        "state": one.state,
        "problem": one.problem,
        "masked": one.masked,
        "paused": one.paused,
    }


def _act_row(one: OfferedAct) -> dict[str, Any]:
    marked = {_MARK: True} if one.watermark else {}
    marked |= {_PLATES: True} if one.plates else {}
    return marked | {
        "id": one.id,
        "title": one.title,
        "number": one.number,
        "from": one.from_utc_us,
        "until": one.until_utc_us,
        "disclosure": one.disclosure.value,
        "before_s": one.before_s,
    }


# reading -----------------------------------------------------------------------------------


class Parts:
    """Parts in, an offer out once all of one version are there; holds one version at a time."""

    def __init__(self) -> None:
        self._head: tuple[object, ...] = ()
        self._cameras: list[OfferedCamera] = []
        self._next = 1

    def receive(self, body: Body) -> Offer | None:
        """Take the next part; the offer if it was the last. WireError leaves nothing behind.

        Parts come in order; the first one of any version begins anew.
        """
        try:
            return self._receive(body)
        except WireError:
            self._forget()
            raise

    def _receive(self, body: Body) -> Offer | None:
        _insist(body, _HEAD, "offer")
        if body["v"] != 1 or type(body["v"]) is not int:
            raise WireError("offer: another form than 1")
        edge, name = _id(body["edge"], "edge"), _line(body["name"], "name")
        version = _whole(body["version"], "version", _MOST_WHOLE)
        exercise = _flag(body["exercise"], "exercise")
        of = _whole(body["of"], "of", MOST_PARTS)
        part = _whole(body["part"], "part", of)
        if part == 0:
            raise WireError("offer: part 0")
        head = (edge, name, version, exercise, of)
        if part == 1:
            self._forget()
            self._head = head
        elif head != self._head or part != self._next:
            raise WireError(f"offer: part {part} of {of} out of order")
        self._cameras += self._read(body["cameras"])
        self._next += 1
        if part < of:
            return None
        cameras = tuple(self._cameras)
        self._forget()
        _insist_agreed(cameras)
        return Offer(edge, name, version, cameras, exercise)

    def _read(self, rows: object) -> list[OfferedCamera]:
        if not isinstance(rows, list) or len(rows) + len(self._cameras) > MOST_CAMERAS:
            raise WireError(f"offer: cameras are not a list of at most {MOST_CAMERAS}")
        return [_camera(row) for row in rows]

    def _forget(self) -> None:
        self._head, self._cameras, self._next = (), [], 1


def _camera(row: object) -> OfferedCamera:
    row = _insist(row, _CAMERA, "camera")
    acts = row["acts"]
    if not isinstance(acts, list) or not 0 < len(acts) <= MOST_ACTS:
        raise WireError(f"offer: acts of a camera are not a list of 1 to {MOST_ACTS}")
    at = row["at"]
    if not isinstance(at, list) or len(at) != 2:  # noqa: PLR2004 - latitude and longitude
        raise WireError("offer: at is not a place")
    state = row["state"]
    if not isinstance(state, str) or state not in _STATES:
        raise WireError("offer: state is not known")
    return OfferedCamera(
        id=_id(row["id"], "id"),
        name=_line(row["name"], "name"),
        site=_id(row["site"], "site"),
        site_name=_line(row["site_name"], "site_name"),
        site_kind=_member(SiteKind, row["site_kind"], "site_kind"),
        controller=_id(row["controller"], "controller"),
        controller_name=_line(row["controller_name"], "controller_name"),
        area=_member(AreaKind, row["area"], "area"),
        acts=tuple(_act(one) for one in acts),
        latitude=_number(at[0], "latitude", -90.0, 90.0),
        longitude=_number(at[1], "longitude", -180.0, 180.0),
        azimuth_deg=_number(row["azimuth"], "azimuth", 0.0, 360.0),
        field_of_view_deg=_number(row["field_of_view"], "field_of_view", 0.0, 360.0),
        has_sub=_flag(row["sub"], "sub"),
        state=state,
        problem=_line(row["problem"], "problem", MOST_PROBLEM_CHARS, empty=True),
        masked=_flag(row["masked"], "masked"),
        paused=_flag(row["paused"], "paused"),
    )


def _act(row: object) -> OfferedAct:
    given = {one for one in (_MARK, _PLATES) if isinstance(row, Mapping) and one in row}
    row = _insist(row, _ACT | given, "act")
    for one in sorted(given):
        if row[one] is not True:
            raise WireError(f"offer: {one} is not true")
    from_us = _whole(row["from"], "from", _MOST_WHOLE)
    until_us = _whole(row["until"], "until", _MOST_WHOLE)
    if from_us >= until_us:
        raise WireError("offer: an act ends before it begins")
    disclosure = _member(Disclosure, row["disclosure"], "disclosure")
    if disclosure is Disclosure.ON_INCIDENT:
        raise WireError("offer: an edge knows no incident of ours")
    return OfferedAct(
        id=_id(row["id"], "id"),
        title=_line(row["title"], "title"),
        number=_line(row["number"], "number", empty=True),
        from_utc_us=from_us,
        until_utc_us=until_us,
        disclosure=disclosure,
        before_s=_number(row["before_s"], "before_s", 0.0, MOST_BEFORE_S),
        watermark=_MARK in given,
        plates=_PLATES in given,
    )


def _insist_agreed(cameras: Iterable[OfferedCamera]) -> None:
    """Refuse two cameras of one name, and two that disagree about their site, owner or act."""
    seen: set[str] = set()
    said: dict[tuple[str, str], object] = {}
    for one in cameras:
        if one.id in seen:
            raise WireError(f"offer: camera {one.id} twice")
        seen.add(one.id)
        site = (one.site_name, one.site_kind, one.controller)
        claims: list[tuple[tuple[str, str], object]] = [
            (("site", one.site), site),
            (("controller", one.controller), one.controller_name),
        ]
        claims += [
            (("act", act.id), (act.title, act.number, act.from_utc_us, act.until_utc_us))
            for act in one.acts
        ]
        for key, value in claims:
            if said.setdefault(key, value) != value:
                raise WireError(f"offer: two things called {key[0]} {key[1]}")


def _insist(value: object, fields: frozenset[str], what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or value.keys() != fields:
        raise WireError(f"offer: fields of a {what} are missing or unknown")
    return value


def _id(value: object, name: str) -> str:
    if not isinstance(value, str) or not ID_FORM.match(value):
        raise WireError(f"offer: {name} is not an id")
    return value


def _line(value: object, name: str, most: int = MOST_CHARS, *, empty: bool = False) -> str:
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise WireError(f"offer: {name} is not a line of text")
    if not value.strip() and not empty:
        raise WireError(f"offer: {name} is empty")
    return value


def _whole(value: object, name: str, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise WireError(f"offer: {name} is not a number up to {most}")
    return value


def _number(value: object, name: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WireError(f"offer: {name} is not a number")
    if not least <= value <= most:  # no number is not in between either
        raise WireError(f"offer: {name} is not between {least:g} and {most:g}")
    return float(value)


def _flag(value: object, name: str) -> bool:
    if type(value) is not bool:
        raise WireError(f"offer: {name} is not yes or no")
    return value


def _member(kind: type[E], value: object, name: str) -> E:
    try:
        return kind(value)
    except ValueError as error:
        raise WireError(f"offer: {name} is not known") from error
