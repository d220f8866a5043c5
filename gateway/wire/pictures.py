# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From NAL units to pictures: what H.264 and H.265 have in common."""

from abc import abstractmethod
from collections.abc import Iterable
from enum import Enum
from typing import ClassVar, NamedTuple

from typing_extensions import override

from gateway.model.errors import WireError
from gateway.wire import rtp
from gateway.wire.stream import RtpStream

MOST_UNIT_BYTES = 8 << 20
"""Above the largest legal picture at level 5.1: 384 * 36864 / MinCR 2 = 7.1 MB (H.264 A.3.1)."""
MOST_UNIT_NALS = 1024
"""A slice per macroblock row of a 4320-line picture is 270; four fields of safety."""
MOST_SET_BYTES = 4096
"""An SPS with VUI, 32 HRD entries and all scaling lists stays below 1 KiB (H.264 §7.3.2.1)."""


class CodedPicture(NamedTuple):
    """One picture, whole; a tuple, because that is made twice as fast."""

    pts_90k: int
    timestamp: int
    """The RTP timestamp as it came."""
    is_key: bool
    nals: tuple[bytes, ...]
    """NAL units in decoding order; of JPEG one whole JFIF file."""


class Role(Enum):
    """What a NAL unit is to the joining of pictures."""

    SLICE = 1
    SET = 2
    """A parameter set."""
    HINT = 3
    """Says something about the pictures that follow."""
    DELIMITER = 4
    FILLER = 5
    OTHER = 6


_SLICE, _SET, _HINT, _DELIMITER, _FILLER = tuple(Role)[:5]
"""Looked up once: members of an enumeration are slow to reach in Python 3.11."""


class ParameterSets:
    """The parameter sets in force by kind and number; bounded by the standards' own ranges."""

    def __init__(self, kinds: int) -> None:
        """`kinds`: of which one each is needed before anything can be decoded."""
        self._known: tuple[dict[int, bytes], ...] = tuple({} for _ in range(kinds))
        self._in_force: tuple[bytes, ...] = ()
        self.size_px = (0, 0)
        """Width and height from the SPS learnt last; zeros while unknown."""

    def in_force(self) -> tuple[bytes, ...]:
        """Return all sets, kind by kind; empty unless there is one of each kind."""
        return self._in_force

    def learn(self, nal: bytes) -> bool:
        """Take a set and say whether it takes the place of another one with its number.

        WireError if it cannot be numbered or measured.
        """
        if len(nal) > MOST_SET_BYTES:
            raise WireError(f"parameter set of {len(nal)} bytes")
        known = self._known[self._rank(nal)]
        if nal in known.values():
            return False
        number = self._read(nal)
        replaces = number in known
        known[number] = nal
        sets = tuple(nal for kind in self._known for nal in kind.values())
        self._in_force = sets if all(self._known) else ()
        return replaces

    def _rank(self, nal: bytes) -> int:
        """Return which kind it is, from 0, in the order in which decoders want them."""
        raise NotImplementedError

    def _read(self, nal: bytes) -> int:
        """Return a set's number, and remember the size if it is an SPS."""
        raise NotImplementedError


class NalDepacketizer(RtpStream):
    """Joins the packets of one stream to pictures; never raises, counts what is wrong.

    After a loss, pictures are dropped until the next key picture, because any of them may refer
    to what is missing: a frozen clean picture is honest, a smeared one is neither evidence nor
    free of false motion. The end of a picture is told by the marker bit, an access unit delimiter
    or a new timestamp. A camera that sets the marker inside pictures is noticed by a slice that
    goes on with the same timestamp; its markers are ignored from then on.

    Parameter sets that replace others in the middle of a group of pictures wait for its end: key
    pictures begin with the sets in force, and until then the old ones count.
    """

    _roles: ClassVar[tuple[Role, ...]]
    """By the first octet of a NAL unit."""
    _slice_at: ClassVar[int]
    """Length of a NAL unit's header; the bit behind it says whether a picture begins here."""
    _keys: ClassVar[tuple[bool, ...]]
    """By the first octet of a picture's first slice: whether decoding may start there."""
    _begins_once: ClassVar[bool] = False
    """Whether a second beginning always is another picture (no redundant slices, no fields)."""

    def __init__(
        self, payload_type: int, sets: ParameterSets, parameter_sets: Iterable[bytes]
    ) -> None:
        """`parameter_sets` from the SDP; those that make no sense are left out."""
        super().__init__(payload_type)
        self.sets = sets
        self.pictures = 0
        """Whole pictures, also those that had to be skipped."""
        self.damaged_units = 0
        self.skipped_units = 0
        """Whole, but a reference may be missing."""
        self._timestamp = -1
        self._unwrapper = rtp.TimestampUnwrapper()
        self._nals: list[bytes] = []
        self._unit_bytes = 0
        self._has_slice = False
        self._octet = 0
        """The first one of the first slice."""
        self._hinted = False
        self._may_lead = False
        """Pictures may follow that refer to what came before the point of joining."""
        self._begins_unsure = False
        self._broken = False
        self._ended_timestamp = -1
        self._trusts_marker = True
        self._wants_key = True
        self._sets_wait = False
        self._fragments: bytearray | None = None
        self._fragment_head = -1
        self._done: list[CodedPicture] = []
        for nal in parameter_sets:
            self._learn(nal)
        self._sets_told = bool(sets.in_force())
        self._sets_sent = False
        self._sets_wait = False
        self.size_px = sets.size_px
        """Width and height of the pictures; zeros while unknown."""

    @property
    def parameter_sets(self) -> str:
        """Whence they came so far: `in-band`, `SDP`, `both`, or nothing if they did not."""
        if self._sets_told:
            return "both" if self._sets_sent else "SDP"
        return "in-band" if self._sets_sent else ""

    @override
    def _accept(
        self, packet: bytes | memoryview, payload: bytes, timestamp: int, marker: bool
    ) -> None:
        if timestamp != self._timestamp:
            if self._nals or self._broken or self._fragments is not None:
                self._end_unit()
            self._timestamp = timestamp
        if payload:
            self._take(payload)
        if marker and self._trusts_marker and (self._has_slice or self._broken):
            self._end_unit()

    @abstractmethod
    def _take(self, payload: bytes) -> None:
        """Take a payload of at least one byte."""

    @abstractmethod
    def _begin_fragments(self, payload: bytes) -> tuple[bytes, int]:
        """Return the header of a unit, and what its middle fragments begin with, as a number."""

    @abstractmethod
    def _read_hints(self) -> bool:
        """Read the hints of the picture under construction; return whether they make it a key."""

    @abstractmethod
    def _start(self, *, joins: bool) -> None:
        """Note that a key picture is emitted, and set `_may_lead`.

        `joins`: what came before it cannot be referred to.
        """

    @abstractmethod
    def _leads(self) -> bool:
        """Return whether a picture refers to what came before the point of joining."""

    def _take_many(self, payload: bytes, at: int, name: str) -> None:
        """Take an aggregate whose first length is at `at`."""
        while at < len(payload):
            length = int.from_bytes(payload[at : at + 2], "big")
            nal = payload[at + 2 : at + 2 + length]
            if not nal or len(nal) < length:
                left = len(payload) - at - 2
                self._damage(f"truncated NAL unit: {name} names {length} bytes, {left} are left")
                return
            self._add(nal)
            at += 2 + length

    def _take_fragment(self, payload: bytes, name: str) -> None:
        """Take a fragment (RFC 6184 §5.8, RFC 7798 §4.4.3)."""
        at = self._slice_at
        if len(payload) < at + 2:
            self._damage(f"truncated NAL unit: {name} of {len(payload)} bytes")
            return
        header = payload[at]
        if header & 0x80:
            if self._fragments is not None:
                self._damage("fragmented NAL unit without an end")
            head, self._fragment_head = self._begin_fragments(payload)
            self._fragments = bytearray(head)
        if self._fragments is None:
            if not self._broken:
                self._damage("fragmented NAL unit without a beginning")
            return
        self._fragments += payload[at + 1 :]
        if len(self._fragments) > MOST_UNIT_BYTES:
            self._damage(f"NAL unit larger than {MOST_UNIT_BYTES} bytes")
        elif header & 0x40:
            nal = bytes(self._fragments)
            self._fragments = None
            self._fragment_head = -1
            self._add(nal)

    def _add(self, nal: bytes) -> None:
        role = self._roles[nal[0]]
        if role is _SLICE:
            self._add_slice(nal)
        elif role is _SET:
            self._sets_sent = True
            self._learn(nal)
        elif role is _HINT:
            self._hinted = True
        elif role is _DELIMITER:
            if self._has_slice:
                self._end_unit()
            return
        elif role is _FILLER:
            return
        self._unit_bytes += len(nal)
        if self._unit_bytes > MOST_UNIT_BYTES or len(self._nals) >= MOST_UNIT_NALS:
            self._damage(f"picture larger than {MOST_UNIT_BYTES} bytes or {MOST_UNIT_NALS} units")
        elif not self._broken:
            self._nals.append(nal)

    def _add_slice(self, nal: bytes) -> None:
        """Note the picture's kind; see whether its beginning is there (a single 1 bit)."""
        at = self._slice_at
        begins = len(nal) > at and nal[at] >= 0x80  # noqa: PLR2004 - the first bit
        if self._has_slice:
            if begins and self._begins_once:
                self._end_unit()
        elif not begins and not self._broken:
            if self._timestamp == self._ended_timestamp and not self._begins_unsure:
                self._trusts_marker = False
                self._damage("marker bit inside a picture: markers are ignored from now on")
            else:
                self._damage("picture without its first slice")
        if not self._has_slice:
            self._has_slice = True
            self._octet = nal[0]

    def _learn(self, nal: bytes) -> None:
        try:
            self._sets_wait |= self.sets.learn(nal)
        except WireError as error:
            self.problem = str(error)

    def _end_unit(self) -> None:
        """Emit the picture under construction, or count why not."""
        if self._fragments is not None:
            self._damage("fragmented NAL unit without an end")
        if self._broken:
            self.damaged_units += 1
        elif self._has_slice:
            self._finish()
        elif self._nals:
            return  # parameter sets that were given a marker or a timestamp of their own
        self._ended_timestamp = self._timestamp
        self._drop_unit()

    def _finish(self) -> None:
        self.pictures += 1
        is_key = self._keys[self._octet]
        if self._hinted:
            is_key |= self._read_hints()
        nals = tuple(self._nals)
        if is_key:
            sets = self.sets.in_force()
            if not sets:
                self.problem = "key picture without parameter sets"
                self.skipped_units += 1
                return
            nals = (*sets, *self._without_sets())
            self.size_px = self.sets.size_px
            self._start(joins=self._wants_key)
            self._sets_wait = self._wants_key = False
        elif self._wants_key or (self._may_lead and self._leads()):
            self.skipped_units += 1
            return
        elif self._sets_wait:
            nals = tuple(self._without_sets())
        pts_90k = self._unwrapper.unwrap(self._timestamp)
        self._done.append(CodedPicture(pts_90k, self._timestamp, is_key, nals))

    def _without_sets(self) -> Iterable[bytes]:
        roles = self._roles
        return (nal for nal in self._nals if roles[nal[0]] is not Role.SET)

    @override
    def _begin(self) -> None:
        self._drop_unit()

    def _drop_unit(self) -> None:
        """Begin anew with nothing."""
        self._nals = []
        self._unit_bytes = 0
        self._has_slice = self._hinted = self._broken = self._begins_unsure = False
        self._fragments = None
        self._fragment_head = -1

    @override
    def _lose(self, problem: str) -> None:
        """Packets are missing: whatever was under construction is, and what follows may be."""
        if self._nals or self._fragments is not None:
            self._damage(problem)
        self.problem = problem
        self._wants_key = True
        self._begins_unsure = True

    @override
    def _damage(self, problem: str) -> None:
        """Give up the picture under construction and what may refer to it."""
        self.problem = problem
        self._nals = []
        self._unit_bytes = 0
        self._fragments = None
        self._fragment_head = -1
        self._broken = True
        self._wants_key = True
