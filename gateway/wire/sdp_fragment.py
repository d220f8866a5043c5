# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Trickle ICE fragments of SDP, as WHEP's PATCH carries them (RFC 8840 §9, RFC 9725 §4.3).

A fragment with the credentials of the running ICE session tells of candidates; one with new
credentials begins another ICE session, and is answered with ours.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.model.errors import WireError

MOST_BYTES = 16 << 10
MOST_CANDIDATES = 64
_ICE = re.compile(r"[A-Za-z0-9+/=_-]{4,256}\Z")
_CANDIDATE = re.compile(
    r"[A-Za-z0-9+/]{1,32} \d{1,5} [A-Za-z]{1,8} \d{1,10} [!-~]{1,256} \d{1,5} typ [a-z]{1,8}"
    r"(?: [!-~]+)*\Z"
)


class FragmentError(WireError):
    """A fragment that cannot be read; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What matters of a fragment."""

    ufrag: str
    """Empty if it names no ICE session: then it belongs to the running one."""
    password: str = field(repr=False)
    mids: tuple[str, ...]
    candidates: tuple[str, ...]
    """Valid in form; a lite agent has no other use for them."""


def read(text: str) -> Fragment:
    """Return what a fragment says; FragmentError if it says nothing, or nothing readable."""
    if len(text) > MOST_BYTES:
        raise FragmentError(f"fragment of {len(text)} characters ({MOST_BYTES} allowed)")
    found: dict[str, list[str]] = {"ice-ufrag": [], "ice-pwd": [], "mid": [], "candidate": []}
    attributes = 0
    for number, line in enumerate((one.rstrip("\r") for one in text.split("\n")), 1):
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            attributes += 1
            if name in found:
                found[name].append(value.strip())
        elif line and line[1:2] != "=":
            raise FragmentError(f"line {number} of the fragment is not SDP")
    if not attributes:
        raise FragmentError("the fragment has no attributes")
    return _checked(found)


def _checked(found: dict[str, list[str]]) -> Fragment:
    candidates = [one for one in found["candidate"] if one]  # an empty one ends the candidates
    if len(candidates) > MOST_CANDIDATES:
        raise FragmentError(f"fragment with {len(candidates)} candidates")
    if not all(map(_CANDIDATE.match, candidates)):
        raise FragmentError("a candidate of the fragment cannot be read")
    pairs = set(zip(found["ice-ufrag"], found["ice-pwd"], strict=False))
    ufrags = set(found["ice-ufrag"])
    if len(ufrags) > 1 or len(pairs) > 1:
        raise FragmentError("the fragment names several ICE sessions")
    ufrag, password = next(iter(pairs), (next(iter(ufrags), ""), ""))
    if (ufrag and not _ICE.match(ufrag)) or (password and not _ICE.match(password)):
        raise FragmentError("the fragment's ICE credentials cannot be read")
    return Fragment(ufrag, password, tuple(dict.fromkeys(found["mid"])), tuple(candidates))


def answer(ufrag: str, password: str, mid: str, candidates: Sequence[str]) -> str:
    """Return the fragment that tells a peer of our new ICE session.

    `mid` names the m-line that carries the transport, empty if the offer named none; `candidates`
    are whole lines, as `sdp_offer.candidates` makes them.
    """
    lines = [
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{password}",
        "a=ice-lite",
        "m=video 9 UDP/TLS/RTP/SAVPF 0",
        *([f"a=mid:{mid}"] if mid else []),
        *candidates,
        "a=end-of-candidates",
    ]
    return "\r\n".join(lines) + "\r\n"
