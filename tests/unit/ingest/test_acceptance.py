# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Acceptance sheets (A-08, B-41)."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from gateway.ingest.acceptance import (
    Mark,
    Sheet,
    Subject,
    dump,
    judge,
    load,
    parse_classes,
    read_classes,
)
from gateway.ingest.probed import Outcome
from gateway.model.errors import ConfigError, WireError
from gateway.model.media import Codec
from gateway.model.registry import AreaKind, Camera
from gateway.model.time import Moment
from tests.fakes import EPOCH_US
from tests.unit.ingest.probes import DEVICE, GOOD, session, stream

CLASSES = read_classes()
NOW = Moment(1000.0, EPOCH_US)
CAMERA = Camera(
    "piazza-1",
    "Piazza",
    "centro",
    "rtsps://192.0.2.20/",
    AreaKind.PUBLIC,
    target_width_m=12.0,
    density_class="recognise",
)
SUBJECT = Subject(CAMERA, "Centro", "Comune", "Installatore")
GUIDE = Path(__file__).parents[3] / "docs" / "ref" / "acceptance.md"


def sheet(result=GOOD, subject=SUBJECT):
    return judge(result, subject, CLASSES, NOW)


def row(made, code):
    (found,) = [one for one in made.rows if one.code == code]
    return found


def with_camera(**changes):
    return replace(SUBJECT, camera=replace(CAMERA, **changes))


def test_a_good_camera_passes_every_row():
    """1920 pixels over 12 metres are 160 px/m: recognise."""
    made = sheet()
    assert {one.mark for one in made.rows} == {Mark.PASS}
    assert (made.mark, made.passed, made.density_px_m) == (Mark.PASS, True, 160.0)
    assert made.utc == NOW.iso()
    assert "Riconoscere" in row(made, "density").reason_it


@pytest.mark.parametrize(
    ("result", "code", "mark"),
    [
        (stream(gop_s=6.0), "gop", Mark.WARN),
        (stream(gop_s=2.0, gop_is_open=True), "gop", Mark.WARN),
        (stream(gop_s=12.0), "gop", Mark.FAIL),
        (stream(key_units=0), "gop", Mark.FAIL),
        (stream(fps_arrival=11.0), "fps", Mark.WARN),
        (stream(fps_arrival=4.0), "fps", Mark.FAIL),
        (stream(b_frames=True), "codec", Mark.WARN),
        (stream(codec=Codec.JPEG), "codec", Mark.WARN),
        (stream(codec=None), "codec", Mark.FAIL),
        (session(lost_packets=1), "losses", Mark.WARN),
        (session(lost_packets=500), "losses", Mark.FAIL),
        (session(clock_offset_s=1.2), "time", Mark.WARN),
        (session(clock_offset_s=-5.2), "time", Mark.FAIL),
        (session(clock_offset_s=None), "time", Mark.WARN),
        (session(tls=""), "encryption", Mark.FAIL),
        (session(authentication=""), "authentication", Mark.FAIL),
        (replace(GOOD, outcome=Outcome.UNREACHABLE), "picture", Mark.FAIL),
    ],
)
def test_one_fault_is_one_row(result, code, mark):
    """The sheet fails where any row fails and has a remark where any row has one."""
    made = sheet(result)
    assert row(made, code).mark is mark
    assert made.mark is mark
    assert made.passed is (mark is not Mark.FAIL)


@pytest.mark.parametrize(
    ("size_px", "mark"),
    [
        ((1280, 720), Mark.PASS),
        ((640, 480), Mark.WARN),
        ((352, 288), Mark.FAIL),
        ((0, 0), Mark.FAIL),
    ],
)
def test_resolution(size_px, mark):
    """At least 1280 by 720; below 640 by 480 nothing can be told."""
    assert row(sheet(session(size_px=size_px)), "resolution").mark is mark


@pytest.mark.parametrize(
    ("promised", "width_m", "mark", "words"),
    [
        ("recognise", 15.36, Mark.PASS, "almeno 125"),
        ("recognise", 15.37, Mark.FAIL, "raggiunge «Osservare»"),
        ("identify", 12.0, Mark.FAIL, "almeno 250"),
        ("monitor", 200.0, Mark.FAIL, "sotto ogni classe"),
        ("", 12.0, Mark.WARN, "nessuna classe dichiarata"),
        ("", 0.0, Mark.WARN, "non rilevata"),
        ("detect", 0.0, Mark.FAIL, "non rilevata"),
        ("oodpcvs", 12.0, Mark.FAIL, "non esiste"),
    ],
)
def test_density_is_judged_by_what_was_declared(promised, width_m, mark, words):
    """A promise that cannot be checked is broken; no promise is a remark."""
    made = sheet(subject=with_camera(density_class=promised, target_width_m=width_m))
    density = row(made, "density")
    assert density.mark is mark
    assert words in density.reason_it
    assert density.requirement == "B-41"


def test_clear_pictures_need_a_stated_reason():
    """The reason stands on the sheet that is signed, as a remark."""
    made = sheet(session(tls=""), replace(SUBJECT, clear_reason="VLAN dedicata"))
    encryption = row(made, "encryption")
    assert encryption.mark is Mark.WARN
    assert "VLAN dedicata" in encryption.reason_it


def test_basic_is_refused_in_clear_only():
    """Inside TLS nobody reads it."""
    assert row(sheet(session(authentication="Basic")), "authentication").mark is Mark.PASS
    in_clear = sheet(session(authentication="Basic", tls=""))
    assert row(in_clear, "authentication").mark is Mark.FAIL


def test_a_picture_that_could_not_be_made_fails():
    """A mask that cannot be applied leaves no picture, and no sheet without one passes."""
    made = sheet(subject=replace(SUBJECT, picture_problem="mask cannot be applied"))
    assert row(made, "picture").mark is Mark.FAIL
    assert "mask" in row(made, "picture").reason_it


def test_the_device_names_itself_by_onvif_else_by_rtsp():
    """Who reads the sheet years later knows what was mounted."""
    assert sheet().maker == "Camera/1.0"
    assert sheet(replace(GOOD, device=DEVICE)).maker == "ACME C1 1.0"


def test_a_sheet_survives_the_way_through_json():
    """It is kept for years and read again."""
    assert load(dump(sheet())) == sheet()
    with pytest.raises(WireError):
        load("{}")


def test_the_classes_are_those_of_the_standard():
    """B-41 names them."""
    assert [(one.id, one.least_px_m) for one in CLASSES.classes] == [
        ("monitor", 12.5),
        ("detect", 25.0),
        ("observe", 62.5),
        ("recognise", 125.0),
        ("identify", 250.0),
        ("inspect", 1000.0),
    ]
    assert CLASSES.reached(12.4) is None
    assert CLASSES.reached(250.0).id == "identify"


def test_classes_of_another_edition_are_data():
    """Ids, names and figures come from the file; what is wrong in it is named."""
    text = 'edition = "X:2025"\n[[class]]\nid = "o"\nname_it = "O"\nname_en = "O"\nleast_px_m = 9'
    assert parse_classes(text, "x").edition == "X:2025"
    with pytest.raises(ConfigError, match="twice"):
        parse_classes(text + text[text.index("\n") :], "x")
    with pytest.raises(ConfigError, match="least_px_m"):
        parse_classes(text.replace("= 9", "= 0"), "x")


def test_every_key_of_the_json_is_documented():
    """docs/ref/acceptance.md is the reference of the form."""
    schema = TypeAdapter(Sheet).json_schema()
    tables = [schema, *schema["$defs"].values()]
    keys = {key for table in tables for key in table.get("properties", {})}
    documented = set(re.findall(r"`([a-z_0-9]+)`", GUIDE.read_text()))
    assert keys - documented == set()
