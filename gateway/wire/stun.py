# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The part of STUN that an ICE-lite responder needs (RFC 8489, RFC 8445 §7.3).

Only Binding requests are understood. Whoever cannot prove the session's password gets no answer
at all, so that the port neither amplifies nor tells that it is there.
"""

import hmac
import struct
import zlib
from dataclasses import dataclass
from ipaddress import ip_address

from gateway.model.errors import WireError

_HEAD = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_COOKIE = 0x2112A442
_REQUEST = 0x0001
_SUCCESS = 0x0101
_FAILURE = 0x0111
_USERNAME = 0x0006
_INTEGRITY = 0x0008
_ERROR_CODE = 0x0009
_XOR_ADDRESS = 0x0020
_USE_CANDIDATE = 0x0025
_FINGERPRINT = 0x8028
_ICE_CONTROLLED = 0x8029
_FINGERPRINT_XOR = 0x5354554E
_INTEGRITY_BYTES = 24
_FINGERPRINT_BYTES = 8
MOST_BYTES = 1500
"""An ICE check has about 100 bytes; a datagram never more than this."""


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """One connectivity check, not yet proved to come from the peer: call `proves`."""

    transaction: bytes
    """Cookie not included, 12 bytes."""
    local_ufrag: str
    """Ours: names the session."""
    remote_ufrag: str
    nominates: bool
    """USE-CANDIDATE: media shall go where this came from."""
    controlled: bool
    """The peer believes that it is controlled too: a role conflict with a lite agent."""
    covered: bytes
    """What the integrity was computed over."""
    integrity: bytes

    def proves(self, password: str) -> bool:
        """Return whether the sender knew `password` (short-term credential)."""
        wanted = hmac.digest(password.encode(), self.covered, "sha1")
        return hmac.compare_digest(wanted, self.integrity)


def receive(data: bytes) -> BindingRequest:
    """Parse one datagram; WireError if it is not an authenticated Binding request."""
    if not _HEAD.size <= len(data) <= MOST_BYTES:
        raise WireError(f"STUN message of {len(data)} bytes")
    kind, length, cookie, transaction = _HEAD.unpack_from(data)
    if kind != _REQUEST or cookie != _COOKIE:
        raise WireError(f"not a STUN Binding request (type {kind:#06x})")
    if length % 4 or _HEAD.size + length != len(data):
        raise WireError(f"STUN length {length} in a datagram of {len(data)} bytes")
    found: dict[int, bytes] = {}
    covered = b""
    at = _HEAD.size
    while at < len(data):
        name, value = _attribute(data, at)
        if name == _FINGERPRINT:
            _check_fingerprint(data, at, value)
        elif _INTEGRITY not in found and name not in found:
            found[name] = value  # after MESSAGE-INTEGRITY only FINGERPRINT counts (§14.5)
            if name == _INTEGRITY:
                covered = _with_length(data[:at], at - _HEAD.size + _INTEGRITY_BYTES)
        at += _ATTRIBUTE.size + len(value) + -len(value) % 4
    return _request(transaction, found, covered)


def _attribute(data: bytes, at: int) -> tuple[int, bytes]:
    if at + _ATTRIBUTE.size > len(data):
        raise WireError(f"STUN attribute cut short at byte {at}")
    name, length = _ATTRIBUTE.unpack_from(data, at)
    begin = at + _ATTRIBUTE.size
    if begin + length > len(data):
        raise WireError(f"STUN attribute {name:#06x} of {length} bytes at byte {at}")
    return name, data[begin : begin + length]


def _request(transaction: bytes, found: dict[int, bytes], covered: bytes) -> BindingRequest:
    integrity = found.get(_INTEGRITY, b"")
    if len(integrity) != _INTEGRITY_BYTES - _ATTRIBUTE.size:
        raise WireError("STUN request without MESSAGE-INTEGRITY")
    try:
        local, colon, remote = found.get(_USERNAME, b"").decode("ascii").partition(":")
    except UnicodeDecodeError as error:
        raise WireError("STUN USERNAME is not ASCII") from error
    if not local or not colon:
        raise WireError("STUN USERNAME does not name two agents")
    return BindingRequest(
        transaction,
        local,
        remote,
        _USE_CANDIDATE in found,
        _ICE_CONTROLLED in found,
        covered,
        integrity,
    )


def _check_fingerprint(data: bytes, at: int, value: bytes) -> None:
    if len(value) != _FINGERPRINT_BYTES - _ATTRIBUTE.size or at + _FINGERPRINT_BYTES != len(data):
        raise WireError("STUN FINGERPRINT is not the last attribute")
    if int.from_bytes(value, "big") != zlib.crc32(data[:at]) ^ _FINGERPRINT_XOR:
        raise WireError("STUN FINGERPRINT does not match")


def success(request: BindingRequest, password: str, host: str, port: int) -> bytes:
    """Return the answer that tells the peer where its check came from."""
    address = ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    plain = (mapped or address).packed
    mask = struct.pack("!I", _COOKIE) + request.transaction
    xored = bytes(a ^ b for a, b in zip(plain, mask, strict=False))
    family = 1 if len(plain) == 4 else 2  # noqa: PLR2004 - bytes of an IPv4 address
    value = struct.pack("!xBH", family, port ^ _COOKIE >> 16) + xored
    return _answer(_SUCCESS, request, password, _packed(_XOR_ADDRESS, value))


def role_conflict(request: BindingRequest, password: str) -> bytes:
    """Return the refusal (487) for a peer that believes to be controlled (RFC 8445 §7.3.1.1)."""
    value = struct.pack("!xxBB", 4, 87) + b"Role Conflict"
    return _answer(_FAILURE, request, password, _packed(_ERROR_CODE, value))


def _answer(kind: int, request: BindingRequest, password: str, attributes: bytes) -> bytes:
    message = _HEAD.pack(kind, 0, _COOKIE, request.transaction) + attributes
    message = _with_length(message, len(attributes) + _INTEGRITY_BYTES)
    message += _packed(_INTEGRITY, hmac.digest(password.encode(), message, "sha1"))
    message = _with_length(message, len(message) - _HEAD.size + _FINGERPRINT_BYTES)
    crc = zlib.crc32(message) ^ _FINGERPRINT_XOR
    return message + _packed(_FINGERPRINT, crc.to_bytes(4, "big"))


def _packed(name: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(name, len(value)) + value + b"\0" * (-len(value) % 4)


def _with_length(message: bytes, length: int) -> bytes:
    return message[:2] + struct.pack("!H", length) + message[4:]
