# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The access matrix (A-20): which role may do what, and why; what is on no line is refused.

The built-in lines stand in `permits.toml`. A role that has permits in the registry is ruled by
those alone, within the limits that the file calls `never`.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from gateway.model.access import Action, Purpose
from gateway.model.registry import Permit, Registry, Role

FILE = "permits.toml"
PICTURES = frozenset(
    {
        Action.LIVE,
        Action.SNAPSHOT,
        Action.PLAYBACK,
        Action.RECORDED,
        Action.PTZ,
        Action.EXPORT,
        Action.PLATES,
    }
)
"""Actions on a camera that need an act, or the camera of one's own house."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """The content of the file."""

    permits: tuple[Permit, ...]
    never: Mapping[Role, frozenset[Action]]
    """What no permit can give a role."""
    emergency_roles: frozenset[Role]
    """Who may break the glass."""
    emergency_actions: frozenset[Action]


@cache
def built_in() -> BuiltIn:
    """Return the built-in matrix; ValueError if the file names what does not exist."""
    text = resources.files("gateway.access").joinpath(FILE).read_text("utf-8")
    table = tomllib.loads(text)
    glass = table["break_glass"]
    return BuiltIn(
        tuple(_permit(line) for line in table["permit"]),
        {Role(role): _actions(names) for role, names in table["never"].items()},
        frozenset(Role(name) for name in glass["roles"]),
        _actions(glass["actions"]),
    )


def _permit(line: Mapping[str, object]) -> Permit:
    """Return one built-in line; the file uses no more than these keys."""
    actions, purposes = line["actions"], line["purposes"]
    assert isinstance(actions, list)  # noqa: S101 - our own file
    assert isinstance(purposes, list)  # noqa: S101 - our own file
    names = tuple(Action(name).value for name in actions)
    codes = tuple(Purpose(code).value for code in purposes)
    return Permit(str(line["id"]), Role(line["role"]), names, codes)


def _actions(names: Iterable[str]) -> frozenset[Action]:
    return frozenset(Action(name) for name in names)


Key = tuple[Role, Action, Purpose]


def lines_in_force(registry: Registry) -> tuple[Permit, ...]:
    """Return the permits that count: the registry's, and built-in ones of all other roles."""
    return registry.permits_in_force(built_in().permits)


def by_key(registry: Registry) -> dict[Key, tuple[Permit, ...]]:
    """Return the lines of each (role, action, purpose); what is absent is refused."""
    found: dict[Key, list[Permit]] = {}
    for permit in lines_in_force(registry):
        for action in _wanted(permit):
            for purpose in Purpose:
                if not permit.purposes or purpose.value in permit.purposes:
                    found.setdefault((permit.role, action, purpose), []).append(permit)
    return {key: tuple(lines) for key, lines in found.items()}


def _wanted(permit: Permit) -> list[Action]:
    never = built_in().never.get(permit.role, frozenset())
    return [
        action
        for action in Action
        if action not in never and (not permit.actions or action.value in permit.actions)
    ]


def is_plain(permit: Permit) -> bool:
    """Return whether a line holds for every camera of everybody at any time."""
    return not (
        permit.organisations
        or permit.controllers
        or permit.cameras
        or permit.hours
        or permit.four_eyes
        or permit.act
    )


def fits(permit: Permit, organisation: str, controller: str, camera: str) -> bool:
    """Return whether a line is about this organisation, controller and camera."""
    return (
        (not permit.organisations or organisation in permit.organisations)
        and (not permit.controllers or controller in permit.controllers)
        and (not permit.cameras or camera in permit.cameras)
    )
