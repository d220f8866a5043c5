# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who may change what: a table of commands, and the kinds as data."""

import pytest

from gateway.model.errors import StateError
from gateway.model.incident import (
    MOST_CAMERAS,
    Attach,
    Author,
    Change,
    Close,
    Detach,
    HandOver,
    Open,
    Outcome,
    Read,
    Say,
    Share,
    Take,
    Unshare,
    Update,
    fold,
)
from gateway.room.incident_rules import changing, kinds, leads, opening, shares
from tests.unit.model.test_incident import OPENED, PL, PS, event

SHARED = event(2, Change.SHARED, {"with": "questura"})
HANDED = event(3, Change.HANDED_OVER, {"to": "questura"})
OVER = event(9, Change.CLOSED, {"outcome": "risolto"})
MINE = fold([OPENED, SHARED])
THEIRS = fold([OPENED, SHARED, HANDED])
FROM_AFAR = fold([OPENED, SHARED, HANDED], "linea")
CLOSED = fold([OPENED, SHARED, OVER])
CLOSE = Close(Outcome.RESOLVED)


def code(command, incident, by):
    try:
        changing(command, incident, by, {})
    except StateError as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    ("command", "opener", "guest", "handed_opener", "handed_guest", "guest_elsewhere"),
    [
        (Update(priority=1), "", "not-yours", "not-yours", "", ""),
        (Take(), "", "not-yours", "not-yours", "", ""),
        (CLOSE, "", "not-yours", "not-yours", "", ""),
        (HandOver("carabinieri"), "", "not-yours", "not-yours", "", "not-yours"),
        (HandOver("sala-pl"), "not-possible", "not-yours", "not-yours", "", ""),
        (Share("carabinieri"), "", "not-yours", "", "", "not-yours"),
        (Unshare("questura"), "", "not-yours", "", "", "not-yours"),
        (Say("ehi"), "", "", "", "", ""),
        (Attach(("a",)), "", "", "", "", ""),
        (Open("x", "reato"), "unknown", "unknown", "unknown", "unknown", "unknown"),
    ],
)
def test_who_may_what(command, opener, guest, handed_opener, handed_guest, guest_elsewhere):
    """The responsible leads; the home's opener and responsible share; everybody speaks."""
    assert code(command, MINE, PL) == opener
    assert code(command, MINE, PS) == guest
    assert code(command, THEIRS, PL) == handed_opener
    assert code(command, THEIRS, PS) == handed_guest
    assert code(command, FROM_AFAR, PS) == guest_elsewhere


def test_a_stranger_finds_nothing_and_a_closed_one_takes_nothing_but_reading():
    """As if it did not exist; closed is closed."""
    stranger = Author("carabinieri")
    for command in (Say("x"), Take(), CLOSE, Share("a"), Attach(("a",)), Detach("a")):
        assert code(command, MINE, stranger) == "unknown"
        assert code(command, CLOSED, PL) == "closed"
    assert code(Read("x"), CLOSED, PL) == "unknown"  # no such message, and not: closed
    assert not leads(CLOSED, "sala-pl")
    assert not shares(CLOSED, "sala-pl")


def test_nothing_is_written_where_nothing_changes():
    """The same camera twice, the same facts, a room that knows already."""
    with_camera = fold([OPENED, event(2, Change.CAMERA_ATTACHED, {"camera": "a", "name": "A"})])
    assert changing(Attach(("a", "a")), with_camera, PL, {}) == []
    assert changing(Update(title="Rapina", priority=4), MINE, PL, {}) == []
    assert changing(Share("questura"), MINE, PL, {}) == []
    assert changing(Unshare("nessuno"), MINE, PL, {}) == []
    assert changing(Detach("b"), with_camera, PL, {}) == []
    (draft,) = changing(Attach(("b", "b", "a")), with_camera, PL, {"b": "Banco"})
    assert draft.body == {"camera": "b", "name": "Banco"}


def test_bounds():
    """So many cameras, so many parties."""
    many = tuple(f"c{n}" for n in range(MOST_CAMERAS + 1))
    assert code(Attach(many), MINE, PL) == "full"
    parties = [event(n, Change.SHARED, {"with": f"sala-{n}"}, n=n) for n in range(2, 17)]
    crowded = fold([OPENED, *parties])
    assert code(Share("ancora"), crowded, PL) == "full"
    assert code(HandOver("ancora"), crowded, PL) == "full"


def test_the_five_classes_and_the_reports_under_them():
    """A-15: five classes, each offered itself; B-29: more under them; no other is taken."""
    classes = {"reato", "sicurezza-urbana", "sicurezza-stradale", "degrado", "disagio"}
    assert list(kinds())[:5] == list(dict.fromkeys(one.of for one in kinds().values()))[:5]
    assert {one.of for one in kinds().values()} == classes
    assert all(one.it and one.en for one in kinds().values())
    with pytest.raises(StateError, match="kind"):
        opening(Open("x", "festa"), {})
    assert code(Update(kind="festa"), MINE, PL) == "kind"
