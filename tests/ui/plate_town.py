# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The small town with a gate that reads plates: a real desk, book and outbox; drawn pictures."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import cv2
import numpy as np

from gateway.assembly.plans import Basis
from gateway.assembly.plate_book import open_hit_book
from gateway.assembly.plates import PlateDesk, PlateParts
from gateway.assembly.services import AlarmBook
from gateway.model.alarm import Box
from gateway.model.hit import PlatePictures
from gateway.model.plate import Alternative, ListKind, Passage, Passing, PlateRead
from gateway.model.registry import Analytic, Direction, Zone
from gateway.relay.alarms.outbox import open_outbox
from tests.ui.incident_town import Entries
from tests.ui.town import GATE, ROOM
from tests.unit.assembly.plate_parts import FAR, Lists, Match

CAMERA = GATE
LANE = Zone(
    "varco-nord-1", "Varco Nord", CAMERA, (), Analytic.PLATES,
    line=((0.0, 0.5), (1.0, 0.5)), direction=Direction.BOTH, inbound=Direction.AB, lane="1",
)  # fmt: skip
STOLEN, REPORTED, NOT_HIM = "ZQ417XV", "ZP208KT", "ZQ8B1XA"


def with_gate(registry):
    """The town's registry with a lane at its gate, an act that names plates, a room elsewhere."""
    act = registry.acts["patto-2026"]
    scopes = tuple(
        replace(one, analytics=(*one.analytics, Analytic.PLATES)) if CAMERA in one.cameras else one
        for one in act.scopes
    )
    return replace(
        registry,
        zones=registry.zones | {LANE.id: LANE},
        recipients=registry.recipients | {FAR.id: FAR},
        acts=registry.acts | {act.id: replace(act, scopes=scopes)},
    )


def _jpeg(picture):
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return data.tobytes()


def plate_picture(text):
    """A front plate in a few strokes, and the vehicle around it."""
    crop = np.full((60, 260, 3), (235, 238, 240), np.uint8)
    crop[:, :22] = crop[:, -22:] = (150, 60, 20)
    cv2.putText(crop, text, (32, 44), cv2.FONT_HERSHEY_SIMPLEX, 1.25, (25, 25, 25), 4, cv2.LINE_AA)
    crop = cv2.GaussianBlur(crop, (3, 3), 0)
    context = np.full((360, 640, 3), (92, 98, 104), np.uint8)
    cv2.rectangle(context, (190, 110), (450, 300), (70, 40, 30), -1)
    cv2.rectangle(context, (220, 130), (420, 200), (140, 130, 120), -1)
    context[240:264, 268:372] = cv2.resize(crop, (104, 24))
    context[250:262, 30:90] = (60, 60, 60)  # another car's plate, covered
    return PlatePictures(_jpeg(context), _jpeg(crop))


class Town:
    """The desk, and how vehicles pass it."""

    def __init__(self, town, desk, book, outbox):
        self.town, self.desk, self.book, self.outbox = town, desk, book, outbox
        self._number = 0

    async def pass_by(self, text, *, certain=True, passing=Passing.IN, weak=()):
        """Let a vehicle pass; return its hit, if it is one, once its pictures are there."""
        self._number += 1
        signs = tuple(0.55 if at in weak else 0.99 for at in range(len(text)))
        others = (Alternative(text.replace("8", "B"), 0.21),) if "8" in text else ()
        read = PlateRead(text, 0.61 if weak else 0.97, signs, others, "IT", certain=certain)
        await self.desk.passed(
            Passage(
                self._number, CAMERA, LANE.id, "1", passing, self.town.clock.now(), read,
                Box(0.42, 0.66, 0.58, 0.74), 24.0,
            )
        )  # fmt: skip
        for hit in await self.book.all():
            while not (await self.book.kept(hit.id)).crop:
                await asyncio.sleep(0.01)
        return next(iter(await self.book.all()), None)


@asynccontextmanager
async def plates_of(town, folder):
    """Give a town its gate."""
    town.registry = with_gate(town.registry)
    entries = Entries(town.ledger)
    sought = {
        STOLEN: Match(),
        REPORTED: Match("voce-2", ListKind.REPORTED, REPORTED, reason="segnalazione 7/2026"),
        NOT_HIM: Match("voce-3", ListKind.LOCAL, "ZQ881XA", exact=False, reason="nota 3/2026"),
    }
    texts = []

    async def pictures(passage):
        texts.append(passage.read.text)
        return plate_picture(passage.read.text)

    async with (
        open_outbox(folder / "alarms.db", clock=town.clock) as outbox,
        open_hit_book(folder / "hits.db") as book,
        asyncio.TaskGroup() as tasks,
    ):
        desk = PlateDesk(
            PlateParts(
                book, outbox, entries, lambda: town.registry, Lists(sought),
                lambda _: Basis(Analytic.PLATES, "patto-2026", (ROOM, FAR.id)), town.clock,
                tasks.create_task, True, pictures=pictures,
            )
        )  # fmt: skip
        town.alarms = AlarmBook(outbox, entries, lambda: town.registry)
        town.plates = desk
        keeping = tasks.create_task(desk.keep())
        yield Town(town, desk, book, outbox)
        keeping.cancel()
