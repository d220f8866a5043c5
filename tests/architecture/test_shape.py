# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Rules about the code that no linter knows; each names the file to fix."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "gateway").rglob("*.py"))
MOST_CODE_LINES = 40
ONLY_HERE = {"Grant": "gateway/access/gate.py"}
"""Constructors that one module alone may call: no Grant, no picture."""
ONLY_SUPERVISOR = {
    "gateway/runtime/supervise.py",
    "gateway/runtime/store.py",
    "gateway/room/postgres.py",
    "gateway/runtime/shelf.py",
}
"""Modules that may catch Exception: the supervisor; store and shelf, that hand it to its owner."""
NO_TWIN = {
    "__main__.py": "two lines, run by every command-line test",
    "model/access.py": "declarations",
    "model/alarm.py": "declarations",
    "model/audit.py": "declarations",
    "model/event.py": "declarations",
    "model/hotlist.py": "declarations",
    "model/plate.py": "declarations",
    "relay/video/lease.py": "declarations",
}


def code_lines(function, text):
    """Count the lines of a body without docstring, blanks and comments."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    lines = text.splitlines()[body[0].lineno - 1 : function.end_lineno] if body else []
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_functions_are_short_and_grants_come_from_the_gate(path):
    """At most forty code lines; no global statement; Grant( only in the gate."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert code_lines(node, text) <= MOST_CODE_LINES, f"{node.name}: name its steps"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            home = ONLY_HERE.get(node.func.id)
            assert home in (None, name_of(path)), f"{node.func.id} is made only in {home}"
        assert not isinstance(node, ast.Global), "pass it as an argument"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_the_supervisor_swallows_everything(path):
    """Adapters translate what they know; to clean up and raise again is not to swallow."""
    if name_of(path) in ONLY_SUPERVISOR:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            last = node.body[-1]
            passes_on = isinstance(last, ast.Raise) and last.exc is None
            assert passes_on or caught not in {"", "Exception", "BaseException"}, (
                f"line {node.lineno}"
            )


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name != "__init__.py"], ids=name_of)
def test_each_module_has_its_test(path):
    """The twin tree: gateway/a/b.py is tested by tests/unit/a/test_b.py."""
    relative = path.relative_to(ROOT / "gateway")
    if str(relative) in NO_TWIN:
        return
    twin = ROOT / "tests/unit" / relative.parent / f"test_{relative.name}"
    assert twin.exists(), f"write {twin.relative_to(ROOT)}"


def test_no_face_code_and_no_audio():
    """Privacy is code: no face model, no biometric library, no audio decoder anywhere (B-24)."""
    words = re.compile(
        r"face_recognition|insightface|mediapipe|deepface|dlib|FaceDetector|FaceRecognizer"
        r"|haarcascade|AudioFrame|AudioResampler"
    )
    for path in [*SOURCES, ROOT / "pyproject.toml", ROOT / "requirements.txt"]:
        assert not words.search(path.read_text(encoding="utf-8")), name_of(path)


def test_lock_files_pin_with_hashes_and_name_no_host():
    """Every requirement has a hash, and no registry is written down."""
    for path in (ROOT / "requirements.txt", ROOT / "requirements-dev.txt"):
        text = path.read_text(encoding="utf-8")
        hosts = r"^--(index-url|extra-index-url|find-links|trusted-host)"
        assert not re.search(hosts, text, re.MULTILINE)
        assert not re.search(r"https?://", text)
        pins = re.findall(r"^[a-z0-9][\w.\-]*(?:\[[^\]]*\])?==", text, re.MULTILINE)
        assert len(pins) > 20
        assert text.count("--hash=sha256:") >= len(pins)
