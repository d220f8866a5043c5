# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The channels of a recorder: asked over ONVIF, or tried path by path, and never hammered."""

import asyncio
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.ingest.makes import Make
from gateway.ingest.onvif_model import MediaProfile
from gateway.model.errors import CredentialError, PeerError
from gateway.model.media import Codec, StreamKind
from gateway.model.registry import Transport
from gateway.runtime.clock import Clock
from gateway.wire.digest import Credentials, Manners
from gateway.wire.rtsp import Media, RtspClient, RtspReceiver, Wishes, parse_url
from gateway.wire.sdp import UnusableStreamError

PACE_S = 0.5
"""Between two questions: recorders serve their own screen first."""
DESCRIBE_S = 5.0
MOST_MISSES = 2
"""After so many channels in a row that are not there the recorder has no more."""
MOST_CHANNELS = 64
_NUMBER = re.compile(r"(\d{1,4})\D*\Z")
_READ_BYTES = 16 << 10
_NO_STREAM = "nessun flusso video utilizzabile"


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a recorder, or the one view of a camera."""

    number: int
    """From 1."""
    name: str
    main_url: str
    """Without credentials; empty if it has none, see `problem`."""
    sub_url: str
    codec: Codec | None
    """Of the main stream."""
    size_px: tuple[int, int]
    """Of the main stream; (0, 0) if not told."""
    problem: str = ""
    """Why it cannot be pulled, one line."""
    source: str = ""
    """ONVIF token of its video source."""
    tokens: tuple[str, ...] = ()
    """Every ONVIF token by which an event may name it."""
    configuration: str = ""
    """ONVIF token of its video source configuration: masks hang on it."""


class MediaDevice(Protocol):
    """What is needed of an ONVIF device here."""

    async def profiles(self) -> tuple[MediaProfile, ...]:
        """Return its video profiles."""
        ...

    async def stream_uri(self, token: str, *, transport: Transport, tls: bool = False) -> str:
        """Return the RTSP URI of a profile."""
        ...


@dataclass(frozen=True, slots=True)
class Described:
    """What a DESCRIBE told."""

    codec: Codec | None


Describe = Callable[[str], Awaitable[Described]]
"""Asks one URL; UnusableStreamError if there is no such stream."""


def channels_of(profiles: Sequence[MediaProfile]) -> tuple[Channel, ...]:
    """Return the channels that the profiles tell of, without their URLs.

    A channel's number is the one that its token ends with, so that the others keep theirs when a
    camera is unplugged; where tokens have none, channels are counted.
    """
    groups = _groups(profiles)
    numbers = _numbers(tuple(groups))
    made = [_channel(numbers[source], source, group) for source, group in groups.items()]
    return tuple(sorted(made, key=lambda one: one.number))


async def channels_by_onvif(
    device: MediaDevice, *, transport: Transport = Transport.TCP, tls: bool = False
) -> tuple[Channel, ...]:
    """Return the channels with their URLs; one that does not tell has a problem of its own.

    CredentialError ends it at once; any other refusal is the channel's.
    """
    profiles = await device.profiles()
    groups = _groups(profiles)
    found: list[Channel] = []
    for channel in channels_of(profiles):
        main, sub = renditions(groups[channel.source])
        if main is None:
            found.append(replace(channel, problem=channel.problem or _NO_STREAM))
            continue
        try:
            url = await device.stream_uri(main.token, transport=transport, tls=tls)
            small = ""
            if sub is not None:
                small = await device.stream_uri(sub.token, transport=transport, tls=tls)
        except CredentialError:
            raise
        except PeerError as error:
            found.append(replace(channel, problem=str(error)))
        else:
            found.append(replace(channel, main_url=url, sub_url=small))
    return tuple(found)


def renditions(
    profiles: Sequence[MediaProfile],
) -> tuple[MediaProfile | None, MediaProfile | None]:
    """Return the largest profile of one source, and the smallest if it is smaller."""
    usable = [one for one in profiles if one.codec is not None]
    if not usable:
        return None, None
    main = max(usable, key=_size)
    rest = [one for one in usable if _size(one) < _size(main)]
    # a JPEG sub stream costs more to watch than a main stream of a real codec
    rest = [one for one in rest if one.codec is not Codec.JPEG] or rest
    return main, min(rest, key=_size, default=None)


async def channels_by_template(
    make: Make, host: str, describe: Describe, *, clock: Clock, port: int = 0
) -> tuple[Channel, ...]:
    """Return the channels that answer under a make's paths.

    One question at a time, with a pause between, at most MOST_CHANNELS; it ends at MOST_MISSES
    channels in a row that are not there. CredentialError ends it at once.
    """
    found: list[Channel] = []
    misses = 0
    most = MOST_CHANNELS if make.has_channels else 1
    for number in range(1, most + 1):
        channel = await _try_channel(make, (host, port), number, describe, clock)
        if channel is None:
            misses += 1
            if misses == MOST_MISSES:
                break
            continue
        misses = misses + 1 if channel.problem else 0
        found.append(channel)
        if misses == MOST_MISSES:
            break
    return tuple(found)


async def _try_channel(
    make: Make, place: tuple[str, int], number: int, describe: Describe, clock: Clock
) -> Channel | None:
    """Ask for one channel; None if it is not there."""
    host, port = place
    urls = {kind: make.url(kind, host, number, port) for kind in StreamKind}
    name = f"Canale {number}"
    try:
        told = await describe(urls[StreamKind.MAIN])
    except CredentialError:
        raise
    except UnusableStreamError:
        return None
    except PeerError as error:
        return Channel(number, name, "", "", None, (0, 0), str(error))
    finally:
        await clock.sleep(PACE_S)
    sub_url = urls[StreamKind.SUB]
    if sub_url and not await _answers(sub_url, describe, clock):
        sub_url = ""
    return Channel(number, name, urls[StreamKind.MAIN], sub_url, told.codec, (0, 0))


async def _answers(url: str, describe: Describe, clock: Clock) -> bool:
    try:
        await describe(url)
    except CredentialError:
        raise
    except PeerError:
        return False
    finally:
        await clock.sleep(PACE_S)
    return True


def describer(credentials: Credentials | None, *, bound_s: float = DESCRIBE_S) -> Describe:
    """Return a Describe that opens one connection per question and starts no stream."""
    wishes = Wishes(manners=Manners())  # who asked for Digest once gets no Basic in clear

    async def describe(url: str) -> Described:
        address = parse_url(url)
        try:
            async with asyncio.timeout(bound_s):
                reader, writer = await asyncio.open_connection(address.host, address.port)
                try:
                    client = RtspClient(address, credentials, _nonce, wishes)
                    return await _dialogue(client, reader, writer)
                finally:
                    writer.transport.abort()
        except TimeoutError:
            raise PeerError(f"{address.peer} does not answer within {bound_s:g} s") from None
        except OSError as error:
            words = os.strerror(error.errno) if error.errno else str(error)
            raise PeerError(f"{address.peer} is unreachable: {words}") from None

    return describe


def _nonce() -> str:
    return secrets.token_hex(16)


async def _dialogue(
    client: RtspClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Described:
    """Talk until the stream is described, and no further."""
    receiver = RtspReceiver()
    writer.write(client.start())
    while True:
        data = await reader.read(_READ_BYTES)
        if not data:
            raise PeerError(f"{client.url.peer} closed the connection")
        for event in receiver.receive(data):
            if isinstance(event, Media):
                continue
            answer = client.receive(event)
            if client.track is not None:
                return Described(client.track.codec)
            writer.write(answer)


def registry_text(channels: Sequence[Channel], *, device: str, site: str) -> str:
    """Return `[[camera]]` tables for the channels that can be pulled, to be completed and applied.

    The area is the safe one to correct: a private view is shared with nobody by itself.
    """
    return "\n".join(_table(one, device, site) for one in channels if one.main_url)


def _table(channel: Channel, device: str, site: str) -> str:
    lines = [
        "[[camera]]",
        f'id = "{device}-{channel.number}"',
        f"name = {_quoted(channel.name)}",
        f"site = {_quoted(site)}",
        'area = "privata" # correggere: pubblica, aperta-al-pubblico, privata',
        f"device = {_quoted(device)}",
        f"channel = {channel.number}",
        f"url = {_quoted(channel.main_url)}",
    ]
    if channel.sub_url:
        lines.append(f"sub_url = {_quoted(channel.sub_url)}")
    return "\n".join((*lines, ""))


def _quoted(text: str) -> str:
    """Return a TOML basic string; what a device says may be anything."""
    plain = "".join(c if c.isprintable() else " " for c in text)[:200]
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _groups(profiles: Sequence[MediaProfile]) -> dict[str, list[MediaProfile]]:
    """Return the profiles of each source, in the device's order."""
    groups: dict[str, list[MediaProfile]] = {}
    for profile in profiles:
        groups.setdefault(profile.source_token, []).append(profile)
    return groups


def _numbers(sources: Sequence[str]) -> dict[str, int]:
    """Return a number from 1 for each source token."""
    ends = [found and int(found[1]) for found in map(_NUMBER.search, sources)]
    told = [end for end in ends if end is not None]
    if len(sources) > 1 and len(told) == len(set(told)) == len(sources):
        offset = 1 if min(told) == 0 else 0
        return {source: end + offset for source, end in zip(sources, told, strict=True)}
    return {source: number for number, source in enumerate(sources, 1)}


def _channel(number: int, source: str, group: Sequence[MediaProfile]) -> Channel:
    main, _ = renditions(group)
    shown = main or group[0]
    tokens = {source, *(t for p in group for t in (p.token, p.source_configuration))} - {""}
    problem = "" if main else _NO_STREAM
    name = shown.source_name or shown.name or f"Canale {number}"
    return Channel(
        number, name, "", "", main.codec if main else None, shown.size_px, problem, source,
        tuple(sorted(tokens)), shown.source_configuration,
    )  # fmt: skip


def _size(profile: MediaProfile) -> tuple[int, int]:
    width_px, height_px = profile.size_px
    return width_px * height_px, profile.bit_rate_kbps
