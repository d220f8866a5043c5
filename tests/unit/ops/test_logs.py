# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import io
import json
import logging

import pytest

from gateway.ops.logs import configure


@pytest.fixture
def stream():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    configure("info", out)
    yield out
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_is_one_json_object_with_its_fields(stream):
    """Event name and fields come out typed, whatever they contain."""
    logging.getLogger("gateway.x").info("camera-live", extra={"camera": "varco\nnord", "units": 3})
    (line,) = stream.getvalue().splitlines()
    read = json.loads(line)
    assert read["event"] == "camera-live"
    assert (read["camera"], read["units"]) == ("varco\nnord", 3)
    assert read["ts"].endswith("Z")


def test_a_traceback_stays_on_its_line(stream):
    """A bug's traceback does not break the one-line form."""
    try:
        int("x")
    except ValueError:
        logging.getLogger("gateway.x").exception("bug")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError" in json.loads(line)["traceback"]


def test_chatty_libraries_are_quiet(stream):
    """Access lines of the web server would hold addresses of people."""
    logging.getLogger("uvicorn.access").info("10.0.0.1 GET /")
    assert stream.getvalue() == ""


def test_malformed_requests_and_control_characters_do_not_reach_the_log(stream):
    """A stranger can neither fill the log nor steer the terminal of who reads it."""
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    assert stream.getvalue() == ""
    logging.getLogger("gateway.x").info("camera-state", extra={"problem": "a\x9b31mb\x1b[2J"})
    assert stream.getvalue().isascii()
    assert "\x1b" not in stream.getvalue()
    assert json.loads(stream.getvalue())["problem"] == "a\x9b31mb\x1b[2J"
