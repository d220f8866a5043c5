# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which language an error speaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from gateway.console.words import SENTENCES, Fault, Language, language_of


def request(accept="", cookie="", query=""):
    """Return a request with these wishes."""
    headers = [(b"accept-language", accept.encode("latin-1", "replace"))]
    if cookie:
        headers.append((b"cookie", f"varco_lang={cookie}".encode()))
    return Request({"type": "http", "headers": headers, "query_string": query.encode()})


@pytest.mark.parametrize(
    ("accept", "cookie", "query", "language"),
    [
        ("", "", "", Language.IT),
        ("en-GB,en;q=0.9", "", "", Language.EN),
        ("de, en;q=0.3, it;q=0.8", "", "", Language.IT),
        ("de", "", "", Language.IT),
        ("en;q=0, it;q=0.1", "", "", Language.IT),
        ("it", "en", "", Language.EN),
        ("it", "it", "lang=en", Language.EN),
        ("en", "xx", "lang=yy", Language.EN),
    ],
)
def test_query_then_cookie_then_header_then_italian(accept, cookie, query, language):
    """?lang wins over the cookie, the cookie over Accept-Language, else Italian."""
    assert language_of(request(accept, cookie, query)) is language


@given(st.text(max_size=300))
def test_any_accept_language_is_harmless(accept):
    """Whatever the header holds, a language comes out."""
    assert language_of(request(accept)) in Language


def test_every_fault_speaks_both_languages():
    """No code without two sentences."""
    assert set(SENTENCES) == set(Fault)
    assert all(it and en and it != en for it, en in SENTENCES.values())
