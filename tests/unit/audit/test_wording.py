# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""No reader meets a bare code: words for every code, names from the registry."""

import pytest

from gateway.audit import wording
from gateway.audit.catalogue import CATALOGUE
from gateway.model.access import FLAGS, Purpose, Refusal
from gateway.model.registry import Role
from tests.unit.audit.papers import CAMERA, NOON_US, TOWN


def test_every_code_has_italian_words():
    """No reader meets a bare code."""
    assert wording.PURPOSES.keys() == {one.value for one in Purpose}
    assert wording.ROLES.keys() == {one.value for one in Role}
    assert wording.REFUSALS.keys() == {one.value for one in Refusal}
    assert wording.FLAGS.keys() == set(FLAGS)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_event_has_words_in_both_languages(code):
    """None is its own code, none is empty."""
    words = (wording.event_words(code), CATALOGUE[code].en)
    assert all(one.strip() and one != code for one in words)


def test_what_nobody_knows_is_shown_as_it_is():
    """An old code, an organisation that left, a camera that was taken away."""
    assert wording.event_words("of.old") == "of.old"
    assert wording.refusal("of-old") == "of-old"
    assert wording.flags("break-glass,,of-old") == "emergenza, of-old"
    for names in (wording.organisation, wording.camera, wording.act):
        assert names(TOWN, "gone") == "gone"


def test_names_from_the_registry():
    """A camera with its site; a controller, and a recipient, by name."""
    camera = TOWN.cameras[CAMERA]
    assert wording.camera(TOWN, CAMERA) == f"{TOWN.sites[camera.site].name} – {camera.name}"
    for known, one in (*TOWN.controllers.items(), *TOWN.recipients.items()):
        assert wording.organisation(TOWN, known) == one.name


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(0, "0 s"), (59_499, "59 s"), (59_500, "1 min 00 s"), (185_000, "3 min 05 s"),
     (3_599_499, "59 min 59 s"), (3_599_500, "1 h 00 min"), (3_720_000, "1 h 02 min")],
)  # fmt: skip
def test_durations(milliseconds, words):
    """Rounded to the second before it is split."""
    assert wording.duration(milliseconds) == words


def test_time_is_that_of_rome():
    """In winter and in summer."""
    assert wording.moment(NOON_US).isoformat() == "2026-11-22T12:00:00+01:00"
    summer = wording.moment(NOON_US - 150 * 86_400_000_000)
    assert summer.isoformat() == "2026-06-25T13:00:00+02:00"
