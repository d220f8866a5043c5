# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""RTSP paths of the common makes, read from `makes.toml`: a guess for devices without ONVIF."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.model.identifiers import ID_FORM
from gateway.model.media import StreamKind
from gateway.runtime.documents import check, parse_toml

FILE = "makes.toml"
MOST_CHANNEL = 256
_PLACE = re.compile(r"\{([^{}]*)\}")
_PLACES = ("channel", "channel0", "channel2")
_PATH = re.compile(r"/[!-~]*\Z")


@dataclass(frozen=True, slots=True)
class Make:
    """Where one make keeps its streams."""

    id: str
    name: str
    main: str
    """Path with placeholders, from the slash on."""
    sub: str
    """As `main`; empty: it has none that is known."""
    port: int
    source: str
    """Document of the vendor that says so."""
    memory: bool
    """Written from experience, without the document at hand."""
    note: str
    """For the installer, in Italian."""

    @property
    def has_channels(self) -> bool:
        """Return whether the path tells one channel from another."""
        return "{" in self.main

    def path(self, kind: StreamKind, channel: int) -> str:
        """Return the path of a channel's stream, channels from 1; empty if there is none."""
        template = self.main if kind is StreamKind.MAIN else self.sub
        return template.format(channel=channel, channel0=channel - 1, channel2=f"{channel:02d}")

    def url(self, kind: StreamKind, host: str, channel: int, port: int = 0) -> str:
        """Return the URL of a stream on `host`; empty if there is none. Port 0: as usual."""
        path = self.path(kind, channel)
        name = f"[{host}]" if ":" in host else host
        return f"rtsp://{name}:{port or self.port}{path}" if path else ""


class _MakeTable(BaseModel):
    """One `[[make]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=ID_FORM.pattern.replace(r"\Z", "$"))]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    main: Annotated[str, Field(max_length=200, description='a path, "/live/{channel}"')]
    sub: Annotated[str, Field(max_length=200, description='a path, "/live/{channel}"')] = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 554
    source: Annotated[str, Field(min_length=1, description="the document that says so")]
    memory: bool = False
    note: str = ""


class _MakesFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    make: tuple[_MakeTable, ...] = ()


def parse_makes(text: str, where: str) -> dict[str, Make]:
    """Return the makes of a text by id; ConfigError names file, line and key of what is wrong."""
    document = parse_toml(text, where)
    tables = check(document, _MakesFile).make
    faults: list[ConfigError] = []
    made: dict[str, Make] = {}
    for index, table in enumerate(tables):
        for key in ("main", "sub"):
            if problem := _problem(key, getattr(table, key)):
                advice = "write /path with {channel}, {channel0} or {channel2}"
                faults.append(document.fault(("make", index, key), problem, advice))
        if table.id in made:
            faults.append(document.fault(("make", index, "id"), "is there twice", "choose another"))
        made[table.id] = Make(**table.model_dump())
    if faults:
        raise ConfigErrors(faults)
    return made


def read_makes() -> dict[str, Make]:
    """Return the makes that came with the program."""
    place = resources.files("gateway.ingest").joinpath(FILE)
    return parse_makes(place.read_text("utf-8"), FILE)


def find_make(makes: Mapping[str, Make], name: str, where: str) -> Make:
    """Return a make by its id; ConfigError names those that are known."""
    make = makes.get(name)
    if make is None:
        known = ", ".join(sorted(makes))
        raise ConfigError(where, "make", f"{name!r} is not known", f"write one of: {known}")
    return make


def _problem(key: str, path: str) -> str:
    """Return what is wrong with a path, or nothing."""
    if not path and key == "sub":
        return ""
    if not _PATH.match(path):
        return "is no path"
    unknown = [name for name in _PLACE.findall(path) if name not in _PLACES]
    if unknown:
        return f"has the unknown placeholder {{{unknown[0]}}}"
    return "has a brace that is no placeholder" if set("{}") & set(_PLACE.sub("", path)) else ""
