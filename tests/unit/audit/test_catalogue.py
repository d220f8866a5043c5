# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Every code that the source writes is explained, and every code explained is written by it."""

import ast
import functools
import re

import pytest

from gateway.audit.catalogue import CATALOGUE, TECHNICAL_US, TERM_US, term_us
from gateway.model.access import Regime
from gateway.model.audit import Operation
from tests.conftest import ROOT

FAMILIES = {code.split(".")[0] for code in CATALOGUE}
FORM = re.compile(r"[a-z]+\.[a-z]+\Z")
OTHERS = {"log.level"}
"""Keys of the configuration that look like codes."""
NOT_WRITERS = ("gateway/model/", "gateway/audit/catalogue.py", "gateway/audit/varco_verify.py")


@functools.cache
def source():
    """Return texts that look like codes and what LedgerEvent(...) is called with; read once."""
    texts, written = {}, []
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if FORM.match(text) and text.split(".")[0] in FAMILIES and text not in OTHERS:
                    texts.setdefault(text, set()).add(name)
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "LedgerEvent":
                named = [one.value for one in node.keywords if one.arg == "event"]
                constants = [x for x in (*node.args[:1], *named) if isinstance(x, ast.Constant)]
                written += [(one.value, path.name) for one in constants]
    return texts, written


def literals():
    """Every text in the source that has the form of a code of a known family, and where."""
    return source()[0]


def events():
    """The first argument of every LedgerEvent(...) that is a literal, and where."""
    return source()[1]


def test_every_event_in_the_source_is_in_the_catalogue():
    """Nothing is written to the log that the catalogue does not explain."""
    assert {(code, where) for code, where in events() if code not in CATALOGUE} == set()
    assert len(set(events())) >= 5


@pytest.mark.parametrize("code", sorted(code for code, one in CATALOGUE.items() if not one.later))
def test_what_is_promised_is_written(code):
    """A code that is not marked as later is written somewhere in the source."""
    where = {one for one in literals().get(code, ()) if not one.startswith(NOT_WRITERS)}
    assert where, f"{code}: nobody writes it"


def test_every_entry_is_whole():
    """Each code has its words in both languages and at least one operation."""
    for code, one in CATALOGUE.items():
        assert FORM.match(code), code
        assert one.code == code
        assert one.it
        assert one.en
        assert one.it != one.en or code == "log.deny"
        assert all(isinstance(each, Operation) for each in one.operations)
        assert one.operations
    assert len(CATALOGUE) >= 44


def test_terms():
    """Machines about themselves 30 days, administration 24 months, the LED five years."""
    assert term_us("log.verify", Regime.GDPR) == TECHNICAL_US
    assert term_us("live.open", Regime.GDPR) == TERM_US[Regime.GDPR]
    assert term_us("live.open", Regime.LED) == TERM_US[Regime.LED]
    assert term_us("of.old", Regime.LED) == TERM_US[Regime.LED]
