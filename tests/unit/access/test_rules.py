# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Schools, pauses, emergencies, survival of an act, and that the compiled answer is the naive."""

from dataclasses import replace
from datetime import date, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access import calendar, permits, policy
from gateway.access.explain import explain
from gateway.access.policy import GLASS_S, INCIDENT_S, Look, acts_for, decide
from gateway.model.access import ACT_ENDED, BREAK_GLASS, Action, Purpose, Refusal
from gateway.model.alarm import AlarmState
from gateway.model.registry import (
    Act,
    ActScope,
    Analytic,
    AreaKind,
    ArmedHours,
    Disclosure,
    Extension,
    Pause,
    Role,
    SiteKind,
    WeekHours,
)
from tests.unit.access.rules_parts import TOWN, permit, refusal, with_permits
from tests.unit.access.town import (
    NOW,
    SHOP_ACT,
    SQUARE_ACT,
    actor,
    alarm,
    at,
    registry,
    wish,
    with_mask,
    with_site,
    with_user,
)

ALARM_WISH = wish("banco", Purpose.ALARM, "al-1")
GLASS = {"break_glass": True, "reason": "rapina in corso"}


HOURS = (WeekHours((1, 2, 3, 4, 5), time(8), time(14)),)


@pytest.mark.parametrize(
    ("now", "shut"),
    [
        (at(2026, 6, 15, 6), False),  # Monday 8:00 in Rome: open
        (at(2026, 6, 15, 5, 59), True),
        (at(2026, 6, 15, 12), True),  # 14:00
        (at(2026, 6, 14, 8), True),  # Sunday
        (at(2026, 6, 2, 8), True),  # Festa della Repubblica
        (at(2026, 6, 16, 8), True),  # closed day of this school
        (at(2026, 10, 26, 7), False),  # winter time: 8:00
        (at(2026, 10, 26, 6, 59), True),
    ],
)
def test_a_school_shows_its_inside_only_while_nobody_is_there(now, shut):
    """Neither the room nor the owner nor an emergency sees pupils (A-40)."""
    act = replace(SHOP_ACT, valid_until=date(2027, 12, 31))
    town = with_site(
        registry(act),
        "negozio",
        kind=SiteKind.SCHOOL,
        opening=HOURS,
        closed_days=(date(2026, 6, 16),),
    )
    inside = replace(town.cameras["banco"], indoor=True)
    town = replace(town, cameras=town.cameras | {"banco": inside})
    expected = None if shut else Refusal.SCHOOL_OPEN
    owner = actor(Role.OWNER, "farmacia")
    assert refusal(wish("banco", Purpose.OWNER, "", owner), town, now=now) is expected
    assert refusal(ALARM_WISH, town, alarm(), now) is expected
    assert refusal(replace(ALARM_WISH, **GLASS), town, alarm(), now) is expected
    assert acts_for(town, "banco", Analytic.INTRUSION, now).allowed is shut
    never = with_site(town, "negozio", opening=())
    assert refusal(ALARM_WISH, never, alarm(), now) is Refusal.SCHOOL_OPEN


def test_a_pause_is_stronger_than_everything_but_the_house():
    """While the owner pauses, no act and no emergency opens; the owner looks on."""
    town = replace(TOWN, pauses={"x": Pause("x", "farmacia", (), "marco", 1)})
    assert refusal(ALARM_WISH, town, alarm()) is Refusal.PAUSED
    assert refusal(replace(ALARM_WISH, **GLASS), town, alarm()) is Refusal.PAUSED
    assert refusal(wish("banco", Purpose.OWNER, "", actor(Role.OWNER, "farmacia")), town) is None
    assert refusal(wish(), town) is None
    assert acts_for(town, "banco", Analytic.INTRUSION, NOW).reason.refusal is Refusal.PAUSED


def test_four_eyes():
    """Somebody else of the same organisation, not oneself, not a stranger, not switched off."""
    town = with_user(with_permits(permit(four_eyes=True)), "berta")
    town = with_user(town, "carlo", organisation="sala-cc")
    town = with_user(town, "dina", enabled=False)
    answers = {name: refusal(wish(second=name), town) for name in ("anna", "carlo", "dina", "")}
    assert set(answers.values()) == {Refusal.FOUR_EYES}
    assert refusal(wish(second="berta"), town) is None


def test_an_extension_carries_an_act_on():
    """A proroga moves the last day; until_time ends an act within its day."""
    july = at(2026, 7, 10)
    assert refusal(wish(), now=july) is Refusal.ACT_EXPIRED
    longer = Extension("e", "patto", date(2026, 7, 31), "sofia", date(2026, 6, 1), "art. 22")
    town = replace(TOWN, extensions={"e": longer})
    assert refusal(wish(), town, now=july) is None
    assert "31/07/2026" in decide(wish(), town, None, at(2026, 8, 2)).text_it


def test_a_look_bound_to_an_open_alarm_outlasts_its_act_for_a_bounded_time():
    """Begun before, the alarm still open: four hours, flagged; nothing else outlasts anything."""
    end = at(2027, 1, 31, 23)  # 24:00 in Rome
    before, after = Look(since=end.shifted(-60)), end.shifted(60)
    verdict = decide(ALARM_WISH, TOWN, alarm(), after, look=before)
    assert (verdict.allowed, verdict.flags) == (True, (ACT_ENDED,))
    assert refusal(ALARM_WISH, record=alarm(), now=end.shifted(INCIDENT_S - 1), look=before) is None
    over = refusal(ALARM_WISH, record=alarm(), now=end.shifted(INCIDENT_S), look=before)
    assert over is Refusal.ACT_EXPIRED
    assert refusal(ALARM_WISH, record=alarm(), now=after) is Refusal.ACT_EXPIRED
    late = Look(since=after)
    assert refusal(ALARM_WISH, record=alarm(), now=after.shifted(1), look=late) is not None
    closed = alarm(state=AlarmState.CLOSED)
    assert refusal(ALARM_WISH, record=closed, now=after, look=before) is Refusal.ALARM_CLOSED
    none = replace(before, incident_s=0.0)
    assert refusal(ALARM_WISH, record=alarm(), now=after, look=none) is Refusal.ACT_EXPIRED
    service = refusal(wish(), now=at(2026, 7, 1), look=Look(since=at(2026, 6, 1)))
    assert service is Refusal.ACT_EXPIRED


def test_breaking_the_glass():
    """Acts, assessment and disclosure give way to a reason, for an hour, flagged."""
    verdict = decide(wish("banco", **GLASS), TOWN, None, NOW)
    assert (verdict.allowed, verdict.flags) == (True, (BREAK_GLASS,))
    assert verdict.expires == NOW.shifted(GLASS_S)
    assert refusal(wish(**GLASS), now=at(2026, 7, 1)) is None
    assert refusal(wish(**GLASS), registry(replace(SQUARE_ACT, dpia=""))) is None
    assert refusal(wish(**GLASS), with_permits(permit(hours=(ArmedHours(time(1), time(2)),)))) is (
        None
    )
    assert refusal(wish(**GLASS), look=Look(order="altro")) is None
    assert refusal(wish(), look=Look(order="altro")) is Refusal.NO_SHIFT


@pytest.mark.parametrize(
    ("request_", "town", "expected"),
    [
        (wish(break_glass=True, reason="presto   "), TOWN, Refusal.REASON_MISSING),
        (wish("altrove", **GLASS), TOWN, Refusal.UNKNOWN_CAMERA),
        (wish(who=actor(organisation="sala-cc"), **GLASS), TOWN, Refusal.UNKNOWN_CAMERA),
        (wish(who=actor(Role.AUDITOR, "comune"), **GLASS), TOWN, Refusal.ROLE),
        (
            wish("banco", Purpose.INCIDENT, "1", actor(Role.INSTITUTE_OPERATOR, "istituto"),
                 **GLASS),
            TOWN,
            Refusal.WORN_OUT,
        ),
        (
            wish("banco", Purpose.OWNER, "", actor(Role.OWNER, "farmacia"), **GLASS),
            TOWN,
            Refusal.WORN_OUT,
        ),
        (
            wish("banco", Purpose.INCIDENT, "1", actor(Role.PS_OPERATOR, "istituto"), **GLASS),
            TOWN,
            Refusal.WORN_OUT,
        ),
        (wish(action=Action.SNAPSHOT, **GLASS), TOWN, Refusal.WORN_OUT),
        (wish(case="", **GLASS), TOWN, Refusal.CASE_MISSING),
        (wish(**GLASS), with_mask(TOWN, "piazza"), Refusal.MASK),
        (wish(**GLASS), with_permits(permit(four_eyes=True)), Refusal.FOUR_EYES),
    ],
)  # fmt: skip
def test_glass_that_does_not_break(request_, town, expected):
    """Unknown cameras, auditors, institutes, owners, masks: no emergency opens them."""
    assert refusal(request_, town) is expected


def test_schools_have_no_plates():
    """No act lets plates be read at a school."""
    plates = replace(SQUARE_ACT.scopes[0], analytics=(Analytic.PLATES,))
    act = replace(SQUARE_ACT, scopes=(plates,))
    assert acts_for(registry(act), "piazza", Analytic.PLATES, NOW).allowed
    school = with_site(registry(act), "centro", kind=SiteKind.SCHOOL)
    assert not acts_for(school, "piazza", Analytic.PLATES, NOW).allowed
    line = permit(actions=("lpr.query",))
    town = replace(school, permits={"p": line})
    assert refusal(wish(action=Action.PLATES), town) is Refusal.NO_ACT


def test_views_are_few():
    """Only the registries asked last are remembered: a room asks four by turns, and no more."""
    asked = [registry(version=version) for version in range(50)]
    for one in asked:
        decide(wish(), one, None, NOW)
    assert [view.registry.version for view in policy._VIEWS] == [49, 48, 47, 46]
    before = list(policy._VIEWS)
    for one in asked[-4:]:
        decide(wish(), one, None, NOW)
    assert list(policy._VIEWS) == before


# the naive evaluation --------------------------------------------------------------------------


def naive(request, town, record, now):
    """The same rules as loops over everything, for rooms; True if they let the look happen."""
    camera = town.cameras.get(request.camera)
    if camera is None or request.purpose is None:
        return False
    owner = town.controller_of(camera).id
    who = request.actor.organisation
    if (
        any(
            p.controller == owner and (not p.cameras or camera.id in p.cameras)
            for p in town.pauses.values()
        )
        and who != owner
    ):
        return False
    lines = [p for p in town.permits.values() if p.role is request.actor.role]
    if not lines:
        lines = [p for p in permits.built_in().permits if p.role is request.actor.role]
    if not any(
        request.action.value in p.actions
        and request.purpose.value in p.purposes
        and (not p.organisations or who in p.organisations)
        and (not p.cameras or camera.id in p.cameras)
        and calendar.within(p.hours, now)
        for p in lines
    ):
        return False
    if request.purpose is Purpose.OWNER:
        return who == owner
    opens = (
        record is not None
        and record.alarm.id == request.case
        and (record.alarm.camera == camera.id and record.state is not AlarmState.CLOSED)
    )
    by_alarm = request.purpose in {Purpose.ALARM, Purpose.INCIDENT}
    if not request.case or (request.purpose is Purpose.ALARM and not opens):
        return False
    today = calendar.today(now)
    for act in town.acts.values():
        for scope in act.scopes:
            if camera.id not in scope.cameras or who not in scope.recipients:
                continue
            last = max(
                [act.valid_until, *(e.until for e in town.extensions.values() if e.act == act.id)]
            )
            dated = act.dpia and act.dpia_date is not None and act.dpia_date <= today
            needed = camera.area is not AreaKind.PRIVATE or Analytic.PLATES in scope.analytics
            if (
                act.valid_from <= today <= last
                and (dated or not needed)
                and scope.disclosure is not Disclosure.TEXT_ONLY
                and (scope.disclosure is Disclosure.ALWAYS or (by_alarm and opens))
                and (request.action is not Action.PLAYBACK or scope.retention_before_s > 0)
            ):
                return True
    return False


days = st.dates(date(2026, 5, 1), date(2026, 8, 1))
scopes = st.builds(
    ActScope,
    st.sampled_from([("piazza",), ("banco",), ("piazza", "banco")]),
    st.sampled_from([("sala-pl",), ("sala-cc",), ("sala-pl", "sala-cc")]),
    st.sampled_from([(), (Analytic.PLATES,)]),
    st.sampled_from(Disclosure),
    st.sampled_from([0.0, 10.0]),
)
acts = st.builds(
    lambda since, until, lines, dpia: Act(
        "a", "t", "1", (), since, until, lines, "D" if dpia else "", dpia
    ),
    days, days, st.lists(scopes, min_size=1, max_size=3).map(tuple), st.none() | days,
)  # fmt: skip
lines = st.builds(
    permit,
    st.just(Role.PL_OPERATOR),
    actions=st.sampled_from([("live",), ("live", "playback")]),
    purposes=st.sampled_from([("servizio",), ("allarme", "intervento"), ("titolare", "servizio")]),
    cameras=st.sampled_from([(), ("banco",)]),
    organisations=st.sampled_from([(), ("sala-pl",)]),
    hours=st.sampled_from([(), (ArmedHours(time(20), time(6)),)]),
)


@st.composite
def towns(draw):
    some = draw(st.lists(acts, max_size=4))
    longer = draw(st.none() | days)
    return replace(
        TOWN,
        acts={f"a{n}": replace(one, id=f"a{n}") for n, one in enumerate(some)},
        permits={f"p{n}": one for n, one in enumerate(draw(st.lists(lines, max_size=2)))},
        pauses=draw(st.sampled_from([{}, {"x": Pause("x", "farmacia", ("banco",), "m", 1)}])),
        extensions={"e": Extension("e", "a0", longer, "s", date(2026, 1, 1), "r")}
        if longer else {},
    )  # fmt: skip


wishes = st.builds(
    lambda organisation, action, camera, purpose, case: wish(
        camera, purpose, case, actor(organisation=organisation), action=action
    ),
    st.sampled_from(["sala-pl", "sala-cc", "farmacia", ""]),
    st.sampled_from([Action.LIVE, Action.SNAPSHOT, Action.PLAYBACK]),
    st.sampled_from(["piazza", "banco", "altrove"]),
    st.sampled_from([Purpose.ALARM, Purpose.INCIDENT, Purpose.SERVICE, Purpose.OWNER]),
    st.sampled_from(["", "al-1", "OdS 4"]),
)
records = st.none() | st.builds(
    alarm, st.sampled_from(["piazza", "banco"]), st.sampled_from(AlarmState)
)
moments = st.builds(
    lambda day, hour: at(day.year, day.month, day.day, hour), days, st.integers(0, 23)
)


@settings(max_examples=300, deadline=None)
@given(towns(), st.lists(st.tuples(wishes, records, moments), min_size=1, max_size=6))
def test_the_compiled_decision_is_the_naive_one(town, asked):
    """Whatever is asked in whatever order, caches and shortcuts change no answer."""
    for request, record, now in asked:
        verdict = decide(request, town, record, now)
        assert verdict.allowed is naive(request, town, record, now)
        told = explain(request, town, record, now)
        assert told.verdict == verdict
        assert told.steps[-1].ok is verdict.allowed
        if not verdict.allowed:
            assert told.steps[-1].answer == verdict.refusal.value
