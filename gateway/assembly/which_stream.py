# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which rendition of a camera a viewer gets: what is there, what his player takes, what he wished.

Pure. Masks are no choice: every rendition carries those in force (see `renditions`), so nothing
that is chosen here can show more. Asked again each second, since cameras change what they send.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.model.access import WATERMARK
from gateway.model.media import Codec, StreamKind

MASKED: Final = "masked"
"""Flag of a picture into which this box burns masks."""
TRANSCODED: Final = "transcoded"
"""Flag of a picture that is coded anew because the player cannot take what the camera sends."""
SMALLER: Final = "smaller"
"""Flag of the small picture where the large one was wished, for the same reason."""
MARKED: Final = WATERMARK
"""Flag of a Grant whose pictures carry who looks."""


class Rendition(Enum):
    """What can be had of one camera."""

    MAIN = "main"
    """As it comes, or with masks."""
    SUB = "sub"
    """The small stream, likewise."""
    H264 = "h264"
    """The main stream as H.264, whatever the camera sends."""
    SUB_H264 = "sub-h264"
    """The small stream as H.264."""

    @property
    def source(self) -> StreamKind:
        """Which of the camera's streams it is made of."""
        is_main = self in {Rendition.MAIN, Rendition.H264}
        return StreamKind.MAIN if is_main else StreamKind.SUB

    @property
    def is_anew(self) -> bool:
        """Return whether it is coded anew in any case."""
        return self in {Rendition.H264, Rendition.SUB_H264}


@dataclass(frozen=True, slots=True)
class Sight:
    """What a camera has to show now."""

    main: Codec | None
    """What its main stream is coded as; None: not known yet."""
    sub: Codec | None = None
    has_sub: bool = False
    masked: bool = False
    """The gateway burns masks in: both streams leave as H.264."""
    reordered: frozenset[StreamKind] = frozenset()
    """Streams with B-frames: whoever shows pictures as they come cannot show them."""


@dataclass(frozen=True, slots=True)
class Pick:
    """What a viewer gets."""

    rendition: Rendition
    codec: Codec = Codec.H264
    """How it is coded; what is not known yet counts as H.264, and is asked again."""
    flags: tuple[str, ...] = ()
    """What he is told about it."""
    mark: str = ""
    """What is written into his pictures; empty: nothing."""

    def stream(self, camera: str) -> str:
        """Return its name on the link to the media process."""
        return self.plain(camera) + (f"/{self.mark}" if self.mark else "")

    def plain(self, camera: str) -> str:
        """Return the same without whose it is."""
        return camera if self.rendition is Rendition.MAIN else f"{camera}/{self.rendition.value}"


def as_sent(kind: StreamKind) -> Pick:
    """Return what a room gets, which takes whatever a camera sends; masks are burned in."""
    return Pick(Rendition.SUB if kind is StreamKind.SUB else Rendition.MAIN)


def pick(
    sight: Sight,
    wish: StreamKind,
    codecs: frozenset[Codec],
    mark: str = "",
    *,
    in_order: bool = True,
) -> Pick:
    """Return what a viewer gets who wished for a stream; `codecs`: those that his player takes.

    Passed through if that can be; else the other stream if it can; else coded anew. `in_order`:
    he shows pictures as they come, so that those with B-frames are coded anew, too.
    """
    kind = wish if sight.has_sub else StreamKind.MAIN
    if sight.masked or mark:
        plain = Rendition.SUB if kind is StreamKind.SUB else Rendition.MAIN
        return Pick(plain, flags=(MASKED,) if sight.masked else (), mark=mark)
    jumbled = sight.reordered if in_order else frozenset()
    takes_main = StreamKind.MAIN not in jumbled and _takes(codecs, sight.main)
    takes_sub = StreamKind.SUB not in jumbled and _takes(codecs, sight.sub)
    if kind is StreamKind.MAIN:
        return _main(sight, is_taken=takes_main, is_sub_taken=sight.has_sub and takes_sub)
    return _sub(sight, is_taken=takes_sub, is_main_taken=sight.main is not None and takes_main)


def _main(sight: Sight, *, is_taken: bool, is_sub_taken: bool) -> Pick:
    if is_taken:
        return Pick(Rendition.MAIN, sight.main or Codec.H264)
    if is_sub_taken:
        return Pick(Rendition.SUB, sight.sub or Codec.H264, (SMALLER,))
    return Pick(Rendition.H264, flags=(TRANSCODED,))


def _sub(sight: Sight, *, is_taken: bool, is_main_taken: bool) -> Pick:
    if is_taken:
        return Pick(Rendition.SUB, sight.sub or Codec.H264)
    if is_main_taken:
        return Pick(Rendition.MAIN, sight.main or Codec.H264)
    return Pick(Rendition.SUB_H264, flags=(TRANSCODED,))


def _takes(codecs: frozenset[Codec], codec: Codec | None) -> bool:
    """Return whether a player takes what is coded so; nothing is known to be refused."""
    return codec is None or codec in codecs
