# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco probe`, as an installer types it."""

import json
from dataclasses import replace

import pytest

from gateway.cli.probe import words
from gateway.cli.speech import say_english, say_italian
from gateway.ingest import probed
from gateway.ingest.findings import find
from gateway.ingest.probed import Certificate, Outcome, Trial, Way
from tests.unit.cli.daemon import PROBLEM
from tests.unit.ingest.probes import DEVICE, GOOD, session, stream

PROBE = "POST /control/probe"
LINES = "application/x-ndjson"


def answer(result):
    """What the daemon answers: progress, time passing, the result."""
    progress = {"progress": {"it": "TCP: provo", "en": "TCP: trying"}}
    last = f'{{"result":{probed.dump(result)}}}'
    return f"{json.dumps(progress)}\n{{}}\n{last}\n"


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (GOOD, 0),
        (stream(gop_s=6.0), 0),
        (stream(gop_s=60.0), 1),
        (replace(GOOD, outcome=Outcome.REFUSED), 2),
    ],
)
def test_a_camera_of_the_registry_is_probed_by_the_daemon(varco, daemon, result, status):
    """0 nothing must be corrected, 1 something must, 2 it could not be measured."""
    result = replace(result, findings=find(result))
    daemon.answer(PROBE, 200, answer(result), LINES)
    done = varco("probe", "piazza-1", "--seconds", "3", "--socket", daemon.path)
    assert done.returncode == status, done.stderr
    assert done.stdout.startswith("piazza-1\n")
    assert done.stderr == ""
    assert json.loads(daemon.asked[0][2]) == {"camera": "piazza-1", "seconds": 3.0}


def test_json_is_the_result_itself(varco, daemon):
    """For scripts: nothing else is printed."""
    daemon.answer(PROBE, 200, answer(GOOD), LINES)
    done = varco("probe", "piazza-1", "--json", "--socket", daemon.path)
    assert probed.load(done.stdout) == GOOD


def test_what_the_gate_or_the_camera_refuses_is_told(varco, daemon):
    """Before the answer as a problem, within it as a line."""
    daemon.answer(PROBE, 404, {"title": "Telecamera sconosciuta"}, PROBLEM)
    done = varco("probe", "nix", "--socket", daemon.path)
    assert (done.returncode, "Telecamera sconosciuta" in done.stderr) == (1, True)
    daemon.answer(PROBE, 200, '{"problem": {"it": "pieno", "en": "full"}}\n', LINES)
    assert "pieno" in varco("probe", "nix", "--socket", daemon.path).stderr


@pytest.mark.parametrize("body", ["", "{}\n", "garbage\n", '{"result": {"a": 1}}\n'])
def test_an_answer_that_breaks_off_or_makes_no_sense_is_no_result(varco, daemon, body):
    """One line, no traceback."""
    daemon.answer(PROBE, 200, body, LINES)
    done = varco("probe", "piazza-1", "--socket", daemon.path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    ("sets", "italian", "english"),
    [
        ("SDP", "solo nell'SDP", "in the SDP only"),
        ("in-band", "solo nel flusso", "in the stream only"),
        ("both", "nell'SDP e nel flusso", "in the SDP and in the stream"),
    ],
)
def test_where_the_parameter_sets_come_from_is_told(sets, italian, english):
    """One line in both languages; none for a camera that has no such sets."""
    result = session(parameter_sets=sets)
    assert f"SPS e PPS      {italian}" in "\n".join(words(result, say_italian))
    assert f"SPS and PPS    {english}" in "\n".join(words(result, say_english))
    assert "SPS" not in "\n".join(words(session(parameter_sets=""), say_italian))


def test_credentials_in_a_url_are_refused_with_advice(varco):
    """They would stand in the process list; they are not repeated either."""
    done = varco("probe", "rtsp://admin:s3cret@127.0.0.1:1/live")
    assert done.returncode == 2
    assert "--credential" in done.stderr
    assert "s3cret" not in done.stderr


def test_a_url_is_probed_from_here(varco):
    """Nobody listens: said in words, with what to check, and no daemon was needed."""
    done = varco("probe", "rtsp://127.0.0.1:1/live", LANG="en_GB.UTF-8")
    assert done.returncode == 2
    assert "cannot be reached" in done.stdout
    assert "firewall" in done.stdout


def test_a_camera_of_the_registry_takes_nothing_from_the_command_line(varco, daemon):
    """What the registry says is what is probed."""
    done = varco("probe", "piazza-1", "--udp", "--socket", daemon.path)
    assert (done.returncode, daemon.asked) == (78, [])


@pytest.mark.parametrize("seconds", ["0", "301", "x"])
def test_seconds_are_bounded(varco, seconds):
    """A probe that runs for hours is no probe."""
    assert varco("probe", "a", "--seconds", seconds).returncode == 2


def test_every_fact_has_its_line():
    """Stream, line, device and findings, in the language of the terminal."""
    full = replace(
        stream(gop_units=250, gop_s=10.0, gop_is_open=True),
        device=replace(DEVICE, services=("a",)),
        certificate=Certificate("ab" * 32, 322),
        trials=(Trial(Way.TCP, True, first_key_s=0.4), Trial(Way.UDP, False, "x")),
    )
    full = replace(full, findings=find(full))
    text = "\n".join(words(full, say_italian))
    for part in (
        "H264 High 4.1, 1920 × 1080",
        "25 fps",
        "≥ 250",
        "4100 / 5200 kbit/s",
        "TCP sì (0.4 s), UDP no",
        "TLSv1.3",
        "Digest SHA-256",
        "+0.20 s, +8 ppm",
        "ab" * 32,
        "ACME C1 1.0; 1 servizi, eventi sì",
        "NTP (192.0.2.1)",
        "! GOP di almeno 250 immagini (10 s)",
        "→ impostare 50",
    ):
        assert part in text
    english = "\n".join(words(full, say_english))
    assert "GOP of at least 250" in english
    assert "impostare" not in english


def test_a_good_camera_ends_with_one_sentence():
    """So that nobody looks for what is not there."""
    assert words(GOOD, say_italian)[-1] == "Nulla da correggere."
