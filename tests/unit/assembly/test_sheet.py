# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The page of an acceptance sheet."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from gateway.assembly.sheet import page
from gateway.ingest.acceptance import judge, read_classes
from gateway.model.time import Moment
from tests.fakes import EPOCH_US
from tests.unit.ingest.probes import GOOD, session
from tests.unit.ingest.test_acceptance import CAMERA, SUBJECT

JPEG = b"\xff\xd8\xff picture"
NOW = Moment(0.0, EPOCH_US)


def made(result=GOOD, subject=SUBJECT, jpeg=JPEG):
    return page(judge(result, subject, read_classes(), NOW), jpeg)


def scale(text):
    """Length of the bar in fractions of the picture's width."""
    found = re.search(r'<path d="M\d+ \d+v28M\d+ \d+h([\d.]+)M', text)
    return float(found[1]) / 1600 if found else None


def test_a_page_is_well_formed_and_loads_nothing():
    """One file that can be kept for years: no script, no address that a browser would follow."""
    text = made()
    assert "<script" not in text
    assert re.findall(r'(?:src|href)="(?!data:image/jpeg;base64,)', text) == []
    assert "url(" not in text
    ET.fromstring(re.search(r"<main>.*</main>", text, re.DOTALL)[0])


def test_italian_comes_first():
    """English stands smaller behind it."""
    text = made()
    assert text.index("Scheda di collaudo") < text.index("Acceptance sheet")
    assert '<html lang="it">' in text


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (GOOD, "conforme<"),
        (session(lost_packets=1), "conforme con osservazioni"),
        (session(tls=""), "non conforme"),
    ],
)
def test_the_verdict_is_in_words_and_signs(result, words):
    """Colours do not survive a photocopier."""
    text = made(result)
    assert words in text
    assert text.count('class="sign"') == 11


def test_the_bar_is_one_metre_at_the_target():
    """12 metres wide: a twelfth of the picture."""
    assert scale(made()) == pytest.approx(1 / 12, abs=0.001)
    assert "1 m = 160 px" in made()


@pytest.mark.parametrize("width_m", [0.0, 1.5])
def test_without_a_known_scene_there_is_no_bar(width_m):
    """Nothing is drawn that nobody measured, nor over half of the picture."""
    assert (
        scale(made(subject=replace(SUBJECT, camera=replace(CAMERA, target_width_m=width_m))))
        is None
    )


def test_what_people_wrote_cannot_become_markup():
    """Names come from a registry that others fill in."""
    evil = '<img src=x onerror=alert(1)>&"'
    camera = replace(CAMERA, name=evil)
    text = made(subject=replace(SUBJECT, camera=camera, site=evil, clear_reason=evil))
    assert "<img" not in text


def test_an_exercise_is_marked():
    """Simulated pictures prove nothing."""
    assert "ESERCITAZIONE" in made(subject=replace(SUBJECT, exercise=True))
    assert "ESERCITAZIONE" not in made()


def test_without_a_picture_the_page_says_so():
    """And draws no empty frame with a scale."""
    text = made(jpeg=b"")
    assert "Nessuna immagine" in text
    assert "<image" not in text
