# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The town's matrix with other lines, and what it refuses."""

from dataclasses import replace

from gateway.access.policy import Look, decide
from gateway.model.registry import Permit, Role
from tests.unit.access.town import NOW, registry

TOWN = registry()


def permit(role=Role.PL_OPERATOR, **more):
    more = {"actions": ("live",), "purposes": ("servizio",)} | more
    return Permit("p", role, **more)


def with_permits(*lines):
    named = {f"p{n}": replace(one, id=f"p{n}") for n, one in enumerate(lines)}
    return replace(TOWN, permits=named)


def refusal(request, town=TOWN, record=None, now=NOW, look=None):
    return decide(request, town, record, now, look=look or Look()).refusal
