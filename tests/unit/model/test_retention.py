# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.model.retention."""

import pytest

from gateway.model.registry import Controller, Site, SiteKind, SiteState, TenantKind
from gateway.model.retention import ceiling_h, fault

SCHOOL = Site("s", "S", "c", SiteKind.SCHOOL, SiteState.ACTIVE)
SQUARE = Site("p", "P", "c", SiteKind.SQUARE, SiteState.ACTIVE)


def owner(kind, hours=0, reason=""):
    return Controller("c", "C", kind=kind, retention_h=hours, retention_reason=reason)


@pytest.mark.parametrize(
    ("controller", "site", "hours", "wrong"),
    [
        (None, None, 24, ""),
        (owner(TenantKind.SHOP), None, 24, ""),
        (owner(TenantKind.SHOP, 6), SQUARE, 6, ""),
        (owner(TenantKind.SHOP, 48, "chiusura"), SQUARE, 24, "is more than 24"),
        (owner(TenantKind.OTHER, 25), None, 24, "is more than 24"),
        (owner(TenantKind.SCHOOL, 72, "x"), None, 24, "is more than 24"),
        (owner(TenantKind.MUNICIPALITY), SQUARE, 72, ""),
        (owner(TenantKind.PUBLIC_BODY), None, 72, ""),
        (owner(TenantKind.MUNICIPALITY), SCHOOL, 24, ""),
        (owner(TenantKind.MUNICIPALITY, 168, "danni"), SCHOOL, 24, ""),
        (owner(TenantKind.MUNICIPALITY, 12), SCHOOL, 12, ""),
        (owner(TenantKind.MUNICIPALITY, 73), SQUARE, 72, "without a reason"),
        (owner(TenantKind.MUNICIPALITY, 73, "  "), SQUARE, 72, "without a reason"),
        (owner(TenantKind.MUNICIPALITY, 168, "danni"), SQUARE, 168, ""),
        (owner(TenantKind.MUNICIPALITY, 0, "danni"), SQUARE, 72, ""),
        (owner(TenantKind.MUNICIPALITY, 200, "danni"), SQUARE, 168, "is more than 168"),
    ],
)
def test_nobody_keeps_longer_than_the_law_allows(controller, site, hours, wrong):
    """24 h private and schools, 72 h municipal, more with a reason, 168 h at most (B-01..B-03)."""
    assert ceiling_h(controller, site) == hours
    if controller is not None:
        said = fault(controller)
        assert (wrong in said) if wrong else said == ""
