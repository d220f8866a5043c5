# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The matrix: the file is read strictly, and a registry's lines replace and never exceed it."""

from dataclasses import replace
from datetime import time

import pytest

from gateway.access import permits
from gateway.access.policy import decide
from gateway.model.access import Action, Purpose, Refusal
from gateway.model.registry import ArmedHours, Role
from tests.unit.access.rules_parts import permit, refusal, with_permits
from tests.unit.access.town import NOW, actor, wish

NEVER = """
[never]
"auditor" = ["live"]
[break_glass]
roles = ["pl.operator"]
actions = ["live"]
"""
LINE = """
[[permit]]
id = "one"
role = "pl.operator"
actions = ["live"]
purposes = ["servizio"]
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read a matrix from a text as if it stood in the package."""

    def from_text(text):
        (tmp_path / permits.FILE).write_text(text, "utf-8")
        monkeypatch.setattr(permits.resources, "files", lambda _: tmp_path)
        return permits.built_in.__wrapped__()

    return from_text


def test_a_file_is_read_as_it_stands(read):
    """One line, one limit, one emergency."""
    found = read(LINE + NEVER)
    assert found.permits == (replace(permit(), id="one"),)
    assert found.never == {Role.AUDITOR: frozenset({Action.LIVE})}
    assert found.emergency_roles == {Role.PL_OPERATOR}
    assert found.emergency_actions == {Action.LIVE}


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ('actions = ["live"]\npurposes', 'actions = ["look"]\npurposes'),
        ('["servizio"]', '["curiosita"]'),
        ('role = "pl.operator"', 'role = "sindaco"'),
        ('"auditor" = ["live"]', '"auditor" = ["look"]'),
        ('"auditor" = ["live"]', '"revisore" = ["live"]'),
        ('roles = ["pl.operator"]', 'roles = ["sindaco"]'),
    ],
)
def test_a_file_that_names_what_does_not_exist_is_refused(read, written, wrong):
    """A typing error in the matrix stops the start; it never widens or narrows it in silence."""
    text = (LINE + NEVER).replace(written, wrong)
    assert text != LINE + NEVER
    with pytest.raises(ValueError, match="is not a valid"):
        read(text)


def test_the_built_in_lines_stay_within_their_own_limits():
    """No line of the file grants what the file says never; every line has its own name."""
    found = permits.built_in()
    for line in found.permits:
        granted = {Action(name) for name in line.actions}
        assert not granted & found.never.get(line.role, frozenset()), line.id
    assert len({line.id for line in found.permits}) == len(found.permits)
    assert found.emergency_actions <= permits.PICTURES


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (permit(), None),
        (permit(actions=(), purposes=()), None),
        (permit(actions=("live.snapshot",)), Refusal.PURPOSE_NOT_ALLOWED),
        (permit(purposes=("allarme",)), Refusal.PURPOSE_NOT_ALLOWED),
        (permit(organisations=("sala-cc",)), Refusal.ROLE),
        (permit(organisations=("sala-pl",)), None),
        (permit(controllers=("farmacia",)), Refusal.ROLE),
        (permit(controllers=("comune",)), None),
        (permit(cameras=("banco",)), Refusal.ROLE),
        (permit(cameras=("piazza",)), None),
        (permit(act="altro"), Refusal.ROLE),
        (permit(act="patto"), None),
        (permit(hours=(ArmedHours(time(22), time(6)),)), Refusal.HOURS),
        (permit(hours=(ArmedHours(time(12), time(13)),)), None),  # noon in Rome
        (permit(four_eyes=True), Refusal.FOUR_EYES),
        (permit(Role.PS_OPERATOR), None),  # other roles keep their built-in lines
    ],
)
def test_a_permit_of_the_registry_replaces_the_built_in_lines(line, expected):
    """Each attribute of a line counts; what no line says is refused."""
    assert refusal(wish(), with_permits(line)) is expected


@pytest.mark.parametrize(
    ("role", "action"),
    [
        (role, action)
        for role in (Role.SYSADMIN, Role.AUDITOR, Role.DPO, Role.MACHINE)
        for action in sorted(permits.PICTURES, key=lambda one: one.value)
        if (role, action) != (Role.MACHINE, Action.LIVE)  # recording programs, by a permit (ADR 23)
    ],
)
def test_no_permit_gives_pictures_to_those_who_must_never_see_any(role, action):
    """A line that allows everything to an auditor or administrator opens no picture (D.5.7)."""
    town = with_permits(permit(role, actions=(), purposes=()))
    for purpose in Purpose:
        request = wish("piazza", purpose, "1", actor(role, "comune"), action=action)
        assert not decide(request, town, None, NOW).allowed
    if role is Role.SYSADMIN:
        request = wish("", Purpose.LEGALITY, "", actor(role), action=Action.LOG_READ)
        assert not decide(request, town, None, NOW).allowed


@pytest.mark.parametrize("action", [Action.RECORDED, Action.PTZ, Action.PLATES, Action.EXPORT])
def test_what_has_no_line_is_refused(action):
    """Recordings, moving cameras, plates and exports wait for a registry that grants them."""
    assert refusal(wish(action=action)) is Refusal.PURPOSE_NOT_ALLOWED
    granted = with_permits(permit(actions=(action.value,)))
    expected = Refusal.NO_ACT if action is Action.PLATES else None
    assert refusal(wish(action=action), granted) is expected


def test_the_keys_of_a_line_that_says_nothing_are_all_but_the_forbidden():
    """Empty actions and purposes mean every one, less what the role must never have."""
    role = Role.INSTITUTE_OPERATOR
    keys = {key for key in permits.by_key(with_permits(permit(role, actions=(), purposes=())))
            if key[0] is role}  # fmt: skip
    allowed = set(Action) - permits.built_in().never[role]
    assert keys == {(role, action, purpose) for action in allowed for purpose in Purpose}


@pytest.mark.parametrize(
    "more",
    [
        {"organisations": ("sala-pl",)},
        {"controllers": ("comune",)},
        {"cameras": ("piazza",)},
        {"hours": (ArmedHours(time(8), time(9)),)},
        {"four_eyes": True},
        {"act": "patto"},
    ],
)
def test_a_line_with_any_condition_is_not_plain(more):
    """What is plain is decided without a look at the camera; a condition must not be missed."""
    assert permits.is_plain(permit())
    assert not permits.is_plain(permit(**more))


def test_a_machine_gets_live_pictures_by_a_permit_alone():
    """The built-in matrix gives it nothing; a permit of the registry gives live ones."""
    asked = wish(who=actor(Role.MACHINE))
    assert refusal(asked, with_permits()) is Refusal.ROLE
    assert refusal(asked, with_permits(permit(Role.MACHINE))) is None
