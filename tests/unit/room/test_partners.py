# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What another room may write here, and what it is told: names, cameras, bounds."""

from dataclasses import replace

import pytest

from gateway.model.errors import RefusedError, StateError
from gateway.model.incident import Change, fold
from gateway.room.incidents import WITHDRAWN, Step, open_incidents
from gateway.room.partners import (
    MOST_FROM_PARTNER,
    Partner,
    admitted,
    inward,
    outward,
    owed_to,
    take,
)
from gateway.wire.incident import Told
from tests.fakes import FakeClock
from tests.unit.model.test_incident import ID, OPENED, PL, PS, event

EDGE = Partner(
    "questura", "questura", "sala-pl", True, None, lambda one: False, lambda one: True, str.title
)
DIALLED = replace(EDGE, is_edge=False, shows=lambda one: one == "varco")
SHARED = event(2, Change.SHARED, {"with": "questura"})
HOME = fold([OPENED, SHARED])


def code(partner, found, events, open_here=0):
    try:
        admitted(partner, found, events, open_here)
    except StateError as error:
        return error.code
    return ""


def test_a_guest_speaks_and_leads_only_where_it_has_to():
    """In its own name; taking, closing and handing back once it is responsible; never sharing."""
    said = event(5, Change.MESSAGE, {"text": "x"}, PS)
    leading = [
        event(5, Change.TAKEN, by=PS),
        event(5, Change.CLOSED, {"outcome": "risolto"}, PS),
        event(5, Change.UPDATED, {"title": "y"}, PS),
        event(5, Change.HANDED_OVER, {"to": "sala-pl"}, PS),
    ]
    handed = fold([OPENED, SHARED, event(3, Change.HANDED_OVER, {"to": "questura"})])
    assert code(EDGE, HOME, [said]) == ""
    assert code(EDGE, HOME, [replace(said, author=PL)]) == "not-yours"
    for one in leading:
        assert code(EDGE, HOME, [one]) == "not-yours", one.kind
        assert code(EDGE, handed, [one]) == "", one.kind
    back_and_close = [leading[3], replace(leading[1], clock=6)]
    assert code(EDGE, handed, back_and_close) == "not-yours"
    away = event(5, Change.HANDED_OVER, {"to": "carabinieri"}, PS)
    assert code(EDGE, handed, [away]) == "not-yours"
    for kind in (Change.SHARED, Change.UNSHARED):
        assert code(EDGE, handed, [event(5, kind, {"with": "carabinieri"}, PS)]) == "not-yours"
    attached = [event(5, Change.CAMERA_ATTACHED, {"camera": f"c{n}"}, PS, n=n) for n in range(65)]
    assert code(EDGE, HOME, attached) == "full"


def test_there_is_one_answer_for_what_is_none_of_its_business():
    """Incidents that do not exist, are not shared, are another room's, or would not reach us."""
    said = event(5, Change.MESSAGE, {"text": "x"}, PS)
    assert code(EDGE, None, [said]) == "not-shared"
    assert code(EDGE, fold([OPENED]), [said]) == "not-shared"
    assert code(EDGE, fold([OPENED, SHARED], "altra-sala"), [said]) == "not-shared"
    by_them = replace(OPENED, author=PS)
    assert code(EDGE, None, [by_them]) == "not-shared"
    to_us = event(2, Change.SHARED, {"with": "sala-pl"}, PS)
    assert code(EDGE, None, [by_them, to_us]) == ""
    assert code(EDGE, None, [by_them, to_us], MOST_FROM_PARTNER) == "full"


def test_cameras_go_by_the_names_of_the_edge():
    """An edge's get its prefix here; towards a room that we dial only what acts show it."""
    told = Told(ID, 1, 1, Change.CAMERA_ATTACHED, "self", "", {"camera": "varco", "name": "V"})
    assert inward(EDGE, ID, told).body["camera"] == "questura.varco"
    assert inward(DIALLED, ID, told).body["camera"] == "varco"
    piazza = replace(told, body={"camera": "piazza", "name": "P"})
    assert inward(DIALLED, ID, piazza) is None
    ours = event(1, Change.CAMERA_ATTACHED, {"camera": "varco", "name": "V"})
    assert outward(EDGE, ours) is None
    assert outward(DIALLED, ours).body["camera"] == "varco"
    assert outward(DIALLED, replace(ours, body={"camera": "piazza", "name": "P"})) is None
    theirs = replace(ours, body={"camera": "questura.varco", "name": "V"})
    assert outward(EDGE, theirs).body["camera"] == "varco"


def test_organisations_go_by_their_side_and_nobody_speaks_in_our_name():
    """self, peer, or another by its name, which is nobody's id here."""
    handed = event(1, Change.HANDED_OVER, {"to": "questura"}, PL)
    told = outward(EDGE, handed)
    assert (told.who, told.body) == ("self", {"to": "peer"})
    assert inward(EDGE, ID, told).body == {"to": "sala-pl"}
    third = replace(handed, body={"to": "carabinieri"})
    assert outward(EDGE, third).body == {"to": "other:Carabinieri"}
    assert inward(EDGE, ID, outward(EDGE, third)).body == {"to": "questura/Carabinieri"}
    assert inward(EDGE, ID, told).author == replace(PL, organisation="questura")
    relayed = outward(EDGE, replace(handed, room="linea", author=replace(PL, organisation="arma")))
    assert relayed.who == "other:Arma"
    with pytest.raises(StateError, match="not-yours"):
        inward(EDGE, ID, replace(told, who="peer"))


def test_a_second_organisation_of_this_room_speaks_in_its_own_name():
    """Whatever it writes here; what a guest hands back to that name reaches it, and it alone."""
    arma = replace(PL, organisation="carabinieri")
    opened = replace(OPENED, author=arma)
    assert outward(EDGE, opened).who == "other:Carabinieri"
    assert inward(EDGE, ID, outward(EDGE, opened)).author.organisation == "questura/Carabinieri"
    handed = event(3, Change.HANDED_OVER, {"to": "questura"}, arma)
    found = fold([opened, SHARED, handed])
    back = event(5, Change.HANDED_OVER, {"to": "questura/Carabinieri"}, PS)
    (taken,) = admitted(EDGE, found, [back], 0)
    assert taken.body == {"to": "carabinieri"}
    assert code(EDGE, found, [replace(back, body={"to": "questura/Altri"})]) == "not-yours"
    both = replace(EDGE, names=lambda _: "Carabinieri")
    two = fold([opened, SHARED, event(2, Change.SHARED, {"with": "altri"}, arma, n=7), handed])
    assert code(both, two, [back]) == "not-yours"


def test_names_of_people_do_not_travel():
    """Role and organisation only."""
    said = event(1, Change.MESSAGE, {"text": "x"}, replace(PL, actor="anna", name="Anna", role="r"))
    assert "anna" not in repr(outward(EDGE, said)).lower()


def test_who_is_owed_what():
    """All to a new guest, its opening and invitation first; then what is new; nothing to others."""
    owing = owed_to([EDGE])
    said = event(3, Change.MESSAGE, {"text": "x"})
    attached = event(2, Change.CAMERA_ATTACHED, {"camera": "varco"}, n=5)
    late = replace(SHARED, clock=4)
    journal = (OPENED, attached, said, late)
    step = Step(fold(journal[:3]), fold(journal), (late,), journal)
    owed = [event_id for _, event_id, _ in owing(step)]
    assert owed == [OPENED.id, late.id, attached.id, said.id]
    theirs = replace(event(6, Change.MESSAGE, {"text": "y"}, PS), room="questura")
    ours = event(7, Change.MESSAGE, {"text": "z"}, n=9)
    after = fold([*journal, theirs, ours])
    both = Step(fold(journal), after, (theirs, ours), (*journal, theirs, ours))
    assert [one for _, one, _ in owing(both)] == [ours.id]
    gone = event(8, Change.UNSHARED, {"with": "questura"})
    left = Step(after, fold([*journal, gone]), (gone,), (*journal, gone))
    assert [one for _, one, _ in owing(left)] == [WITHDRAWN, gone.id]
    later = event(9, Change.MESSAGE, {"text": "w"})
    shut = fold([*journal, gone])
    assert list(owing(Step(shut, shut, (later,), (later,)))) == []
    here = replace(shut, home="questura")
    assert [one for _, one, _ in owing(Step(here, here, (ours, theirs), ()))] == [ours.id]


async def test_taking_writes_receipts_in_the_same_step(tmp_path):
    """Once for each message, however often it is told; a refusal is told by its code."""
    told = [
        Told(OPENED.id, 1, 1, Change.OPENED, "self", "", {"title": "T", "kind": "reato"}),
        Told(SHARED.id, 2, 2, Change.SHARED, "self", "", {"with": "peer"}),
    ]
    said = [Told(event(3, Change.MESSAGE).id, 3, 3, Change.MESSAGE, "self", "", {"text": "x"})]
    async with open_incidents(tmp_path / "i.db", clock=FakeClock()) as book:
        with pytest.raises(RefusedError, match="not-shared"):
            await take(book, EDGE, ID, said, lambda _: ())
        await take(book, EDGE, ID, told, lambda _: ())
        for _ in range(2):
            await take(book, EDGE, ID, said, lambda _: ())
        kinds = [one.kind for one in await book.journal(ID)]
        assert kinds == [Change.OPENED, Change.SHARED, Change.MESSAGE, Change.RECEIPT]
        assert set(book.get(ID).messages[0].delivered) == {"sala-pl"}
