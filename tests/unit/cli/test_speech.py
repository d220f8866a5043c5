# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which language the terminal gets."""

import pytest

from gateway.cli.speech import speech


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({}, "sì"),
        ({"LANG": "C.UTF-8"}, "sì"),
        ({"LANG": "it_IT.UTF-8"}, "sì"),
        ({"LANG": "de_DE.UTF-8"}, "sì"),
        ({"LANG": "en_GB.UTF-8"}, "yes"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "it_IT.UTF-8"}, "sì"),
        ({"LANG": "it_IT.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "yes"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": ""}, "yes"),
    ],
)
def test_italian_unless_the_locale_says_english(environ, word):
    """LC_ALL before LC_MESSAGES before LANG, as POSIX has it."""
    assert speech(environ)("sì", "yes") == word
