# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Changes that open something wider wait for two people, on a real disk."""

import dataclasses
from dataclasses import replace
from datetime import date

import pytest

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.model.registry import Controller, Disclosure, Extension, Pause, Role, SiteState, User
from gateway.registry.entities import flatten
from gateway.registry.held import PATIENCE_US, HeldState
from gateway.registry.seed import Seed, parse_seed
from gateway.registry.store import FOUNDER_US, open_registry
from tests.fakes import FakeClock
from tests.unit.registry.worlds import SEED, small

PEOPLE = [
    User("dpo", "D", Role.DPO, "farmacia"),
    User("capo", "C", Role.PS_SUPERVISOR, "sala"),
    User("capo2", "C2", Role.PS_SUPERVISOR, "sala"),
    User("titolare", "T", Role.OWNER, "farmacia"),
    User("altro-dpo", "A", Role.DPO, "bar"),
    User("capo-del-bar", "B", Role.PS_SUPERVISOR, "bar"),
    User("tecnico", "S", Role.SYSADMIN, "farmacia"),
    User("assente", "X", Role.DPO, "farmacia", enabled=False),
]
BEGIN = SEED.replace("valid_until", 'dpia = "D"\ndpia_date = 2026-01-02\nvalid_until')
WIDE = BEGIN.replace('"su-allarme"', '"sempre"')


def seed(text=WIDE):
    return parse_seed(text, "s.toml")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def store(tmp_path, clock):
    async with open_registry(tmp_path / "registry.db", clock=clock) as opened:
        await opened.apply(seed(BEGIN), by="uid:0")
        people = {("user", one.id): one for one in PEOPLE}
        bar = {("controller", "bar"): Controller("bar", "Bar")}
        await opened.apply(Seed("people", bar | people), by="uid:0")
        yield opened


def disclosure(store):
    return store.current().acts["patto"].scopes[0].disclosure


async def test_what_opens_wider_is_held_and_nothing_of_it_is_in_force(store):
    """Not even the harmless part; the assessment is stale from that moment."""
    before = store.current()
    change = await store.apply(seed(WIDE.replace("Via Roma", "Via Po")), by="uid:0")
    assert change.held
    assert change.version == before.version
    assert change.empty
    assert flatten(store.current()) == flatten(before)
    assert "riceve sempre (prima: su allarme)" in store.current().stale["patto"]
    (one,) = await store.held()
    assert (one.by, one.source, one.state, one.approvals) == (
        "uid:0",
        "s.toml",
        HeldState.WAITING,
        (),
    )


async def test_the_same_document_again_is_the_same_held_change(store):
    """Whoever repeats a command does not fill the disk."""
    first = await store.apply(seed(), by="uid:0")
    assert (await store.apply(seed(), by="uid:0")).held == first.held
    assert len(await store.held()) == 1


async def test_two_people_put_it_into_force(store):
    """One of the controller's own house among them; who asked and who agreed is written down."""
    held = (await store.apply(seed(), by="uid:0")).held
    first = await store.approve(held, by="capo", reason="serve")
    assert first.change is None
    assert disclosure(store) is Disclosure.ON_ALARM
    second = await store.approve(held, by="dpo", reason="valutato")
    assert second.change.changed == ("act/patto",)
    assert disclosure(store) is Disclosure.ALWAYS
    newest = (await store.versions())[0]
    assert newest.by == "uid:0"
    assert newest.source.endswith("approved by capo, dpo)")
    assert "patto" in store.current().stale, "the assessment still does not foresee it"
    with pytest.raises(ConfigError, match="does not wait"):
        await store.approve(held, by="titolare", reason="anch'io")


async def test_a_newer_assessment_ends_the_staleness(store):
    """Only a later date counts."""
    held = (await store.apply(seed(), by="uid:0")).held
    for who in ("capo", "dpo"):
        await store.approve(held, by=who, reason="sì")
    await store.apply(seed(WIDE.replace("2026-01-02", "2025-12-31")), by="uid:0")
    assert "patto" in store.current().stale
    await store.apply(seed(WIDE.replace("2026-01-02", "2026-01-03")), by="uid:0")
    assert store.current().stale == {}


async def test_two_rooms_cannot_decide_without_the_controller(store):
    """Two supervisors are two people, but none of the house concerned; a third makes it good."""
    held = (await store.apply(seed(), by="uid:0")).held
    for who in ("capo", "capo2"):
        assert (await store.approve(held, by=who, reason="sì")).change is None
    assert disclosure(store) is Disclosure.ON_ALARM
    assert (await store.approve(held, by="titolare", reason="sì")).change is not None


@pytest.mark.parametrize(
    "who",
    ["altro-dpo", "tecnico", "assente", "verdi", "nessuno", "dpo-richiedente", "capo-del-bar"],
)
async def test_who_may_not_judge(store, who):
    """Another house's people, the administrator, a closed account, an operator, and who asked."""
    asker = who if who == "dpo-richiedente" else "uid:0"
    user = User("dpo-richiedente", "R", Role.DPO, "farmacia")
    await store.apply(Seed("s", {("user", user.id): user}), by="uid:0")
    held = (await store.apply(seed(), by=asker)).held
    with pytest.raises(ConfigError, match="may not approve"):
        await store.approve(held, by=who, reason="io")
    assert (await store.held())[0].approvals == ()


async def test_nobody_counts_twice(store):
    """Two approvals of one person are one person."""
    held = (await store.apply(seed(), by="uid:0")).held
    await store.approve(held, by="dpo", reason="sì")
    with pytest.raises(ConfigError, match="has approved it already"):
        await store.approve(held, by="dpo", reason="di nuovo")
    assert disclosure(store) is Disclosure.ON_ALARM


async def test_an_approver_who_lost_the_role_does_not_count(store):
    """Enough is judged by the registry in force when the last one agrees."""
    held = (await store.apply(seed(), by="uid:0")).held
    await store.approve(held, by="dpo", reason="sì")
    gone = replace(store.current().users["dpo"], enabled=False)
    await store.apply(Seed("s", {("user", "dpo"): gone}), by="uid:0")
    assert (await store.approve(held, by="capo", reason="sì")).change is None
    assert (await store.approve(held, by="titolare", reason="sì")).change is not None


async def test_a_rejected_change_leaves_no_trace_in_force(store):
    """The assessment is as good as before."""
    held = (await store.apply(seed(), by="uid:0")).held
    with pytest.raises(ConfigError, match="may not"):
        await store.reject(held, by="verdi", reason="no")
    one = await store.reject(held, by="dpo", reason="non serve")
    assert one.state is HeldState.REJECTED
    assert store.current().stale == {}
    assert (await store.held())[0].decided.reason == "non serve"
    assert (await store.apply(seed(), by="uid:0")).held != held


async def test_what_nobody_approves_ends_after_thirty_days(store, clock):
    """Not a second sooner."""
    held = (await store.apply(seed(), by="uid:0")).held
    clock.utc_us += PATIENCE_US - 1
    assert await store.expire_held() == ()
    clock.utc_us += 1
    assert [one.id for one in await store.expire_held()] == [held]
    assert store.current().stale == {}
    with pytest.raises(ConfigError, match="does not wait"):
        await store.approve(held, by="dpo", reason="tardi")


async def test_where_the_base_changed_the_approvals_fall(store):
    """It is judged by what is in force: what opens more than was read has to be read again."""
    held = (await store.apply(seed(WIDE), by="uid:0")).held
    await store.approve(held, by="dpo", reason="sì")
    narrow = BEGIN.replace('analytics = ["intrusione"]', "analytics = []")
    assert not (await store.apply(seed(narrow), by="uid:0")).held
    judged = await store.approve(held, by="capo", reason="sì")
    assert judged.has_grown
    assert judged.change is None
    (one,) = await store.held()
    assert one.approvals == ()
    assert {wide.what.value for wide in one.widenings} == {"disclosure", "analytic"}
    assert store.current().acts["patto"].scopes[0].analytics == ()
    for who in ("dpo", "capo"):
        judged = await store.approve(held, by=who, reason="riletta")
    assert judged.change is not None


async def test_where_the_base_changed_for_the_better_approvals_stay(store):
    """What opens less than was read needs nobody again."""
    held = (await store.apply(seed(WIDE.replace("= 10", "= 12")), by="uid:0")).held
    await store.approve(held, by="dpo", reason="sì")
    second = (await store.apply(seed(WIDE), by="uid:0")).held
    for who in ("dpo", "capo"):
        await store.approve(second, by=who, reason="sì")
    assert (await store.approve(held, by="capo", reason="sì")).change is not None


async def test_what_no_longer_fits_is_refused_and_stays(store):
    """A held document that the registry has outgrown changes nothing."""
    part = '[[mask]]\nid = "vetrina"\ncamera = "banco"\npolygon = [[0, 0], [0.1, 0], [0.1, 0.1]]\n'
    held = (await store.apply(seed(part), by="uid:0")).held
    await store.approve(held, by="dpo", reason="sì")
    rest = {k: e for k, e in flatten(store.current()).items()
            if k[0] not in ("camera", "mask", "zone", "act")}  # fmt: skip
    await store.apply(Seed("s", rest), by="uid:0", replace=True)
    with pytest.raises(ConfigErrors, match="there is no camera banco"):
        await store.approve(held, by="titolare", reason="sì")
    assert (await store.held())[0].is_waiting


async def test_everything_survives_a_restart(tmp_path, clock, store):
    """Held changes, approvals, staleness, and what removed cameras were."""
    held = (await store.apply(seed(), by="uid:0")).held
    await store.approve(held, by="dpo", reason="sì")
    other = (await store.apply(seed(WIDE.replace("= 10", "= 12")), by="uid:0")).held
    await store.reject(other, by="capo", reason="no")
    everything = flatten(store.current())
    rest = {k: e for k, e in everything.items() if k[0] not in ("camera", "mask", "zone", "act")}
    async with open_registry(tmp_path / "registry.db", clock=clock) as again:
        assert await again.held() == await store.held()
        assert again.current() == store.current()
        await again.apply(Seed("s", rest), by="uid:0", replace=True)
    async with open_registry(tmp_path / "registry.db", clock=clock) as again:
        wide = {k: e for k, e in everything.items() if k[0] != "mask"}
        change = await again.apply(Seed("s", wide), by="uid:0", replace=True)
        assert change.held
        (one,) = [one for one in await again.held() if one.id == change.held]
        kinds = {wide.what.value for wide in one.widenings}
        assert kinds == {"mask"}


@pytest.mark.parametrize("restarted", [False, True])
async def test_sending_a_camera_elsewhere_first_is_no_way_around(
    tmp_path, clock, store, *, restarted
):
    """Its picture under another id is still known by where it was."""
    away = BEGIN.replace("rtsp://192.0.2.1/1", "rtsp://192.0.2.99/1")
    assert not (await store.apply(seed(away), by="uid:0")).held
    banco = store.current().cameras["banco"]
    act = store.current().acts["patto"]
    line = replace(act.scopes[0], cameras=("cassa",), disclosure=Disclosure.ALWAYS)
    new = {
        ("camera", "cassa"): replace(banco, id="cassa", url="rtsp://192.0.2.1/1"),
        ("act", "patto"): replace(act, scopes=(*act.scopes, line)),
    }
    if not restarted:
        assert (await store.apply(Seed("new", new), by="uid:0")).held
        return
    async with open_registry(tmp_path / "registry.db", clock=clock) as again:
        assert (await again.apply(Seed("new", new), by="uid:0")).held


async def test_people_enter_extensions_pauses_and_holds_and_documents_do_not(store):
    """A document may repeat what is there, neither add, change nor remove it."""
    made = Extension("p1", "patto", date(2028, 6, 30), "dpo", date(2026, 3, 1), "rinnovo")
    change = await store.enter(made, by="dpo")
    assert change.added == ("extension/p1",)
    assert store.current().last_day(store.current().acts["patto"]) == date(2028, 6, 30)
    with pytest.raises(ConfigError, match="is there already"):
        await store.enter(made, by="dpo")
    with pytest.raises(ConfigErrors, match="there is no act"):
        await store.enter(replace(made, id="p2", act="niente"), by="dpo")
    with pytest.raises(ConfigErrors, match="belongs to another controller"):
        await store.enter(Pause("s1", "bar", ("banco",), "x", 0), by="x")
    everything = flatten(store.current())
    assert (await store.apply(Seed("s", everything), by="uid:0")).empty
    for bad in (replace(made, until=date(2029, 1, 1)), replace(made, id="p3")):
        with pytest.raises(ConfigErrors, match="entered by a named person"):
            await store.apply(Seed("s", {("extension", bad.id): bad}), by="uid:0")
    del everything["extension", "p1"]
    assert (await store.apply(Seed("s", everything), by="uid:0", replace=True)).empty
    assert "p1" in store.current().extensions
    assert (await store.withdraw("extension", "p1", by="dpo")).removed == ("extension/p1",)


async def test_an_emptied_box_is_no_empty_box(store):
    """A document cannot name who entered a proroga, after taking everything out first, either."""
    whole = store.current()
    made = Extension("p1", "patto", date(2028, 6, 30), "capo", date(2026, 1, 1), "rinnovo")
    await store.apply(Seed("empty", {}), by="uid:0", replace=True)
    assert not flatten(store.current())
    site = replace(whole.sites["sede"], state=SiteState.SUBMITTED)
    forged = flatten(whole) | {("extension", "p1"): made, ("site", "sede"): site}
    with pytest.raises(ConfigErrors, match="extension"):
        await store.apply(Seed("again", forged), by="uid:0")
    assert not store.current().extensions


async def test_an_empty_box_takes_everything_as_it_is(tmp_path):
    """A restore brings what people entered elsewhere, and nothing is held."""
    world = small()
    pause = Pause("s1", "farmacia", ("banco",), "titolare", 5)
    async with open_registry(tmp_path / "new.db", clock=FakeClock()) as store:
        await store.apply(Seed("s", flatten(world) | {("pause", "s1"): pause}), by="x")
        assert store.current().is_paused(store.current().cameras["banco"])


async def test_second_factors_stand_beside_the_versions(tmp_path, store, clock):
    """Set, kept over restarts and seeds, in no version, gone with the user."""
    secret = "JBSWY3DPEHPK3PXP"
    await store.set_totp("verdi", secret)
    assert store.current().users["verdi"].totp_secret == secret
    await store.apply(seed(BEGIN.replace("Luca", "Lucio")), by="x")
    assert store.current().users["verdi"].totp_secret == secret
    assert (await store.at(store.current().version)).users["verdi"].totp_secret == ""
    assert (
        secret.encode() not in dataclasses.asdict(store.current().users["dpo"]).__repr__().encode()
    )
    async with open_registry(tmp_path / "registry.db", clock=clock) as again:
        assert again.current().users["verdi"].totp_secret == secret
    for bad in ("abc", "JBSWY3DPEHPK3PX1", "jbswy3dpehpk3pxp"):
        with pytest.raises(ConfigError, match="base32"):
            await store.set_totp("verdi", bad)
    with pytest.raises(ConfigError, match="no such user"):
        await store.set_totp("nessuno", secret)
    await store.set_totp("verdi", "")
    assert store.current().users["verdi"].totp_secret == ""


HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"


async def able(store, *people):
    """Give people a password, as their first day does."""
    for one in people:
        await store.set_password(one, HASH)


async def test_root_cannot_make_two_approvers_and_approve_alone(store):
    """The document with the accounts is held, and afterwards they count for nothing older."""
    held = (await store.apply(seed(), by="uid:0")).held
    await able(store, "capo2")
    two = {("user", id_): User(id_, "U", role, whose) for id_, role, whose in (
        ("finto-dpo", Role.DPO, "farmacia"), ("finto-capo", Role.PS_SUPERVISOR, "sala"),
    )}  # fmt: skip
    made = await store.apply(Seed("s", two), by="uid:0")
    assert made.held, "the room has somebody who can be asked"
    assert "finto-capo" not in store.current().users
    alone = await store.apply(Seed("s", {("user", "finto-dpo"): two["user", "finto-dpo"]}),
                              by="uid:0")  # fmt: skip
    assert not alone.held
    assert alone.founders == ("finto-dpo",), "nobody of the house could be asked: it is told of"
    assert ("finto-dpo", "farmacia") in store.founders()
    await able(store, "finto-dpo")
    with pytest.raises(ConfigError, match="may not approve"):
        await store.approve(held, by="finto-dpo", reason="io")
    assert (await store.approve(held, by="capo", reason="sì")).change is None


async def test_one_of_the_same_house_approves_a_new_approver(store):
    """One is enough, of the same house, and not who asked; then the account is in force."""
    await able(store, "dpo", "capo")
    new = User("nuovo", "N", Role.DPO, "farmacia")
    change = await store.apply(Seed("s", {("user", "nuovo"): new}), by="uid:0")
    assert change.held
    (one,) = await store.held()
    assert "nuovo (dpo) potrà approvare per farmacia" in one.widenings[0].text_it
    assert one.acts == ()
    with pytest.raises(ConfigError, match="may not approve"):
        await store.approve(change.held, by="capo", reason="di un'altra casa")
    judged = await store.approve(change.held, by="dpo", reason="è una collega")
    assert judged.change is not None
    assert judged.change.founders == ()
    assert store.current().users["nuovo"].role is Role.DPO


async def test_an_identity_that_changed_since_the_request_does_not_count(store):
    """Another password, certificate or second device: somebody else could be behind it."""
    held = (await store.apply(seed(), by="uid:0")).held
    await able(store, "capo")
    await store.set_totp("titolare", "A" * 32)
    bound = replace(store.current().users["dpo"], certificate_sha256="ab" * 32)
    await store.apply(Seed("s", {("user", "dpo"): bound}), by="uid:0")
    renamed = replace(store.current().users["capo2"], name="Capo 2")
    await store.apply(Seed("s", {("user", "capo2"): renamed}), by="uid:0")
    for who in ("capo", "titolare", "dpo"):
        with pytest.raises(ConfigError, match="may not approve"):
            await store.approve(held, by=who, reason="io")
    assert (await store.approve(held, by="capo2", reason="solo il nome")).held.approvals


async def test_an_approval_given_before_a_reset_falls(store):
    """What counts at the end is who they still are."""
    held = (await store.apply(seed(), by="uid:0")).held
    await store.approve(held, by="dpo", reason="sì")
    await able(store, "dpo")
    assert (await store.approve(held, by="capo", reason="sì")).change is None
    assert disclosure(store) is Disclosure.ON_ALARM
    assert (await store.approve(held, by="titolare", reason="sì")).change is not None


async def test_the_last_approver_does_not_go_quietly(tmp_path, clock, store):
    """Told of until there is one again, over restarts; a password that is taken away counts."""
    await able(store, "dpo")
    for one in ("titolare",):
        gone = replace(store.current().users[one], enabled=False)
        await store.apply(Seed("s", {("user", one): gone}), by="uid:0")
    assert store.orphans() == ()
    gone = replace(store.current().users["dpo"], enabled=False)
    change = await store.apply(Seed("s", {("user", "dpo"): gone}), by="uid:0")
    assert (change.orphans, store.orphans()) == (("farmacia",), ("farmacia",))
    async with open_registry(tmp_path / "registry.db", clock=clock) as again:
        assert again.orphans() == ("farmacia",)
    back = replace(gone, enabled=True)
    assert (await store.apply(Seed("s", {("user", "dpo"): back}), by="uid:0")).orphans == ()
    assert store.orphans() == ()
    await store.set_password("dpo", "")
    assert store.orphans() == ("farmacia",)


async def test_who_is_newer_stays_newer_after_a_restart(tmp_path, clock, store):
    """And what was told of is told of for thirty days."""
    held = (await store.apply(seed(), by="uid:0")).held
    await able(store, "dpo")
    founders = store.founders()
    assert ("dpo", "farmacia") in founders
    async with open_registry(tmp_path / "registry.db", clock=clock) as again:
        assert again.founders() == founders
        with pytest.raises(ConfigError, match="may not approve"):
            await again.approve(held, by="dpo", reason="io")
        clock.utc_us += FOUNDER_US
        assert again.founders() == ()


async def test_a_supervisor_judges_only_cameras_that_acts_name_for_the_room(store):
    """What would give the room a camera for the first time is not the room's to approve."""
    new = {("camera", "retro"): replace(store.current().cameras["banco"], id="retro",
                                        url="rtsp://192.0.2.7/1")}  # fmt: skip
    await store.apply(Seed("s", new), by="uid:0")
    act = store.current().acts["patto"]
    line = replace(act.scopes[0], cameras=("banco", "retro"))
    wide = {("act", "patto"): replace(act, scopes=(line,))}
    held = (await store.apply(Seed("s", wide), by="uid:0")).held
    assert held
    with pytest.raises(ConfigError, match="may not approve"):
        await store.approve(held, by="capo", reason="serve a noi")
    await store.approve(held, by="dpo", reason="sì")
    assert (await store.approve(held, by="titolare", reason="sì")).change is not None
