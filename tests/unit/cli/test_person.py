# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who answers for a command, and what they type."""

import io

import pytest

from gateway.cli import person
from gateway.cli.control_client import CodeNeededError
from gateway.cli.person import Person
from gateway.cli.speech import say_english, say_italian
from gateway.model.errors import PeerError

PASSWORD = {"user": "dora", "password": "segreto"}


class Asked:
    """Notes what is sent; wants a code for as long as it is told to."""

    def __init__(self, code=""):
        self.code = code
        self.sent = []

    def __call__(self, who):
        self.sent.append(who)
        if self.code and who.get("totp") != self.code:
            raise CodeNeededError("code")
        return "done"


def typed(monkeypatch, *lines):
    """Have a person at a terminal type these; return what they were asked."""
    prompts, answers = [], iter(lines)

    def getpass(prompt):
        prompts.append(prompt)
        return next(answers)

    monkeypatch.setattr(person.getpass, "getpass", getpass)
    return prompts


def test_a_password_is_enough_where_no_code_is_due(monkeypatch):
    """It is read as one line, spaces and all, without the line's end."""
    monkeypatch.setattr("sys.stdin", io.StringIO(" se greto \r\n123456\n"))
    asked = Asked()
    assert Person("dora", from_stdin=True).sign(asked, say_italian) == "done"
    assert asked.sent == [{"user": "dora", "password": " se greto "}]


def test_a_code_that_is_due_is_the_second_line(monkeypatch):
    """The same is sent again with it."""
    monkeypatch.setattr("sys.stdin", io.StringIO("segreto\n 123456 \n"))
    asked = Asked("123456")
    assert Person("dora", from_stdin=True).sign(asked, say_italian) == "done"
    assert asked.sent == [PASSWORD, PASSWORD | {"totp": "123456"}]


def test_without_a_second_line_the_refusal_stands(monkeypatch):
    """Nothing is sent a second time."""
    monkeypatch.setattr("sys.stdin", io.StringIO("segreto\n"))
    asked = Asked("123456")
    with pytest.raises(CodeNeededError):
        Person("dora", from_stdin=True).sign(asked, say_italian)
    assert asked.sent == [PASSWORD]


def test_a_code_given_beforehand_goes_along_at_once(monkeypatch):
    """Nobody is asked for one; a wrong one is sent once and told."""
    prompts = typed(monkeypatch, "segreto")
    asked = Asked("123456")
    assert Person("dora", False, "123456").sign(asked, say_italian) == "done"
    assert asked.sent == [PASSWORD | {"totp": "123456"}]
    assert prompts == ["Password di dora: "]


def test_a_terminal_is_asked_without_echo_in_its_language(monkeypatch):
    """Password, then the code; another refusal asks nothing more."""
    prompts = typed(monkeypatch, "segreto", "123456", "segreto")
    Person("dora", from_stdin=False).sign(Asked("123456"), say_english)
    assert prompts == ["Password of dora: ", "Six-digit code: "]

    def refuse(_who):
        raise PeerError("403")

    with pytest.raises(PeerError, match="403"):
        Person("dora", from_stdin=False).sign(refuse, say_italian)
    assert prompts[2:] == ["Password di dora: "]
