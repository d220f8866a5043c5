# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.assembly.burned import FILE, Burned
from gateway.assembly.devices import (
    DeviceParts,
    DevicePost,
    Devices,
    DeviceStatus,
    Survey,
    cameras_of,
    channel_of,
    is_burned,
)
from gateway.assembly.masks import MasksInForce, place_of
from gateway.assembly.plans import device_plan
from gateway.assembly.which_stream import Pick, Rendition
from gateway.ingest.events import SubscriptionState
from gateway.ingest.nvr import MOST_CHANNELS, Channel
from gateway.ingest.onvif_model import (
    CameraMask,
    MaskKind,
    MediaProfile,
    NtpState,
    OnvifTarget,
    TimeKind,
)
from gateway.ingest.pace import Login, Pace
from gateway.ingest.source import StreamSource
from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Refusal
from gateway.model.errors import CredentialError, PeerError
from gateway.model.event import CameraEvent, PropertyOperation
from gateway.model.media import Codec, StreamKind, StreamState
from gateway.model.registry import (
    AreaKind,
    Camera,
    Device,
    Mask,
    MaskPlace,
    Role,
    empty_registry,
)
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Reader
from tests.fakes import FakeClock
from tests.unit.assembly.parts import apply, running_box, secret_file, town, until, zone
from tests.unit.assembly.recorder import opener, recorder

ANNA = Actor("anna", "Anna", Role.PL_OPERATOR, "sala-pl", "s1", "password")
MOTION = "RuleEngine/CellMotionDetector/Motion"
SQUARE = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.5), (0.1, 0.5))
DEVICE = """
[[device]]
id = "nvr"
name = "NVR ingresso"
site = "centro"
url = "{url}"
credential = "file:{secret}"
make = "hikvision"
rtsp_port = {port}
{more}
"""
TRIGGER = """
[[trigger]]
id = "{id}"
name = "Movimento"
camera = "{camera}"
topic = "{topic}"
"""
MASK = """
[[mask]]
id = "{id}"
camera = "{camera}"
polygon = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.5], [0.1, 0.5]]
place = "camera"
reason = "finestre"
"""
CHANNEL = """
[[camera]]
id = "{id}"
name = "Canale {number}"
site = "centro"
area = "pubblica"
device = "nvr"
channel = {number}
{extra}
"""
CHANNELS = {"uno": 1, "due": 2, "tre": 3, "quattro": 4}


JUDGES = """
[[user]]
id = "dpo"
name = "DPO"
role = "dpo"
organisation = "comune"
[[user]]
id = "titolare"
name = "Titolare"
role = "owner.private"
organisation = "comune"
"""


def shop(folder, cabinet, more="", device="", **cameras):
    """A seed: one recorder with four channels, one credential; streams by the make's template."""
    secret = secret_file(folder)
    seed = town(folder, {}).replace("cameras = []", f"cameras = {list(CHANNELS)}".replace("'", '"'))
    seed += DEVICE.format(url=cabinet.url, secret=secret, port=cabinet.rtsp_port, more=device)
    for name, number in CHANNELS.items():
        seed += CHANNEL.format(id=name, number=number, extra=cameras.get(name, ""))
    return seed + more


async def surveyed(box):
    """Wait until the recorder has been asked."""

    def online():
        (status,) = box.devices.statuses()
        return status if status.online else None

    return await until(online, what="the recorder answers")


async def live(box, *names):
    for name in names:
        post = box.cameras.post(name)
        await until(lambda p=post: p.status().state is StreamState.LIVE, what=name)


async def test_one_recorder_four_channels_five_sessions_one_unplugged(tmp_path):
    """All within the limit; a wall waits with its reason; a lost channel harms no other."""
    async with recorder(most_sessions=5) as cabinet:
        seed = shop(tmp_path, cabinet, zone("z", "uno"), "most_sessions = 5")
        async with running_box(tmp_path, seed, open_device=opener()) as (box, _):
            await live(box, *CHANNELS)
            posts = {name: box.cameras.post(name) for name in CHANNELS}
            await until(
                lambda: posts["uno"].status(StreamKind.SUB).state is StreamState.LIVE,
                what="the fifth session is the watch",
            )
            wall = Reader("media:due/sub")
            posts["due"].fanout(StreamKind.SUB).join(wall)
            words = "limit of 5 sessions of recorder NVR ingresso reached"
            await until(lambda: words in posts["due"].status().problem, what="the wall waits")
            posts["due"].fanout(StreamKind.SUB).leave(wall)
            await live(box, "due")
            cabinet.box.unplug(3)
            await until(lambda: posts["tre"].status().problem, what="the lost channel shows")
            assert posts["tre"].status().state is not StreamState.LIVE
            for name in ("uno", "due", "quattro"):
                status = posts[name].status(StreamKind.MAIN)
                assert (status.state, status.connects, status.lost_packets) == (
                    StreamState.LIVE,
                    1,
                    0,
                )
            assert box.face.health().problems == (
                f"camera tre: {posts['tre'].status().state.value}",
            )
            channels = (await surveyed(box)).channels
            problems = {one.number: one.problem for one in channels}
            assert problems.pop(3).startswith("il flusso non arriva: main stream: ")
            assert problems == {1: "", 2: "", 4: ""}
            assert box.devices.problem("nvr", "tre") == ""
            assert box.devices.statuses()[0].sessions == 4
            cabinet.box.plug(3)
            await live(box, "tre")
            assert not any(one.problem for one in (await surveyed(box)).channels)


async def test_a_survey_tells_maker_channels_and_clock(tmp_path):
    """Names come from the recorder; a clock that is wrong is said in words (B-57).

    A viewer who waits for a key picture has the recorder asked, once, for that channel.
    """
    async with recorder(clock_offset_s=8.0, uses_ntp=False) as cabinet:
        seed = shop(tmp_path, cabinet)
        async with running_box(tmp_path, seed, open_device=opener()) as (box, opened):
            status = await surveyed(box)
            for pick in (Pick(Rendition.SUB), Pick(Rendition.MAIN)):
                box.renditions.fanout("due", pick)
            for stream in ("due/sub", "due/sub", "ignota", "due"):
                opened.media.on_wanted(stream)
            asked = cabinet.box.media.synchronised
            await until(lambda: len(asked) >= 2, what="key pictures are asked for")
            assert sorted(asked) == ["ch2-main", "ch2-sub"]
            assert status.information.model == "NVR-4"
            assert [(c.number, c.name) for c in status.channels] == [
                (1, "Ingresso"),
                (2, "Banco"),
                (3, "Retro"),
                (4, "Parcheggio"),
            ]
            assert 7.0 < status.clock_offset_s < 9.0
            italian = " ".join(it for it, _ in status.remarks)
            assert "nessuna prova può essere sigillata" in italian
            assert "impostare NTP" in italian


async def test_an_event_of_a_channel_raises_the_alarm_of_its_camera_alone(tmp_path):
    """Subscribed, mapped by the source's token, judged by the trigger, told like a zone's."""
    triggers = "".join(TRIGGER.format(id=f"moto-{n}", camera=n, topic=MOTION) for n in CHANNELS)
    async with recorder() as cabinet:
        seed = shop(tmp_path, cabinet, triggers, "events = true")
        async with running_box(tmp_path, seed, open_device=opener()) as (box, opened):
            await surveyed(box)
            await until(lambda: cabinet.events.pull_points, what="subscribed")
            source = {"VideoSourceConfigurationToken": "vsc-input-2"}
            cabinet.events.fire(MOTION, source, {"IsMotion": "true"})
            await until(opened.outbox.living, what="an alarm")
            (record,) = await opened.outbox.recent(10)
            alarm = record.alarm
            assert (alarm.camera, alarm.zone, alarm.rule) == ("due", "moto-due", "evento")
            assert (record.act, record.recipients) == ("patto", ("sala-pl",))
            (status,) = box.devices.statuses()
            assert status.events.events >= 1


async def test_without_an_act_an_event_raises_nothing(tmp_path):
    """Triggers rest on the same basis as zones."""
    trigger = TRIGGER.format(id="moto", camera="due", topic=MOTION)
    async with recorder() as cabinet:
        seed = shop(tmp_path, cabinet, trigger, "events = true")
        seed = seed.replace('analytics = ["intrusione"]', "analytics = []")
        async with running_box(tmp_path, seed, open_device=opener()) as (box, opened):
            await surveyed(box)
            await until(lambda: cabinet.events.pull_points, what="subscribed")
            source = {"VideoSourceConfigurationToken": "vsc-input-2"}
            cabinet.events.fire(MOTION, source, {"IsMotion": "true"})
            post = box.devices.post("nvr")
            await until(lambda: post.status().events.events, what="heard")
            assert not await opened.outbox.recent(10)
            assert box.cameras.post("due").plan.off_reason


async def test_a_mask_is_set_in_the_camera_and_until_then_no_picture_leaves(tmp_path):
    """Refused while it is not confirmed; set, read back, then passed through."""
    wish = AccessRequest(ANNA, Action.LIVE, "uno", Purpose.SERVICE, "OS 1")
    async with recorder() as cabinet:
        seed = shop(tmp_path, cabinet, MASK.format(id="finestre", camera="uno"))
        async with running_box(tmp_path, seed) as (_, opened):
            answer = await opened.gate.open(wish)
            assert answer.refusal is Refusal.MASK
        (tmp_path / "registry.db").unlink()
        async with running_box(tmp_path, seed, open_device=opener()) as (box, opened):
            await surveyed(box)
            assert isinstance(await opened.gate.open(wish), Grant)
            async with opener()(OnvifTarget("nvr", cabinet.url, "admin", "s3cret")) as device:
                (burned,) = await device.masks("vsc-input-1")
                assert is_burned(Mask("finestre", "uno", SQUARE), [burned])
                assert await device.masks("vsc-input-2") == ()


async def test_a_mask_that_left_the_registry_is_taken_off_the_camera_also_after_a_restart(tmp_path):
    """Only what we put there: the owner's own mask stays, and so does ours where it is wanted."""
    own = CameraMask("", ((0.5, 0.5), (0.9, 0.5), (0.9, 0.9), (0.5, 0.9)))
    (tmp_path / "state").mkdir()
    async with recorder() as cabinet:
        target = OnvifTarget("nvr", cabinet.url, "admin", "s3cret")

        async def burned():
            async with opener()(target) as device:
                return await device.masks("vsc-input-1")

        async with opener()(target) as device:
            await device.put_masks("vsc-input-1", [own])
        seed = shop(tmp_path, cabinet, JUDGES)
        masked = seed + MASK.format(id="finestre", camera="uno")
        async with running_box(tmp_path, masked, open_device=opener()) as (box, _):
            status = await surveyed(box)
            assert status.masks == (("finestre", "uno", True),)
            assert len(await burned()) == 2
        (tmp_path / "registry.db").unlink()
        async with running_box(tmp_path, seed, open_device=opener()) as (box, opened):
            await surveyed(box)
            (left,) = await burned()
            assert is_burned(Mask("own", "uno", own.polygon), [left])
            await apply(opened.registry, masked)
            await until(lambda: box.devices.statuses()[0].masks, what="wanted")

            async def count(most):
                return len(await burned()) == most

            await until(lambda: count(2), what="put on again")
            change = await apply(opened.registry, seed)
            assert await count(2), "two people have not agreed yet"
            for judge in ("dpo", "titolare"):
                await opened.registry.approve(change.held, by=judge, reason="cantiere finito")
            await until(lambda: count(1), what="taken off while the box runs")


async def test_a_long_key_distance_is_shortened_where_the_owner_lets_us(tmp_path):
    """Declared 10 s, allowed 2 s: set at the recorder, both streams."""
    async with recorder(gop=250) as cabinet:
        seed = shop(tmp_path, cabinet, "", "most_gop_s = 2.0")
        async with running_box(tmp_path, seed, open_device=opener()) as (box, _):
            await surveyed(box)
            async with opener()(OnvifTarget("nvr", cabinet.url, "admin", "s3cret")) as device:
                gops = [one.gop for one in await device.profiles()]
                assert max(gops) == 50


async def test_a_device_that_cannot_be_asked_harms_no_stream(tmp_path):
    """Its ONVIF side is away; the pictures go on and the box says what is wrong."""
    async with recorder() as cabinet:
        seed = shop(tmp_path, cabinet)
        async with running_box(tmp_path, seed) as (box, opened):
            await live(box, *CHANNELS)
            (status,) = box.devices.statuses()
            assert not status.online
            assert "unreachable" in status.problem
            assert any("device nvr: " in one for one in box.face.health().problems)
            assert box.face.health().ok
            before = box.devices.post("nvr")._running
            await apply(opened.registry, seed.replace("NVR ingresso", "Registratore"))
            await until(
                lambda: box.devices.statuses()[0].name == "Registratore", what="another name"
            )
            assert box.devices.post("nvr")._running is before
            assert [s.connects for _, s in box.cameras.statuses()] == [1, 1, 1, 1]


# what needs no recorder -----------------------------------------------------------------------


def hung(name, number):
    return Camera(name, name, "s", "", AreaKind.PRIVATE, device="nvr", channel=number)


def channel(number, problem=""):
    source = f"input-{number}"
    tokens = (source, f"vsc-{source}")
    return Channel(number, "", "", "", None, (0, 0), problem, source, tokens, f"vsc-{source}")


def event(**source):
    now = SystemClock().now()
    return CameraEvent(MOTION, PropertyOperation.CHANGED, tuple(source.items()), (), (), 0, now)


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        ({"VideoSourceConfigurationToken": "vsc-input-2"}, ("due",)),
        ({"Source": "input-1", "Rule": "r"}, ("uno",)),
        ({"VideoSourceConfigurationToken": "vsc-input-9"}, ()),
        ({"InputToken": "di-1"}, ("uno", "due")),
        ({}, ("uno", "due")),
    ],
)
def test_an_event_is_about_the_camera_whose_source_it_names(source, meant):
    """A view that we do not know is about none; a contact is about all, triggers tell which."""
    cameras, channels = (hung("uno", 1), hung("due", 2)), (channel(1), channel(2))
    assert cameras_of(event(**source), cameras, channels) == meant
    assert cameras_of(event(**source), cameras[:1], ()) == ("uno",)


def test_a_camera_finds_its_channel_by_number_or_because_there_is_one():
    """A number that the device does not have is no channel."""
    assert channel_of(hung("tre", 3), (channel(1), channel(3))).number == 3
    assert channel_of(hung("tre", 3), (channel(1),)) is None
    assert channel_of(hung("solo", 0), (channel(1),)).number == 1
    assert channel_of(hung("solo", 0), (channel(1), channel(2))) is None


def test_a_mask_counts_only_where_corners_agree_and_nothing_can_be_guessed():
    """Turned or reversed is the same polygon; blurred, switched off or smaller is not."""
    mask = Mask("m", "c", SQUARE)
    turned = SQUARE[2:] + SQUARE[:2]
    grid = tuple((x + 0.01, y - 0.01) for x, y in turned[::-1])
    assert is_burned(mask, [CameraMask("1", turned), CameraMask("2", SQUARE[:3])])
    assert is_burned(mask, [CameraMask("1", grid, kind=MaskKind.PIXELATED)])
    assert not is_burned(mask, [CameraMask("1", SQUARE, kind=MaskKind.BLURRED)])
    assert not is_burned(mask, [CameraMask("1", SQUARE, enabled=False)])
    assert not is_burned(mask, [CameraMask("1", ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4)))])
    assert not is_burned(mask, [])


class Cabinet:
    """A device that answers what is put into it; by Protocol, no wire."""

    notes = ()

    def __init__(self, *profiles):
        self.given = profiles
        self.burned = {}
        self.refusal = None
        self.forgetful = False

    def _obey(self):
        if self.refusal is not None:
            raise self.refusal

    async def profiles(self):
        return self.given

    async def information(self):
        raise PeerError("HTTP 500")

    async def ntp(self):
        return NtpState(False, (), 0.2, TimeKind.NTP)

    async def masks(self, configuration):
        self._obey()
        return self.burned.get(configuration, ())

    async def put_masks(self, configuration, masks):
        self._obey()
        self.burned[configuration] = () if self.forgetful else tuple(masks)
        return self.burned[configuration]


def view(number, name=""):
    source = f"input-{number}"
    return MediaProfile(
        f"p{number}", name, source, name, f"e{number}", Codec.H264, (1920, 1080), 25.0, 50, 4096,
        True, source_configuration=f"vsc-{source}",
    )  # fmt: skip


class Bench:
    """A recorder's plan with one mask on its first camera, and the hands to survey it."""

    def __init__(self):
        self.cabinet = Cabinet(view(1, "Ingresso"), view(2, "Banco"))
        self.mask = Mask("finestre", "uno", SQUARE, MaskPlace.CAMERA)
        cameras = {"uno": hung("uno", 1), "due": hung("due", 2)}
        device = Device("nvr", "NVR", "s", "http://192.0.2.9/onvif")
        known = replace(
            empty_registry(),
            cameras=cameras,
            devices={"nvr": device},
            masks={"finestre": self.mask},
        )
        self.known = known
        self.clock = FakeClock()
        self.masks = MasksInForce(lambda: self.known, self.clock)
        self.plan = device_plan(device, known, lambda *_: ("", ""))
        self.parts = DeviceParts(self.clock, None, self.masks, lambda *_: None)
        self.status = DeviceStatus("nvr", "NVR")

    def know(self, camera):
        self.known = replace(self.known, cameras={**self.known.cameras, camera.id: camera})

    async def survey(self):
        found = await Survey(self.plan, self.status, self.parts).ask(self.cabinet)
        self.status = found.status
        return found

    def ours(self):
        return bool(self.masks.current().masks_of("uno"))


async def test_a_device_that_knows_no_masks_leaves_them_to_the_gateway():
    """Told in Italian as the camera's problem; the other camera has none."""
    bench = Bench()
    bench.cabinet.refusal = PeerError("no mask support")
    found = await bench.survey()
    assert "le applica il gateway" in found.problems["uno"]
    assert "due" not in found.problems
    assert bench.ours()


async def test_a_device_that_says_yes_and_does_nothing_is_not_believed():
    """What counts is what is read back."""
    bench = Bench()
    bench.cabinet.forgetful = True
    found = await bench.survey()
    assert "finestre" in found.problems["uno"]
    assert bench.ours()


async def test_a_mask_that_vanished_from_the_camera_is_put_back_and_others_stay():
    """Masks of the owner's own are kept; ours is added where it is missing."""
    bench = Bench()
    own = CameraMask("7", ((0.5, 0.5), (0.9, 0.5), (0.9, 0.9)))
    bench.cabinet.burned["vsc-input-1"] = (own,)
    assert not (await bench.survey()).problems
    assert not bench.ours()
    assert own in bench.cabinet.burned["vsc-input-1"]
    bench.cabinet.burned["vsc-input-1"] = (own,)
    bench.cabinet.forgetful = True
    await bench.survey()
    assert bench.ours()


async def test_a_channel_that_is_gone_is_named_and_the_others_keep_their_numbers():
    """Also where the device then counts anew."""
    bench = Bench()
    assert not (await bench.survey()).problems
    bench.cabinet.given = (replace(view(2, "Banco")),)
    found = await bench.survey()
    assert "canale 1" in found.problems["uno"]
    assert "due" not in found.problems
    assert [(c.number, bool(c.problem)) for c in found.status.channels] == [(1, True), (2, False)]
    assert bench.ours()


async def test_one_question_that_is_not_answered_costs_nothing_else():
    """The maker is not told; clock and channels are there, with a note about the rest."""
    bench = Bench()
    status = (await bench.survey()).status
    assert status.information is None
    assert status.clock_offset_s == 0.2
    assert len(status.channels) == 2
    assert ("informazioni: HTTP 500", "information: HTTP 500") in status.remarks
    assert any("senza server" in it for it, _ in status.remarks)


async def test_refused_credentials_end_a_survey_at_once():
    """No further question: recorders lock accounts."""
    bench = Bench()
    bench.cabinet.refusal = CredentialError("refused")
    with pytest.raises(CredentialError):
        await bench.survey()
    assert bench.ours()


async def test_a_mask_of_the_owners_is_never_taken_off_even_if_it_is_like_ours():
    """It was there before we came, so that nothing had to be put."""
    bench = Bench()
    theirs = CameraMask("7", SQUARE)
    bench.cabinet.burned["vsc-input-1"] = (theirs,)
    await bench.survey()
    assert not bench.ours()
    bench.plan = replace(bench.plan, masks=())
    await bench.survey()
    assert bench.cabinet.burned["vsc-input-1"] == (theirs,)


async def test_a_mask_that_was_redrawn_replaces_the_old_one_and_a_refusal_is_told(tmp_path):
    """What cannot be taken off stays known as ours, and is tried again."""
    bench = Bench()
    bench.parts = replace(bench.parts, burned=Burned(tmp_path / FILE))
    await bench.survey()
    smaller = tuple((x / 2, y / 2) for x, y in SQUARE)
    redrawn = replace(bench.mask, polygon=smaller)
    bench.plan = replace(bench.plan, masks=(redrawn,))
    await bench.survey()
    assert [one.polygon for one in bench.cabinet.burned["vsc-input-1"]] == [smaller]
    bench.plan = replace(bench.plan, masks=())
    bench.parts = replace(bench.parts, burned=Burned(tmp_path / FILE))
    bench.cabinet.refusal = PeerError("read only")
    assert "restano" in (await bench.survey()).problems["uno"]
    bench.cabinet.refusal = None
    assert not (await bench.survey()).problems
    assert bench.cabinet.burned["vsc-input-1"] == ()
    assert bench.parts.burned.of("nvr", "vsc-input-1") == ()


async def test_a_mask_that_could_not_be_put_back_is_the_gateways_at_once():
    """It was confirmed a minute ago; a failed attempt to restore it is no confirmation."""
    bench = Bench()
    await bench.survey()
    assert not bench.ours()
    bench.cabinet.burned = {}

    async def put_masks(configuration, masks):
        raise PeerError("no room")

    bench.cabinet.put_masks = put_masks
    assert "no room" in (await bench.survey()).problems["uno"]
    assert bench.ours()


async def test_views_that_are_named_anew_at_every_start_do_not_fill_the_memory():
    """Months of a device that cannot remember its own tokens."""
    bench = Bench()
    for start in range(3 * MOST_CHANNELS):
        bench.cabinet.given = (view(2 * start + 1), view(2 * start + 2))
        channels = (await bench.survey()).status.channels
        assert len(channels) <= MOST_CHANNELS
        assert sum(not one.problem for one in channels) == 2
    numbers = [one.number for one in channels]
    assert len(numbers) == len(set(numbers))


class Opening:
    """Opens the cabinet; notes how often."""

    def __init__(self, cabinet):
        self.cabinet = cabinet
        self.opened = 0
        self.refusal = None

    @asynccontextmanager
    async def __call__(self, target):
        self.opened += 1
        if self.refusal is not None:
            raise self.refusal
        yield self.cabinet


@asynccontextmanager
async def posted(bench):
    """Run the bench's device; yields post and opening."""
    opening = Opening(bench.cabinet)
    async with asyncio.TaskGroup() as tasks:
        parts = replace(bench.parts, open=opening, clock=SystemClock())
        post = DevicePost(bench.plan, parts, tasks)
        try:
            await until(lambda: post.status().online, what="asked")
            yield post, opening
        finally:
            post.stop()


async def test_a_plan_that_changes_during_a_survey_is_surveyed_once_more():
    """The wish is not forgotten because somebody was just asking."""
    bench = Bench()
    async with posted(bench) as (post, opening):
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def slow():
            reached.set()
            await go_on.wait()
            return NtpState(False, (), 0.2, TimeKind.NTP)

        bench.cabinet.ntp = slow
        post.change(replace(post.plan, device=replace(post.plan.device, name="A")))
        await reached.wait()
        before = opening.opened
        post.change(replace(post.plan, device=replace(post.plan.device, name="B")))
        go_on.set()
        await until(lambda: opening.opened > before, what="once more")


async def test_a_still_is_asked_of_the_cameras_own_view_and_never_of_a_device_that_is_away():
    """By channel; a device that refused its survey is not knocked at again."""
    bench, asked = Bench(), []

    async def snapshot(token):
        asked.append(token)
        return b"\xff\xd8\xff"

    bench.cabinet.snapshot = snapshot
    async with posted(bench) as (post, opening):
        taken = await post.snapshot(hung("due", 2))
        assert (asked, taken.stream_px) == (["p2"], (1920, 1080))
        with pytest.raises(PeerError, match="no view of camera tre"):
            await post.snapshot(hung("tre", 3))
        post._status = replace(post._status, online=False, problem="refused")
        before = opening.opened
        with pytest.raises(PeerError, match="refused"):
            await post.snapshot(hung("due", 2))
        assert opening.opened == before


async def test_another_address_forgets_what_was_wrong_at_the_old_one():
    """Problems, channels and confirmations are of the device that was asked."""
    bench = Bench()
    bench.cabinet.refusal = PeerError("no mask support")
    async with posted(bench) as (post, _):
        assert post.problem("uno")
        target = replace(post.plan.target, url="http://192.0.2.99/onvif")
        post.change(replace(post.plan, target=target))
        assert post.problem("uno") == ""
        assert post.status().channels == ()


async def test_a_camera_that_moves_to_another_channel_is_not_masked_by_what_was_seen_before():
    """The very moment the registry changes, and while the new place does not answer."""
    bench = Bench()
    known = bench.known
    in_force = MasksInForce(lambda: known, bench.clock)
    async with asyncio.TaskGroup() as tasks:
        parts = replace(bench.parts, open=Opening(bench.cabinet), clock=SystemClock())
        devices = Devices(replace(parts, masks=in_force), tasks)

        def follow():
            all_ = known.devices.values()
            devices.reconcile(
                {one.id: device_plan(one, known, lambda *_: ("", "")) for one in all_}
            )

        follow()
        await until(lambda: in_force.confirms(bench.mask), what="read back")
        bench.cabinet.refusal = PeerError("does not answer")
        moved = replace(known.cameras["uno"], channel=2)
        known = replace(known, cameras={**known.cameras, "uno": moved})
        assert in_force.current().masks_of("uno")
        follow()
        assert in_force.current().masks_of("uno")
        known = replace(known, devices={})
        follow()


async def test_a_plan_that_moves_a_mask_doubts_it_before_anything_else():
    """Old place and new place; masks of cameras that stay are still believed."""
    bench = Bench()
    async with posted(bench) as (post, _):
        assert not bench.ours()
        same = replace(post.plan.cameras[0], name="Altro nome")
        post.change(replace(post.plan, cameras=(same, post.plan.cameras[1])))
        assert not bench.ours()
        moved = replace(post.plan.cameras[1], channel=2)
        post.change(replace(post.plan, cameras=(same, moved)))
        assert bench.ours()


async def test_a_small_rendition_with_a_configuration_of_its_own_is_masked_too():
    """Set and read back there as well; where it cannot be, nothing counts."""
    bench = Bench()
    small = replace(view(1), token="s1", size_px=(640, 360), source_configuration="vsc-sub")
    bench.cabinet.given = (view(1), small, view(2))
    await bench.survey()
    assert {"vsc-input-1", "vsc-sub"} <= bench.cabinet.burned.keys()
    assert not bench.ours()
    put = bench.cabinet.put_masks

    async def forgets(configuration, masks):
        return () if configuration == "vsc-sub" else await put(configuration, masks)

    bench.cabinet.burned = {}
    bench.cabinet.put_masks = forgets
    assert "finestre" in (await bench.survey()).problems["uno"]
    assert bench.ours()


async def test_a_small_rendition_whose_configuration_is_not_told_is_not_believed():
    """Fail closed: nobody can ask for its masks."""
    bench = Bench()
    small = replace(view(1), token="s1", size_px=(640, 360), source_configuration="")
    bench.cabinet.given = (view(1), small, view(2))
    await bench.survey()
    assert bench.ours()


async def test_two_cameras_on_one_channel_do_not_take_off_each_others_masks():
    """The second one has none of its own; the first one's stay on."""
    bench = Bench()
    bench.plan = replace(bench.plan, cameras=(hung("uno", 1), hung("due", 1)))
    await bench.survey()
    assert is_burned(bench.mask, bench.cabinet.burned["vsc-input-1"])


async def test_a_stream_from_elsewhere_is_not_masked_by_the_device():
    """Its URL names another host than the device that burns the mask in."""
    bench = Bench()
    away = replace(hung("uno", 1), url="rtsp://192.0.2.77/1")
    bench.know(away)
    bench.plan = replace(bench.plan, cameras=(away, hung("due", 2)))
    assert "hosts" in (await bench.survey()).problems["uno"]
    assert bench.ours()
    here = replace(away, url="rtsp://192.0.2.9/1")
    bench.know(here)
    bench.plan = replace(bench.plan, cameras=(here, hung("due", 2)))
    await bench.survey()
    assert not bench.ours()


async def test_masks_that_cannot_be_read_any_more_are_the_gateways_at_once():
    """Not only when the confirmation has grown old."""
    bench = Bench()
    await bench.survey()
    assert not bench.ours()
    bench.cabinet.refusal = PeerError("HTTP 500")
    await bench.survey()
    assert bench.ours()


async def test_a_device_that_was_away_has_to_be_asked_again_before_its_masks_count():
    """Who comes back may have been reset."""
    bench = Bench()
    async with posted(bench) as (post, opening):
        assert not bench.ours()
        opening.refusal = PeerError("unreachable")
        post.change(replace(post.plan, device=replace(post.plan.device, name="B")))
        await until(lambda: not post.status().online, what="away")
        assert bench.ours()


async def test_a_camera_whose_pictures_stopped_is_asked_again_before_its_masks_count(monkeypatch):
    """A reboot is seen by its stream first; back again, it is surveyed at once."""
    monkeypatch.setattr("gateway.assembly.devices.GLANCE_S", 0.01)
    monkeypatch.setattr("gateway.assembly.devices.LATER_S", 0.2)
    bench, lost = Bench(), {}
    bench.parts = replace(bench.parts, lost=lambda camera: lost.get(camera, ""))
    async with posted(bench) as (_, opening):
        assert not bench.ours()
        lost["uno"] = "no answer"
        await until(bench.ours, what="doubted")
        bench.masks.confirm([bench.mask], place_of(bench.plan.cameras[1], bench.plan.device))
        assert not bench.ours()
        before = opening.opened
        lost.clear()
        await until(bench.ours, what="doubted again")
        await until(lambda: opening.opened > before and not bench.ours(), what="read back")


async def test_a_refused_account_is_tried_once_by_all_together():
    """The survey is refused: no subscription, no still and no stream knock until it is time."""
    bench = Bench()
    clock = SystemClock()
    pace = Pace(clock)
    target = replace(bench.plan.target, user="admin", password="wrong")
    device = replace(bench.plan.device, events=True)
    opening = Opening(bench.cabinet)
    opening.refusal = CredentialError("refused")
    async with asyncio.TaskGroup() as tasks:
        parts = replace(bench.parts, open=opening, clock=clock, pace=pace)
        post = DevicePost(replace(bench.plan, target=target, device=device), parts, tasks)
        await until(lambda: post.status().problem, what="refused")
        assert pace.login_wait_s(Login("192.0.2.9", "admin", "wrong")) > 25
        stream = StreamSource("uno", "rtsp://192.0.2.9/1", user="admin", password="wrong")
        assert pace.wait_s(stream) > 25
        assert post.status().events.state is SubscriptionState.CONNECTING
        with pytest.raises(PeerError):
            await post.snapshot(hung("uno", 1))
        with pytest.raises(CredentialError) as caught:
            async with post._pull_point(target):
                pass
        assert caught.value.retry_after_s > 25
        assert opening.opened == 1
        post.stop()


async def test_a_survey_does_not_knock_where_a_stream_was_refused():
    """The other way round: said in words, and without a question."""
    bench = Bench()
    clock = SystemClock()
    pace = Pace(clock)
    pace.refused(StreamSource("uno", "rtsp://192.0.2.9/1", user="admin", password="wrong"))
    target = replace(bench.plan.target, user="admin", password="wrong")
    opening = Opening(bench.cabinet)
    async with asyncio.TaskGroup() as tasks:
        parts = replace(bench.parts, open=opening, clock=clock, pace=pace)
        post = DevicePost(replace(bench.plan, target=target), parts, tasks)
        await until(lambda: "next attempt at" in post.status().problem, what="said")
        assert opening.opened == 0
        post.stop()
