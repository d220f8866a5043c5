# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Explanations: the questions in their order, up to the first no, in both languages."""

from dataclasses import replace

import pytest

from gateway.access import policy
from gateway.access.explain import explain
from gateway.access.policy import Look
from gateway.model.access import Action, Purpose, Refusal
from gateway.model.registry import Pause, Role
from tests.unit.access.rules_parts import TOWN
from tests.unit.access.town import (
    NOW,
    SQUARE_ACT,
    actor,
    alarm,
    registry,
    wish,
    with_mask,
)  # fmt: skip

PAUSED = replace(TOWN, pauses={"x": Pause("x", "comune", (), "marco", 1)})
OWN = wish("banco", Purpose.OWNER, "", actor(Role.OWNER, "farmacia"))
AFTER_THE_ACT = ["assessment", "disclosure"]


def test_a_yes_has_every_question():
    """An allowed look answers yes to each, with the number of the act that carries it."""
    told = explain(wish(), TOWN, None, NOW)
    asked = [name for name, _ in policy.PICTURE_QUESTIONS]
    names = [one.question for one in told.steps]
    assert [one for one in names if one not in AFTER_THE_ACT] == asked
    assert names[names.index("act") :][:3] == ["act", *AFTER_THE_ACT]
    assert {(one.ok, one.answer) for one in told.steps} == {(True, "yes")}
    act = next(one for one in told.steps if one.question == "act")
    assert "7/2026" in act.text_it
    assert "7/2026" in act.text_en


@pytest.mark.parametrize(
    ("request_", "town", "question", "answer"),
    [
        (wish("altrove"), TOWN, "camera", Refusal.UNKNOWN_CAMERA),
        (wish(), PAUSED, "pause", Refusal.PAUSED),
        (wish(case=""), TOWN, "case", Refusal.CASE_MISSING),
        (wish("banco"), TOWN, "disclosure", Refusal.ONLY_ON_ALARM),
        (wish(), registry(replace(SQUARE_ACT, dpia="")), "assessment", Refusal.NO_DPIA),
        (wish(who=actor(organisation="sala-cc")), TOWN, "act", Refusal.NO_ACT),
        (wish(), with_mask(TOWN, "piazza"), "mask", Refusal.MASK),
    ],
)
def test_a_no_is_the_last_question(request_, town, question, answer):
    """Nothing is asked after it; its words are those of the verdict."""
    told = explain(request_, town, None, NOW)
    *before, last = told.steps
    assert all(one.ok for one in before)
    assert (last.question, last.ok, last.answer) == (question, False, answer.value)
    assert told.verdict.refusal is answer
    assert (last.text_it, last.text_en) == (told.verdict.text_it, told.verdict.text_en)


def test_at_home_no_act_is_needed():
    """The owner's own camera passes the question of the act without one."""
    told = explain(OWN, TOWN, None, NOW)
    act = next(one for one in told.steps if one.question == "act")
    assert told.verdict.allowed
    assert (act.ok, act.text_en) == (True, "No act is needed.")
    assert not {one.question for one in told.steps} & set(AFTER_THE_ACT)


def test_a_look_that_goes_on_is_explained_as_such():
    """The order of an open shift counts, as it does for the gate."""
    told = explain(wish(), TOWN, None, NOW, look=Look(order="altro"))
    assert (told.steps[-1].question, told.steps[-1].answer) == ("shift", Refusal.NO_SHIFT.value)


@pytest.mark.parametrize(
    "request_",
    [wish(), OWN, wish("banco", Purpose.ALARM, "al-1"),
     wish("", Purpose.LEGALITY, "", actor(Role.AUDITOR), action=Action.LOG_READ)],
)  # fmt: skip
def test_every_yes_has_words(request_):
    """Both languages, two different sentences, whatever is asked."""
    told = explain(request_, TOWN, alarm(), NOW)
    assert told.verdict.allowed
    for one in told.steps:
        assert one.text_it.endswith(".")
        assert one.text_en.endswith(".")
        assert one.text_it != one.text_en
