# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who may look: a table of answers, and the law that nothing necessary can be left out."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.policy import GRANT_S, acts_for, decide, view_of
from gateway.model.access import Action, Purpose, Refusal, Regime
from gateway.model.alarm import AlarmState
from gateway.model.registry import (
    ActScope,
    Analytic,
    AreaKind,
    Disclosure,
    Pause,
    Role,
    SiteKind,
    SiteState,
)
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

TOWN = registry()
OWNER = actor(Role.OWNER, "farmacia")
INSTITUTE = actor(Role.INSTITUTE_OPERATOR, "istituto")
ALARM_WISH = wish("banco", Purpose.ALARM, "al-1")
NO_PICTURES = [Role.SYSADMIN, Role.AUDITOR, Role.DPO, Role.MACHINE]


def scoped(act, index=0, **changes):
    """The act with one line of its scope changed."""
    scopes = list(act.scopes)
    scopes[index] = replace(scopes[index], **changes)
    return replace(act, scopes=tuple(scopes))


def answer(request, town=TOWN, record=None, now=NOW, **more):
    """The refusal, or None."""
    return decide(request, town, record, now, **more).refusal


@pytest.mark.parametrize(
    ("request_", "record", "act", "regime"),
    [
        (wish(), None, "patto", Regime.LED),
        (wish(action=Action.SNAPSHOT), None, "patto", Regime.LED),
        (wish(purpose=Purpose.INCIDENT, case="INT 9"), None, "patto", Regime.LED),
        (wish(purpose=Purpose.JUDICIAL, case="RG 1"), None, "patto", Regime.LED),
        (
            wish(action=Action.PLAYBACK, purpose=Purpose.INCIDENT, case="INT 9"),
            None,
            "patto",
            Regime.LED,
        ),
        (ALARM_WISH, alarm(), "accordo-farmacia", Regime.LED),
        (ALARM_WISH, alarm(state=AlarmState.ENDED), "accordo-farmacia", Regime.LED),
        (
            replace(ALARM_WISH, action=Action.PLAYBACK),
            alarm(),
            "accordo-farmacia",
            Regime.LED,
        ),
        (
            replace(ALARM_WISH, purpose=Purpose.INCIDENT),
            alarm(),
            "accordo-farmacia",
            Regime.LED,
        ),
        (wish("banco", Purpose.OWNER, "", OWNER), None, "", Regime.GDPR),
        (
            wish("banco", Purpose.INSTALLATION, "", actor(Role.INSTALLER, "farmacia")),
            None,
            "",
            Regime.GDPR,
        ),
    ],
)
def test_what_is_allowed(request_, record, act, regime):
    """Each legitimate look is allowed, names its act and the law that governs it."""
    verdict = decide(request_, TOWN, record, NOW)
    assert (verdict.allowed, verdict.refusal, verdict.act) == (True, None, act)
    assert (verdict.regime, verdict.registry_version) == (regime, 5)
    assert verdict.expires == NOW.shifted(GRANT_S)


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (wish("altrove"), Refusal.UNKNOWN_CAMERA),
        *((wish(who=actor(role)), Refusal.ROLE) for role in NO_PICTURES),
        (wish(purpose=None), Refusal.PURPOSE_MISSING),
        (wish(purpose=Purpose.INSTALLATION), Refusal.PURPOSE_NOT_ALLOWED),
        (wish(purpose=Purpose.LEGALITY), Refusal.PURPOSE_NOT_ALLOWED),
        (wish(who=actor(Role.INSTALLER, "comune")), Refusal.PURPOSE_NOT_ALLOWED),
        (
            wish(purpose=Purpose.INSTALLATION, who=actor(Role.INSTALLER, "farmacia")),
            Refusal.PURPOSE_NOT_ALLOWED,
        ),
        (wish(purpose=Purpose.OWNER, who=OWNER), Refusal.PURPOSE_NOT_ALLOWED),
        (wish("banco", Purpose.ALARM, "al-1", OWNER), Refusal.PURPOSE_NOT_ALLOWED),
        (wish(action=Action.PLAYBACK), Refusal.PURPOSE_NOT_ALLOWED),
        (
            wish("banco", Purpose.OWNER, "", OWNER, action=Action.PLAYBACK),
            Refusal.PURPOSE_NOT_ALLOWED,
        ),
        *(
            (wish(purpose=purpose, case=" "), Refusal.CASE_MISSING)
            for purpose in (Purpose.ALARM, Purpose.INCIDENT, Purpose.SERVICE, Purpose.JUDICIAL)
        ),
        (ALARM_WISH, Refusal.CASE_MISSING),
        (wish("banco"), Refusal.ONLY_ON_ALARM),
        (wish("banco", Purpose.INCIDENT, "INT 9"), Refusal.ONLY_ON_ALARM),
        (wish(who=actor(organisation="sala-cc")), Refusal.NO_ACT),
        (wish(who=actor(organisation="")), Refusal.NO_ACT),
        (wish("piazza", Purpose.INCIDENT, "1", INSTITUTE), Refusal.NO_ACT),
        (wish("banco", Purpose.INCIDENT, "1", INSTITUTE), Refusal.TEXT_ONLY),
        (wish("banco", Purpose.SERVICE, "1", INSTITUTE), Refusal.PURPOSE_NOT_ALLOWED),
    ],
)
def test_what_is_refused(request_, refusal):
    """Each look without a right is refused for its own reason, in both languages."""
    verdict = decide(request_, TOWN, None, NOW)
    assert (verdict.allowed, verdict.refusal, verdict.expires) == (False, refusal, None)
    assert verdict.text_it.endswith(".")
    assert verdict.text_en.endswith(".")


@pytest.mark.parametrize(
    ("record", "refusal"),
    [
        (alarm(camera="piazza"), Refusal.CASE_MISSING),
        (alarm(id_="al-2"), Refusal.CASE_MISSING),
        (alarm(state=AlarmState.CLOSED), Refusal.ALARM_CLOSED),
        (alarm(), None),
    ],
)
def test_an_alarm_is_its_own_case(record, refusal):
    """Only an alarm of this very camera counts, and only until it is closed."""
    assert answer(ALARM_WISH, record=record) is refusal


def test_an_intervention_ends_with_its_alarm():
    """A camera that is opened by alarms is refused to an intervention once the alarm is closed."""
    request = replace(ALARM_WISH, purpose=Purpose.INCIDENT)
    assert answer(request, record=alarm(state=AlarmState.ENDED)) is None
    assert answer(request, record=alarm(state=AlarmState.CLOSED)) is Refusal.ALARM_CLOSED


@pytest.mark.parametrize("state", list(SiteState))
def test_sharing_waits_for_an_active_site(state):
    """Pictures reach a room only from an active site; the owner's own view stays."""
    town = with_site(TOWN, "negozio", state=state)
    shared = None if state is SiteState.ACTIVE else Refusal.SITE_NOT_ACTIVE
    assert answer(ALARM_WISH, town, alarm()) is shared
    assert answer(wish("banco", Purpose.OWNER, "", OWNER), town) is None


@pytest.mark.parametrize(
    ("now", "refusal"),
    [
        (at(2025, 12, 31, 22, 59, 59), Refusal.ACT_NOT_YET),
        (at(2025, 12, 31, 23, 0, 0), None),
        (at(2026, 6, 30, 21, 59, 59), None),
        (at(2026, 6, 30, 22, 0, 0), Refusal.ACT_EXPIRED),
    ],
)
def test_an_act_holds_from_midnight_to_midnight_in_rome(now, refusal):
    """The first and the last day count whole, by the clock in Rome, winter and summer."""
    assert answer(wish(), now=now) is refusal


def test_the_reason_names_number_and_date():
    """An expired act is named with number and last day, as each language writes dates."""
    verdict = decide(wish(), TOWN, None, at(2026, 7, 1, 12))
    assert "L'accordo n. 7/2026 è scaduto il 30/06/2026" in verdict.text_it
    assert "no. 7/2026 expired on 2026-06-30" in verdict.text_en


@pytest.mark.parametrize(
    ("last_day", "last_second"),
    [
        (date(2026, 10, 24), at(2026, 10, 24, 21, 59, 59)),
        (date(2026, 10, 25), at(2026, 10, 25, 22, 59, 59)),
        (date(2026, 3, 28), at(2026, 3, 28, 22, 59, 59)),
        (date(2026, 3, 29), at(2026, 3, 29, 21, 59, 59)),
    ],
)
def test_the_end_of_an_act_follows_the_change_of_clocks(last_day, last_second):
    """On days with 23 and 25 hours the act ends at 24:00 too, and no Grant outlives it."""
    town = registry(replace(SQUARE_ACT, valid_until=last_day))
    verdict = decide(wish(), town, None, last_second)
    assert verdict.expires == last_second.shifted(1)
    assert answer(wish(), town, now=last_second.shifted(1)) is Refusal.ACT_EXPIRED


def test_of_several_acts_the_longest_carries():
    """While one act expires and its successor is in force, the look goes on under the latter."""
    renewed = replace(SQUARE_ACT, id="patto-2", valid_until=date(2028, 6, 30))
    assert decide(wish(), registry(SQUARE_ACT, renewed), None, NOW).act == "patto-2"
    future = replace(renewed, valid_from=date(2026, 7, 1))
    assert decide(wish(), registry(SQUARE_ACT, future), None, NOW).act == "patto"


@pytest.mark.parametrize(
    ("changes", "area", "refusal"),
    [
        ({"dpia": ""}, AreaKind.PUBLIC, Refusal.NO_DPIA),
        ({"dpia_date": None}, AreaKind.PUBLIC, Refusal.NO_DPIA),
        ({"dpia_date": date(2026, 6, 16)}, AreaKind.OPEN_TO_PUBLIC, Refusal.NO_DPIA),
        ({"dpia_date": date(2026, 6, 15)}, AreaKind.OPEN_TO_PUBLIC, None),
        ({"dpia": ""}, AreaKind.PRIVATE, None),
    ],
)
def test_public_areas_need_an_assessment_with_a_date_that_has_come(changes, area, refusal):
    """Without a DPIA of today or earlier nobody looks at a public area (B-16)."""
    town = registry(replace(SQUARE_ACT, **changes))
    piazza = replace(town.cameras["piazza"], area=area)
    town = replace(town, cameras=town.cameras | {"piazza": piazza})
    assert answer(wish(), town) is refusal


def test_plates_need_an_assessment_everywhere():
    """A line about plates needs a DPIA even on private ground."""
    act = scoped(SHOP_ACT, analytics=(Analytic.PLATES,))
    assert answer(ALARM_WISH, registry(act), alarm()) is Refusal.NO_DPIA


def test_seconds_before_need_a_line_that_keeps_them():
    """Without retention in the act there is nothing to play back, and the reason says so."""
    town = registry(scoped(SHOP_ACT, retention_before_s=0.0))
    verdict = decide(replace(ALARM_WISH, action=Action.PLAYBACK), town, alarm(), NOW)
    assert verdict.refusal is Refusal.NO_ACT
    assert "n. 12/2026" in verdict.text_it
    assert answer(ALARM_WISH, town, alarm()) is None


@pytest.mark.parametrize("disclosure", list(Disclosure))
def test_an_institute_sees_only_what_a_line_opens_for_alarms(disclosure):
    """Institutes get pictures under an event-gated line alone."""
    town = registry(scoped(SHOP_ACT, 1, disclosure=disclosure))
    refusal = None if disclosure is Disclosure.ON_ALARM else Refusal.TEXT_ONLY
    assert answer(replace(ALARM_WISH, actor=INSTITUTE), town, alarm()) is refusal


def test_masks_that_live_pictures_would_not_carry():
    """A camera with gateway masks is not shown live, unless live pictures are masked too."""
    town = with_mask(TOWN, "piazza")
    assert answer(wish(), town) is Refusal.MASK
    assert answer(wish(action=Action.SNAPSHOT), town) is None
    assert answer(wish(), town, live_masked=True) is None
    own = actor(Role.PL_OPERATOR, "comune")
    assert answer(wish(purpose=Purpose.OWNER, case="", who=own), town) is None


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"enabled": False}, Refusal.ROLE),
        ({"role": Role.OWNER}, Refusal.ROLE),
        ({"organisation": "farmacia"}, Refusal.ROLE),
    ],
)
def test_a_local_user_must_still_be_the_same(changes, refusal):
    """A user switched off, or given another role, loses what the old sign-in could do."""
    who = actor(method="password")
    assert answer(wish(who=who), with_user(TOWN, "anna", **changes)) is refusal
    assert answer(wish(who=who)) is Refusal.ROLE


AIMS = {Purpose.LEGALITY, Purpose.INTERNAL_CONTROL, Purpose.INTEGRITY, Purpose.PROCEEDINGS}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("purpose", [None, *Purpose])
def test_reading_the_log(role, purpose):
    """Only the DPO and the auditor read the log, and only with one of the four lawful aims."""
    verdict = decide(wish("", purpose, "", actor(role), action=Action.LOG_READ), TOWN, None, NOW)
    assert verdict.allowed is (role in {Role.DPO, Role.AUDITOR} and purpose in AIMS)


@pytest.mark.parametrize("role", list(Role))
def test_configuring(role):
    """Only administrators and installers configure, with that purpose."""
    request = wish("", Purpose.INSTALLATION, "", actor(role), action=Action.CONFIGURE)
    assert decide(request, TOWN, None, NOW).allowed is (role in {Role.SYSADMIN, Role.INSTALLER})
    assert not decide(replace(request, purpose=Purpose.SERVICE), TOWN, None, NOW).allowed


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("organisation", ["comune", "farmacia"])
def test_inspecting(role, organisation):
    """Administrators measure every camera, an installer those of his house, nobody else any."""
    who = actor(role, organisation)
    request = wish("piazza", Purpose.INSTALLATION, "", who, action=Action.INSPECT)
    own = role is Role.INSTALLER and organisation == "comune"
    assert decide(request, TOWN, None, NOW).allowed is (role is Role.SYSADMIN or own)
    assert not decide(replace(request, camera="nessuna"), TOWN, None, NOW).allowed
    assert not decide(replace(request, purpose=Purpose.SERVICE), TOWN, None, NOW).allowed


requests = st.builds(
    lambda role, organisation, action, camera, purpose, case: wish(
        camera, purpose, case, actor(role, organisation), action=action
    ),
    st.sampled_from(Role),
    st.sampled_from(["sala-pl", "istituto", "comune", "farmacia", ""]),
    st.sampled_from([Action.LIVE, Action.SNAPSHOT, Action.PLAYBACK]),
    st.sampled_from(["piazza", "banco", "altrove"]),
    st.none() | st.sampled_from(Purpose),
    st.sampled_from(["", "al-1", "INT 9"]),
)
records = st.none() | st.builds(
    alarm, st.sampled_from(["piazza", "banco"]), st.sampled_from(AlarmState)
)
moments = st.sampled_from([at(2025, 6, 1), at(2026, 1, 15), NOW, at(2026, 7, 15), at(2027, 3, 1)])
acts = st.sets(st.sampled_from([SQUARE_ACT, SHOP_ACT, replace(SQUARE_ACT, id="senza", dpia="")]))
sites = st.sampled_from(SiteState)


@given(requests, records, moments, acts, sites)
def test_whatever_is_allowed_meets_every_condition(request, record, now, some, state):
    """No combination is allowed unless each condition, written down anew here, holds."""
    town = with_site(registry(), "centro", state=state)
    town = replace(town, acts={act.id: act for act in some})
    verdict = decide(request, town, record, now)
    if not verdict.allowed:
        assert verdict.refusal is not None
        return
    who = request.actor
    camera = town.cameras[request.camera]
    owner = town.controller_of(camera).id
    assert who.role not in NO_PICTURES
    assert request.purpose is not None
    if request.purpose in {Purpose.OWNER, Purpose.INSTALLATION}:
        assert owner == who.organisation
        assert request.action is not Action.PLAYBACK
        assert (request.purpose is Purpose.INSTALLATION) == (who.role is Role.INSTALLER)
        return
    assert town.sites[camera.site].state is SiteState.ACTIVE
    assert request.case
    act = town.acts[verdict.act]
    today = now.utc().date()
    assert act.valid_from <= today <= act.valid_until
    lines = [
        one for one in act.scopes if camera.id in one.cameras and who.organisation in one.recipients
    ]
    assert lines
    if camera.area is not AreaKind.PRIVATE:
        assert act.dpia
    if camera.id == "banco" or request.purpose is Purpose.ALARM:
        assert record is not None
        assert (record.alarm.camera, record.alarm.id) == (camera.id, request.case)
        assert record.state is not AlarmState.CLOSED
    if request.action is Action.PLAYBACK:
        assert any(one.retention_before_s for one in lines)
        assert request.purpose in {Purpose.ALARM, Purpose.INCIDENT}
    assert who.organisation != "istituto"
    assert verdict.expires.utc_us <= now.shifted(GRANT_S).utc_us


BROKEN = {
    "camera": lambda r, t, a: (replace(r, camera="altrove"), t, a),
    "role": lambda r, t, a: (replace(r, actor=replace(r.actor, role=Role.SYSADMIN)), t, a),
    "organisation": lambda r, t, a: (
        replace(r, actor=replace(r.actor, organisation="x")),
        t,
        a,
    ),
    "site": lambda r, t, a: (r, with_site(t, "negozio", state=SiteState.SUSPENDED), a),
    "purpose": lambda r, t, a: (replace(r, purpose=None), t, a),
    "case": lambda r, t, a: (replace(r, case=""), t, a),
    "alarm": lambda r, t, a: (r, t, None),
    "open": lambda r, t, a: (r, t, alarm(state=AlarmState.CLOSED)),
    "act": lambda r, t, a: (r, replace(t, acts={}), a),
    "scope": lambda r, t, a: (r, registry(replace(SHOP_ACT, scopes=SHOP_ACT.scopes[1:])), a),
    "term": lambda r, t, a: (
        r,
        registry(replace(SHOP_ACT, valid_until=date(2026, 6, 14))),
        a,
    ),
    "seconds": lambda r, t, a: (r, registry(scoped(SHOP_ACT, retention_before_s=0.0)), a),
    "user": lambda r, t, a: (r, with_user(t, "anna", enabled=False), a),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_nothing_necessary_can_be_left_out(broken):
    """The legitimate look is refused as soon as any single condition is taken away."""
    request, record = replace(ALARM_WISH, action=Action.PLAYBACK), alarm()
    assert answer(request, TOWN, record) is None
    request, town, record = BROKEN[broken](request, TOWN, record)
    assert answer(request, town, record) is not None


def test_an_analysis_rests_on_an_act():
    """With an act in force the analysis is on, and everybody entitled is told."""
    basis = acts_for(TOWN, "banco", Analytic.INTRUSION, NOW)
    assert basis.allowed
    assert (basis.act, basis.recipients) == (SHOP_ACT, ("istituto", "sala-pl"))
    assert (basis.retention_before_s, basis.reason) == (20.0, None)


@pytest.mark.parametrize(
    ("town", "camera", "analytic", "now", "refusal"),
    [
        (TOWN, "altrove", Analytic.INTRUSION, NOW, Refusal.UNKNOWN_CAMERA),
        (TOWN, "banco", Analytic.PLATES, NOW, Refusal.NO_ACT),
        (TOWN, "piazza", Analytic.INTRUSION, at(2026, 7, 1), Refusal.ACT_EXPIRED),
        (TOWN, "piazza", Analytic.INTRUSION, at(2025, 7, 1), Refusal.ACT_NOT_YET),
        (
            with_site(TOWN, "centro", state=SiteState.SUSPENDED),
            "piazza",
            Analytic.INTRUSION,
            NOW,
            Refusal.SITE_NOT_ACTIVE,
        ),
        (
            registry(replace(SQUARE_ACT, dpia="")),
            "piazza",
            Analytic.INTRUSION,
            NOW,
            Refusal.NO_DPIA,
        ),
    ],
)
def test_an_analysis_without_a_basis_is_off(town, camera, analytic, now, refusal):
    """What no act allows now does not run, and the reason can be shown."""
    basis = acts_for(town, camera, analytic, now)
    assert (basis.allowed, basis.act, basis.recipients) == (False, None, ())
    assert basis.retention_before_s == 0
    assert basis.reason.refusal is refusal


def test_recipients_of_all_acts_in_force_are_told():
    """Two acts about one camera entitle the recipients of both; the ring keeps at most 30 s."""
    other = replace(
        SHOP_ACT,
        id="accordo-cc",
        valid_until=date(2029, 1, 1),
        scopes=(
            ActScope(("banco",), ("sala-cc",), (Analytic.INTRUSION,), retention_before_s=99.0),
        ),
    )
    basis = acts_for(registry(SHOP_ACT, other), "banco", Analytic.INTRUSION, NOW)
    assert basis.recipients == ("istituto", "sala-cc", "sala-pl")
    assert (basis.act.id, basis.retention_before_s) == ("accordo-cc", 30.0)


def test_refusals_of_one_kind_name_each_its_own_camera():
    """What is shared by many cameras is the answer, not its words."""
    idle = with_site(with_site(TOWN, "centro", state=SiteState.DRAFT), "negozio",
                     state=SiteState.SUSPENDED)  # fmt: skip
    texts = [decide(wish(one), idle, None, NOW).text_it for one in ("piazza", "banco", "piazza")]
    assert "«Centro»" in texts[0]
    assert "«Negozio»" in texts[1]
    assert "«Negozio»" not in texts[2]
    town = registry(
        replace(SHOP_ACT, scopes=(replace(SHOP_ACT.scopes[0], recipients=("sala-pl",)),))
    )
    own = [decide(wish(one, Purpose.OWNER, "", actor(Role.PL_OPERATOR)), town, None, NOW)
           for one in ("piazza", "banco")]  # fmt: skip
    assert ["«Piazza»" in own[0].text_it, "«Banco»" in own[1].text_it] == [True, True]


def test_what_holds_for_one_camera_does_not_for_another_kind():
    """One answer says nothing about a camera that is paused, or at a school."""
    school = with_site(TOWN, "negozio", kind=SiteKind.SCHOOL)
    school = replace(school, cameras=school.cameras | {
        "banco": replace(school.cameras["banco"], indoor=True)
    })  # fmt: skip
    in_class = at(2026, 6, 15, 8)
    own = [wish(one, Purpose.OWNER, "", actor(Role.OWNER, whose))
           for one, whose in (("piazza", "comune"), ("banco", "farmacia"))]  # fmt: skip
    assert [answer(one, school, now=in_class) for one in own] == [None, Refusal.SCHOOL_OPEN]
    both = replace(SQUARE_ACT, scopes=(replace(SQUARE_ACT.scopes[0], cameras=("piazza", "banco")),))
    paused = replace(registry(both), pauses={"p": Pause("p", "farmacia", (), "ti", 0)})
    assert [answer(wish(one), paused) for one in ("piazza", "banco")] == [None, Refusal.PAUSED]


def test_an_institute_shares_no_line_with_a_room():
    """The same line of an act is text for the one and pictures for the other."""
    both = replace(SQUARE_ACT, scopes=(
        replace(SQUARE_ACT.scopes[0], recipients=("sala-pl", "istituto")),
    ))  # fmt: skip
    town = registry(both)
    asked = [(wish(), None), (wish(purpose=Purpose.ALARM, case="al-1", who=INSTITUTE),
                              alarm("piazza"))]  # fmt: skip
    assert [answer(one, town, record) for one, record in asked] == [None, Refusal.TEXT_ONLY]


def test_what_organisations_claim_to_be_leaves_nothing_behind():
    """Whoever asks as ten thousand houses fills no memory."""
    town = registry()
    for number in range(50):
        decide(wish(who=actor(organisation=f"casa-{number}")), town, None, NOW)
    place = view_of(town).place("piazza")
    assert place is not None
    assert not [one for one in place.by_organisation if one.startswith("casa-")]
    assert len(place.plans) == 1


def test_a_pause_follows_the_picture_under_another_id():
    """A second entry of the same source is paused too, and does not open the first to its owner."""
    twin = replace(TOWN.cameras["banco"], id="vetrina", site="centro")
    both = replace(SQUARE_ACT, scopes=(replace(SQUARE_ACT.scopes[0], cameras=("vetrina",)),))
    town = registry(both)
    town = replace(town, cameras=town.cameras | {"vetrina": replace(twin, url="rtsp://b:554/")})
    house = wish("vetrina", Purpose.OWNER, "", actor(Role.OWNER, "comune"))
    assert [answer(wish("vetrina"), town), answer(house, town)] == [None, None]
    for cameras in ((), ("banco",)):
        paused = replace(town, pauses={"p": Pause("p", "farmacia", cameras, "ti", 0)})
        assert answer(wish("vetrina"), paused) is Refusal.PAUSED
        assert answer(house, paused) is Refusal.PAUSED
        assert answer(wish("banco", Purpose.OWNER, "", OWNER), paused) is None
        assert acts_for(paused, "vetrina", Analytic.INTRUSION, NOW).act is None
    other = replace(town, pauses={"p": Pause("p", "comune", ("piazza",), "ti", 0)})
    assert answer(wish("vetrina"), other) is None


def test_an_act_may_have_who_looks_written_into_live_pictures():
    """The flag stands on live looks under that line alone: not on stills, not on the owner's."""
    marked = {
        key: replace(act, scopes=tuple(replace(one, watermark=True) for one in act.scopes))
        for key, act in TOWN.acts.items()
    }
    town = replace(TOWN, acts=marked)

    def flags(request):
        return decide(request, town, None, NOW).flags

    assert flags(wish()) == ("watermark",)
    assert flags(wish(action=Action.SNAPSHOT)) == ()
    assert decide(wish(), TOWN, None, NOW).flags == ()
