# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From errors to one line and an exit status."""

import subprocess
import sys
import tomllib

import pytest

from gateway.cli import main as cli
from gateway.model.errors import ConfigError, InvariantError, LedgerError, StoreError, WireError
from tests.unit.cli.conftest import ROOT


def test_the_version_is_printed(varco):
    """Whatever is installed, or that it runs from its source."""
    done = varco("version")
    assert done.returncode == 0
    assert done.stdout.startswith("varco 0")


def test_help_is_italian_first_and_english_on_wish(varco):
    """The texts follow the locale."""
    assert "avvia il gateway" in varco("--help").stdout
    assert "start the gateway" in varco("--help", LANG="en_GB.UTF-8").stdout


def test_the_installed_command_is_the_same_function():
    """`varco` and `python -m gateway` cannot drift apart."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["varco"] == "gateway.cli.main:main"


def test_help_loads_nothing_heavy():
    """Asking for help, or being a child, does not import the web, the pictures or the schemas."""
    code = (
        "import sys, gateway.cli.main; "
        "heavy = {'pydantic', 'httpx', 'fastapi', 'av', 'cv2', 'aiortc', 'cryptography'}; "
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ConfigError("f", "k", "p", "a"), 78, "f: k: p (a)\n"),
        (WireError("camera x: garbage"), 1, "varco: camera x: garbage\n"),
        (StoreError("x.db: disk full"), 1, "varco: x.db: disk full\n"),
        (LedgerError("ledger.db: disk full"), 1, "varco: ledger.db: disk full\n"),
        (KeyboardInterrupt(), 130, ""),
        (
            ExceptionGroup("", [ExceptionGroup("", [ConfigError("f", "k", "p")]), WireError("w")]),
            78,
            "f: k: p\nvarco: w\n",
        ),
        (ExceptionGroup("", [StoreError("x.db: full")]), 1, "varco: x.db: full\n"),
    ],
)
def test_each_kind_of_error_has_its_status(monkeypatch, capsys, error, status, text):
    """78 for what a person must change, 1 for the world, 130 for Ctrl-C; no traceback."""

    def fail(words, say):
        raise error

    monkeypatch.setattr(cli, "_command", fail)
    assert cli.main(["version"]) == status
    assert capsys.readouterr().err == text


@pytest.mark.parametrize(
    "bug", [InvariantError("oops"), ExceptionGroup("", [ConfigError("f", "k", "p"), KeyError(1)])]
)
def test_our_own_bugs_are_not_hidden(monkeypatch, bug):
    """A bug ends with its traceback, also if something else went wrong beside it."""

    def fail(words, say):
        raise bug

    monkeypatch.setattr(cli, "_command", fail)
    with pytest.raises(type(bug)):
        cli.main(["version"])


@pytest.mark.parametrize("name", ["media", "child"])
def test_internal_commands_get_their_words_untouched(monkeypatch, name):
    """Their options are between them and the gateway; argparse does not look at them."""
    import sys
    from types import ModuleType

    import gateway

    asked = []
    module = ModuleType(f"gateway.{name}")
    module.main = lambda words: asked.append(words) or 3
    monkeypatch.setitem(sys.modules, f"gateway.{name}", module)
    monkeypatch.setattr(gateway, name, module, raising=False)
    assert cli.main([name, "--fd", "7", "--help"]) == 3
    assert asked == [["--fd", "7", "--help"]]


def test_a_reader_that_stops_reading_is_no_traceback(tmp_path):
    """`varco check … | head -0` ends quietly."""
    (tmp_path / "seed.toml").write_text("")
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "gateway", "check", str(tmp_path / "seed.toml")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
