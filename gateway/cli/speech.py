# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which of two languages the person at the terminal reads; Italian unless they say English."""

from collections.abc import Callable, Mapping

Say = Callable[[str, str], str]
"""Picks between an Italian and an English text."""


def say_italian(italian: str, english: str) -> str:  # noqa: ARG001 - the form of Say
    """Return the Italian text."""
    return italian


def say_english(italian: str, english: str) -> str:  # noqa: ARG001 - the form of Say
    """Return the English text."""
    return english


def speech(environ: Mapping[str, str]) -> Say:
    """Return the picker for a locale, read as POSIX orders it: LC_ALL, LC_MESSAGES, LANG."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environ[name] for name in names if environ.get(name)), "")
    return say_english if locale.lower().startswith("en") else say_italian
