# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Templates of zones by kind of site (A-36, A-40): data in `templates.toml` beside this module."""

import difflib
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

_MEANING = "meaning"


@lru_cache(maxsize=1)
def templates() -> Mapping[str, Mapping[str, Any]]:
    """Return the values that each template fills in, by name; as TOML reads them."""
    return MappingProxyType(
        {
            name: MappingProxyType({key: table[key] for key in table if key != _MEANING})
            for name, table in _tables().items()
        }
    )


def meanings() -> Mapping[str, str]:
    """Return what each template is for, in Italian, by name."""
    return {name: str(table[_MEANING]) for name, table in _tables().items()}


def filled(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a [[zone]] as it was written with what its template says besides.

    A template that does not exist fills in nothing; `advice` says so to people.
    """
    name = table.get("template")
    known = templates().get(name) if isinstance(name, str) else None
    return {**known, **table} if known else table


def keys_of(name: str) -> frozenset[str]:
    """Return the keys that a template fills in; none if there is no such template."""
    return frozenset(templates().get(name, ()))


def advice(name: str) -> str:
    """Return what to write in place of a name that no template has."""
    near = difflib.get_close_matches(name, templates(), n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(templates())}"


def _tables() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("templates.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
