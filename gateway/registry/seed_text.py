# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A registry as the TOML seed that would make it again (TOML 1.0)."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import date, time
from enum import Enum
from typing import Any

from gateway.model.registry import Act, Escalation, Registry, Zone
from gateway.registry.entities import Entity, flatten
from gateway.registry.templates import keys_of

TOML_TYPE = "application/toml"

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}


def to_toml(registry: Registry) -> str:
    """Return a seed that `parse_seed` reads back as the same entities; secrets are left out."""
    tables = [_table(kind, entity) for (kind, _), entity in flatten(registry).items()]
    return "\n".join(tables)


def _table(kind: str, entity: Entity) -> str:
    lines = [f"[[{kind}]]", *_lines(entity)]
    if isinstance(entity, Act):
        for scope in entity.scopes:
            lines += ["[[act.scope]]", *_lines(scope)]
    if isinstance(entity, Escalation):
        for step in entity.steps:
            lines += ["[[escalation.step]]", *_lines(step)]
    return "\n".join(lines) + "\n"


def _lines(entity: Any) -> list[str]:  # noqa: ANN401 - any dataclass of the registry
    """Return `key = value` for each field that is not at its default.

    Of a zone with a template also what the template would fill in otherwise.
    """
    written = keys_of(entity.template) if isinstance(entity, Zone) else ()
    return [
        f"{f.name} = {_value(getattr(entity, f.name))}"
        for f in fields(entity)
        if f.name not in ("scopes", "steps", "password_hash", "totp_secret")
        and (f.default is MISSING or f.name in written or getattr(entity, f.name) != f.default)
    ]


def _value(value: Any) -> str:  # noqa: ANN401 - one line for each type of TOML
    if isinstance(value, Enum):
        return _value(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{"".join(_character(c) for c in value)}"'
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, int | float):
        return repr(value)
    return _inline({f.name: getattr(value, f.name) for f in fields(value)})


def _inline(table: Mapping[str, Any]) -> str:
    return f"{{ {', '.join(f'{key} = {_value(value)}' for key, value in table.items())} }}"


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08X}"
