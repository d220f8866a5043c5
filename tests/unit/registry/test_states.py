# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""States of a site: their order, and what an active site must have."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model.errors import ConfigErrors
from gateway.model.registry import SiteState
from gateway.registry.entities import flatten
from gateway.registry.seed import Seed, check_alone, parse_seed
from gateway.registry.states import STEPS, movements
from gateway.registry.store import open_registry
from tests.fakes import FakeClock
from tests.unit.registry.worlds import SEED, small

S = SiteState
ACTIVE = SEED.replace('state = "approvato"', 'state = "attivo"\napproval = "CPOSP 1/2026"').replace(
    "valid_until",
    'dpia = "D 1"\ndpia_sha256 = "%s"\ndpia_date = 2026-01-02\nvalid_until' % ("0f" * 32),
)


def seed(text):
    return parse_seed(text, "s.toml")


def world(state):
    base = small()
    return replace(base, sites={"sede": replace(base.sites["sede"], state=state)})


@pytest.mark.parametrize("before", S)
@pytest.mark.parametrize("after", S)
def test_only_some_states_follow_each_other(before, after):
    """One step forward, sospeso from everywhere and back, scaduto from everywhere."""
    order = [S.DRAFT, S.SUBMITTED, S.APPROVED, S.ACTIVE]
    forward = before in order and after in order and order.index(after) == order.index(before) + 1
    good = (
        before is after
        or forward
        or after in (S.SUSPENDED, S.EXPIRED)
        or (before, after) in [(S.SUSPENDED, S.ACTIVE), (S.EXPIRED, S.SUBMITTED)]
        or (after is S.DRAFT and before in (S.SUBMITTED, S.APPROVED))
    )
    found = movements(world(before), world(after), "/".join)
    assert (found == []) is good
    if found:
        assert f"does not follow {before.value}" in str(found[0])
        assert all(one.value in found[0].advice for one in STEPS[before])


@pytest.mark.parametrize(
    ("since", "until", "fault"),
    [
        (0, 0, ""),
        (0, -1, ""),
        (1, 0, ""),
        (0, 1, "act[patto].valid_until: is later than"),
        (-1, 0, "act[patto].valid_from: is earlier than"),
    ],
)
def test_no_document_makes_an_act_last_longer(since, until, fault):
    """Only a named person does, by a proroga; or another act is signed."""
    before = world(S.ACTIVE)
    act = before.acts["patto"]
    moved = replace(
        act,
        valid_from=act.valid_from + timedelta(days=since),
        valid_until=act.valid_until + timedelta(days=until),
    )
    found = movements(before, replace(before, acts={"patto": moved}), "/".join)
    assert [fault] == [str(one)[len("act/patto: ") :][: len(fault)] for one in found] or not (
        fault or found
    )
    if found:
        assert "new act" in found[0].advice


def test_an_active_site_has_everything():
    """Approval, assessment with reference, hash and an older date."""
    assert check_alone(seed(ACTIVE)).added


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('\napproval = "CPOSP 1/2026"', "", "site[sede].approval: is missing"),
        ('dpia_sha256 = "%s"\n' % ("0f" * 32), "", "act patto has no assessment"),
        ("dpia_date = 2026-01-02\n", "", "act patto has no assessment"),
        ('"attivo"', '"attivo"\nactivated = 2026-01-02', "act patto has no assessment"),
    ],
)
def test_what_an_active_site_lacks_is_said(old, new, fault):
    """The committee's approval, and an assessment from before the first day."""
    assert old in ACTIVE
    with pytest.raises(ConfigErrors) as caught:
        check_alone(seed(ACTIVE.replace(old, new, 1)))
    assert fault in str(caught.value)


def test_a_municipality_needs_no_approval_and_a_private_area_neither():
    """Its squares are its own; a back room with intrusion needs no assessment."""
    own = ACTIVE.replace('name = "Farmacia"', 'name = "Comune"\nkind = "comune"', 1)
    assert check_alone(seed(own.replace('\napproval = "CPOSP 1/2026"', ""))).added
    inside = SEED.replace("approvato", "attivo").replace("aperta-al-pubblico", "privata")
    assert check_alone(seed(inside)).added
    plates = inside.replace('["intrusione"]', '["targhe"]')
    with pytest.raises(ConfigErrors, match="act patto has no assessment"):
        check_alone(seed(plates))


async def test_the_first_day_is_set_and_kept(tmp_path):
    """Today in Rome when it becomes active; also through a suspension; anew after a new round."""
    clock = FakeClock()
    async with open_registry(tmp_path / "r.db", clock=clock) as store:
        await store.apply(seed(ACTIVE), by="x")
        first = store.current().sites["sede"].activated
        assert first is not None

        async def go(state):
            await store.apply(seed(ACTIVE.replace('"attivo"', f'"{state}"')), by="x")
            return store.current().sites["sede"].activated

        assert (await store.apply(seed(ACTIVE), by="x")).empty
        clock.utc_us += 40 * 86_400 * 1_000_000
        assert await go("sospeso") == first
        assert await go("attivo") == first
        await go("scaduto")
        with pytest.raises(ConfigErrors, match="does not follow scaduto"):
            await go("attivo")
        for state in ("inviato", "approvato"):
            assert await go(state) is None
        assert await go("attivo") > first


async def test_an_assessment_of_the_day_of_activation_is_too_late(tmp_path):
    """It must be older than the first picture."""
    clock = FakeClock()
    today = clock.now().utc().date()
    text = ACTIVE.replace("2026-01-02", str(today))
    async with open_registry(tmp_path / "r.db", clock=clock) as store:
        with pytest.raises(ConfigErrors, match="no assessment from before its first day"):
            await store.apply(seed(text), by="x")
        assert store.current().version == 0


async def test_a_site_that_is_added_later_begins_at_the_beginning(tmp_path):
    """Only the first document of an empty box may bring any state."""
    async with open_registry(tmp_path / "r.db", clock=FakeClock()) as store:
        await store.apply(seed(ACTIVE), by="x")
        site = replace(store.current().sites["sede"], id="altra")
        with pytest.raises(ConfigErrors, match="is not where a site begins"):
            await store.apply(Seed("s", {("site", "altra"): site}), by="x")
        draft = replace(site, state=S.DRAFT, activated=None)
        await store.apply(Seed("s", {("site", "altra"): draft}), by="x")
        assert store.current().sites["altra"].activated is None


async def test_what_lacked_something_before_does_not_block_other_work(tmp_path):
    """A box from before these rules goes on; only what a change brings is refused."""
    old = world(S.ACTIVE)
    async with open_registry(tmp_path / "r.db", clock=FakeClock()) as store:
        await store.apply(Seed("s", flatten(world(S.APPROVED))), by="x")
        site = old.sites["sede"]
        await store._put(flatten(store.current()) | {("site", "sede"): site}, by="x")
        camera = replace(store.current().cameras["banco"], name="Cassa")
        await store.apply(Seed("s", {("camera", "banco"): camera}), by="x")
        assert store.current().cameras["banco"].name == "Cassa"
