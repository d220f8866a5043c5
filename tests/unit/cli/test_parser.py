# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The words of the command line."""

import pytest

from gateway.cli.parser import build_parser
from gateway.cli.speech import say_english, say_italian


def commands(parser):
    """Yield every parser below this one with its words."""
    for action in parser._actions:
        if hasattr(action, "choices") and isinstance(action.choices, dict):
            for name, inner in action.choices.items():
                yield name, inner
                yield from commands(inner)


@pytest.mark.parametrize("say", [say_italian, say_english])
def test_every_command_has_a_description(say):
    """--help says what each command does, in both languages."""
    found = dict(commands(build_parser(say)))
    assert {"run", "check", "apply", "verify", "password", "demo", "version"} <= found.keys()
    assert {"discover", "probe", "accept", "nearest", "coverage", "candidates"} <= found.keys()
    assert all(parser.description for parser in found.values())


def test_the_two_languages_differ_everywhere():
    """No text was forgotten in the other language."""
    italian = dict(commands(build_parser(say_italian)))
    english = dict(commands(build_parser(say_english)))
    same = [n for n in italian if italian[n].description == english[n].description]
    assert same == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["registry"],
        ["audit"],
        ["check"],
        ["users", "password"],
        ["users", "totp-reset"],
        ["registry", "export"],
        ["probe"],
        ["accept", "a"],
        ["probe", "a", "--login", "--credential", "x"],
    ],
)
def test_half_a_command_is_a_wrong_use(words, capsys):
    """argparse answers with the usage and status 2."""
    with pytest.raises(SystemExit) as caught:
        build_parser(say_italian).parse_args(words)
    assert caught.value.code == 2
    assert "usage: varco" in capsys.readouterr().err
