# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What edges offer this room, kept and merged over its own registry.

An edge is somebody else's box: what it says is bounded by `gateway.wire.federation`, every name
gets the edge's own id before it, and only the organisations that this room's registry names for
the edge ever see it. The stored registry never contains any of it.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from gateway.model.errors import RefusedError, StoreError, WireError
from gateway.model.identifiers import ID_FORM
from gateway.model.registry import (
    Act,
    ActKind,
    ActScope,
    Analytic,
    Camera,
    Controller,
    Edge,
    Pause,
    Registry,
    Site,
    SiteState,
)
from gateway.model.room import LINE_SCHEME, Offer, OfferedAct, OfferedCamera, at_edge, at_room
from gateway.model.time import ROME
from gateway.runtime.clock import Clock
from gateway.wire.federation import Parts, parts_of

log = logging.getLogger(__name__)

MOST_FILE_BYTES: Final = 4 << 20
LEAST_BETWEEN_S: Final = 0.5
"""An edge that offers anew more often is told to wait; ours do no more than one a second."""
OFTEN: Final = "too-often"
"""The code of that refusal."""
MOST_EDGES: Final = 1_000
EXERCISE: Final = " (esercitazione)"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DPIA: Final = "presso la sede"
"""An edge names no act without the assessment that it needs, and its own gate asks again."""


def overlaid(registry: Registry, offers: Mapping[str, Offer]) -> Registry:
    """Return the registry with what its edges offer; the same one if they offer nothing.

    Edges that are not in the registry, are disabled or have no organisation count for nothing.
    """
    shown = [
        (edge, offer)
        for edge, offer in ((registry.edges.get(id_), one) for id_, one in sorted(offers.items()))
        if edge is not None and edge.enabled and edge.organisations and offer.cameras
    ]
    if not shown:
        return registry
    return replace(
        registry,
        controllers=registry.controllers | _by_id(_controllers(shown)),
        sites=registry.sites | _by_id(_sites(shown)),
        cameras=registry.cameras | _by_id(_cameras(shown)),
        acts=registry.acts | _by_id(_acts(shown)),
        pauses=registry.pauses | _by_id(_pauses(shown)),
    )


_Shown = Iterable[tuple[Edge, Offer]]


def _by_id(entities: Iterable[Any]) -> dict[str, Any]:
    return {one.id: one for one in entities}


def _controllers(shown: _Shown) -> Iterator[Controller]:
    for edge, offer in shown:
        for one in offer.cameras:
            yield Controller(at_room(edge.id, one.controller), one.controller_name)


def _sites(shown: _Shown) -> Iterator[Site]:
    """Yield the sites; each bears the name that this room gave the edge, whatever it says."""
    for edge, offer in shown:
        mark = EXERCISE if offer.exercise else ""
        for one in offer.cameras:
            name = f"{edge.name} · {one.site_name}{mark}"
            owner = at_room(edge.id, one.controller)
            yield Site(at_room(edge.id, one.site), name, owner, one.site_kind, SiteState.ACTIVE)


def _cameras(shown: _Shown) -> Iterator[Camera]:
    for edge, offer in shown:
        for one in offer.cameras:
            url = f"{LINE_SCHEME}://{edge.id}/{one.id}"
            yield Camera(
                id=at_room(edge.id, one.id),
                name=one.name,
                site=at_room(edge.id, one.site),
                url=url,
                area=one.area,
                latitude=one.latitude,
                longitude=one.longitude,
                azimuth_deg=one.azimuth_deg,
                field_of_view_deg=one.field_of_view_deg,
                continuous=False,
                sub_url=f"{url}?stream=sub" if one.has_sub else "",
            )


def _acts(shown: _Shown) -> Iterator[Act]:
    for edge, offer in shown:
        lines: dict[str, list[tuple[OfferedAct, str]]] = {}
        for one in offer.cameras:
            for act in one.acts:
                lines.setdefault(act.id, []).append((act, at_room(edge.id, one.id)))
        for named in lines.values():
            yield _act(edge, named)


def _act(edge: Edge, lines: list[tuple[OfferedAct, str]]) -> Act:
    told = lines[0][0]
    since = _rome(told.from_utc_us).date()
    until, clock = _end(told.until_utc_us)
    groups: dict[tuple[Any, float, bool, bool], list[str]] = {}
    for act, camera in lines:
        key = (act.disclosure, act.before_s, act.watermark, act.plates)
        groups.setdefault(key, []).append(camera)
    scopes = tuple(
        ActScope(
            tuple(cameras), edge.organisations, (Analytic.PLATES,) if plates else (),
            disclosure, before_s, watermark=watermark,
        )
        for (disclosure, before_s, watermark, plates), cameras in groups.items()
    )  # fmt: skip
    return Act(
        id=at_room(edge.id, told.id),
        title=told.title,
        number=told.number,
        parties=(edge.name,),
        valid_from=since,
        valid_until=until,
        scopes=scopes,
        dpia=_DPIA,
        dpia_date=since,
        kind=ActKind.AGREEMENT,
        until_time=clock,
    )


def _pauses(shown: _Shown) -> Iterator[Pause]:
    for edge, offer in shown:
        for one in offer.cameras:
            if one.paused:
                name, owner = at_room(edge.id, one.id), at_room(edge.id, one.controller)
                yield Pause(name, owner, (name,), by=edge.id, since_utc_us=0)


def _rome(utc_us: int) -> datetime:
    return (_EPOCH + timedelta(microseconds=utc_us)).astimezone(ROME)


def _end(utc_us: int) -> tuple[date, time | None]:
    """Return the last day in Rome, and the hour at which it ends if that is not 24:00."""
    local = _rome(utc_us)
    clock = local.time()
    if clock == time():
        return local.date() - timedelta(days=1), None
    return local.date(), clock


# what is kept ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Kept:
    offer: Offer
    """As it came last, with states."""
    plain: Offer
    """Without states: what the registry is made of."""


class Offers:
    """The last offer of each edge, in memory and on disk, and the registry with them.

    A camera of an edge that is away stays known; `lost` says that it cannot be reached.
    """

    def __init__(self, registry: Callable[[], Registry], folder: Path, clock: Clock) -> None:
        """`registry` is the stored one; `folder` is made when the first offer comes."""
        self._registry = registry
        self._folder = folder
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._parts: dict[str, Parts] = {}
        self._taken_s: dict[str, float] = {}
        self._up: set[str] = set()
        self._made: tuple[Registry, int, Registry] | None = None
        self._version = 0

    def current(self) -> Registry:
        """Return the registry with what edges offer; the same object while nothing changes."""
        registry = self._registry()
        made = self._made
        if made is None or made[0] is not registry or made[1] != self._version:
            plain = {edge: kept.plain for edge, kept in self._kept.items()}
            self._made = made = (registry, self._version, overlaid(registry, plain))
        return made[2]

    def entered(self) -> Registry:
        """Return the stored registry, with nothing of anybody else's."""
        return self._registry()

    @property
    def version(self) -> int:
        """Grows whenever `current` changes because of an edge."""
        return self._version

    def receive(self, edge: str, body: Mapping[str, Any]) -> Offer | None:
        """Take one part of an edge's offer; the offer that now counts, once it is whole.

        WireError for what no honest edge says; RefusedError for one that is not ours, speaks for
        another, or does not wait.
        """
        known = self._registry().edges.get(edge)
        if known is None or not known.enabled:
            raise RefusedError("unknown-edge", f"{edge}: not an edge of this room")
        if body.get("edge") != edge:
            raise RefusedError("wrong-edge", f"{edge}: the offer is in another name")
        if body.get("part") == 1:
            self._insist_patient(edge)
        offer = self._parts.setdefault(edge, Parts()).receive(body)
        if offer is None:
            return None
        self._parts.pop(edge, None)
        self._take(edge, offer)
        return offer

    def _insist_patient(self, edge: str) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._taken_s.get(edge, -LEAST_BETWEEN_S) < LEAST_BETWEEN_S:
            raise RefusedError(OFTEN, f"{edge}: offers come too often")
        self._taken_s[edge] = now_s

    def _take(self, edge: str, offer: Offer) -> None:
        if edge not in self._kept and len(self._kept) >= MOST_EDGES:
            raise RefusedError("too-many", "this room takes no more edges")
        plain = _plain(offer)
        before = self._kept.get(edge)
        self._kept[edge] = _Kept(offer, plain)
        if before is None or before.plain != plain:
            self._version += 1

    def up(self, edge: str, *, is_up: bool) -> None:
        """Note whether an edge's line stands."""
        (self._up.add if is_up else self._up.discard)(edge)
        if not is_up:
            self._parts.pop(edge, None)

    def is_up(self, edge: str) -> bool:
        """Return whether an edge's line stands."""
        return edge in self._up

    def of(self, edge: str) -> Offer | None:
        """Return the offer of an edge that counts; None if it never came."""
        kept = self._kept.get(edge)
        return kept.offer if kept is not None else None

    def offered(self, camera: str) -> OfferedCamera | None:
        """Return what an edge says of a camera (name at this room); None if it offers none."""
        edge, name = at_edge(camera)
        kept = self._kept.get(edge) if edge else None
        if kept is None:
            return None
        return next((one for one in kept.offer.cameras if one.id == name), None)

    def prune(self) -> None:
        """Forget edges that left the registry, in memory and on disk; blocks."""
        known = self._registry().edges
        for edge in [one for one in self._kept if one not in known]:
            del self._kept[edge]
            self._taken_s.pop(edge, None)
            self._version += 1
            self._file(edge).unlink(missing_ok=True)

    # on disk -------------------------------------------------------------------------------

    def save(self, edge: str) -> None:
        """Write an edge's last offer; blocks. StoreError if the disk refuses."""
        kept = self._kept.get(edge)
        if kept is None:
            return
        text = json.dumps(parts_of(kept.plain), ensure_ascii=False)
        path = self._file(edge)
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_text(text, "utf-8")
            part.chmod(0o600)
            part.replace(path)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from error

    def load(self) -> None:
        """Read what was kept; blocks. What cannot be read is left out, and said."""
        for path in sorted(self._folder.glob("*.json"))[:MOST_EDGES]:
            try:
                self._load(path)
            except (OSError, ValueError, RecursionError, WireError) as error:
                log.warning("offer-unreadable", extra={"file": str(path), "problem": str(error)})
        self._version += 1

    def _load(self, path: Path) -> None:
        if not ID_FORM.match(path.stem) or path.stat().st_size > MOST_FILE_BYTES:
            raise WireError("not an offer")
        parts, offer = Parts(), None
        bodies = json.loads(path.read_text("utf-8"))
        for body in bodies if isinstance(bodies, list) else ():
            offer = parts.receive(body)
        if offer is None or offer.edge != path.stem:
            raise WireError("not the offer of this edge")
        self._kept[path.stem] = _Kept(offer, _plain(offer))

    def _file(self, edge: str) -> Path:
        return self._folder / f"{edge}.json"


def _plain(offer: Offer) -> Offer:
    """Return an offer without what changes while nothing does."""
    cameras = tuple(replace(one, state="", problem="", masked=False) for one in offer.cameras)
    return replace(offer, version=0, cameras=cameras)
