# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From what was discovered to tables of a registry seed that an installer completes. Pure."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.ingest.nvr import Channel, registry_text
from gateway.model.registry import DeviceKind

MOST_ID = 48
"""Room for a channel's number behind it, within the 64 of an id."""
_RECORDER = re.compile(
    r"\b(nvr|dvr|xvr|hvr|recorder|videoregistratore)|networkvideostorage", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Discovered:
    """One device as far as it is known."""

    address: str
    name: str
    hardware: str
    location: str
    url: str
    """Of its ONVIF device service; empty: none."""
    kinds: tuple[str, ...]
    """Types that it announced."""
    make: str = ""
    """Template of RTSP paths, where it has no ONVIF."""
    channels: tuple[Channel, ...] = ()
    """Empty: it was not asked, or did not tell."""

    @property
    def kind(self) -> DeviceKind:
        """Return whether it is a recorder, by its channels, else by what it calls itself."""
        if len(self.channels) > 1:
            return DeviceKind.RECORDER
        said = " ".join((self.name, self.hardware, *self.kinds))
        return DeviceKind.RECORDER if _RECORDER.search(said) else DeviceKind.CAMERA


def device_id(one: Discovered, taken: Collection[str]) -> str:
    """Return an id made of name and address, `ds-2cd2043-192-0-2-20`, that is not taken."""
    words = f"{one.name or one.kind.value} {one.address}"
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[-MOST_ID:].strip("-") or "dispositivo"
    number, tried = 1, made
    while tried in taken:
        number += 1
        tried = f"{made}-{number}"
    return tried


def snippet(found: Sequence[Discovered], *, site: str, credential: str) -> str:
    """Return `[[device]]` and `[[camera]]` tables; `credential` is a reference, or nothing."""
    taken: set[str] = set()
    parts: list[str] = []
    for one in found:
        name = device_id(one, taken)
        taken.add(name)
        parts.append(_device(one, name, site, credential))
        if one.channels:
            parts.append(registry_text(one.channels, device=name, site=site))
            parts += [
                f"# canale {c.number}: {_plain(c.problem)}\n" for c in one.channels if c.problem
            ]
        else:
            parts.append(
                "# Le telecamere di questo dispositivo:\n"
                f"#   varco discover {_plain(one.address)} --snippet --login\n"
            )
    return "\n".join(parts)


def _device(one: Discovered, name: str, site: str, credential: str) -> str:
    said = (_plain(text).strip() for text in (one.name, one.hardware, one.address))
    label = next(filter(None, said), one.kind.value)
    known = [_plain(text) for text in (one.hardware, one.location) if text]
    lines = [
        f"# {_plain(one.address)}" + (f": {', '.join(known)}" if known else ""),
        "[[device]]",
        f'id = "{name}"',
        f"name = {_quoted(label)}",
        f"site = {_quoted(site)}",
        f'kind = "{one.kind.value}"',
    ]
    if one.url:
        lines.append(f"url = {_quoted(one.url)}")
    if one.make:
        lines.append(f"make = {_quoted(one.make)}")
    if credential:
        lines.append(f"credential = {_quoted(credential)}")
    else:
        lines.append(f'# credential = "credential:{name}" # contiene utente:password')
    return "\n".join((*lines, ""))


def host_of(url: str) -> str:
    """Return the host of a URL; empty if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _plain(text: str) -> str:
    """Return what may stand in a comment: what a device says may be anything."""
    return "".join(c if c.isprintable() else " " for c in text)[:100]


def _quoted(text: str) -> str:
    plain = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
