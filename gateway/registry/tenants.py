# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a kind of controller or site asks of the registry (A-26, A-40). Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.model.registry import (
    Analytic,
    Camera,
    Registry,
    Site,
    SiteKind,
    SiteState,
    TenantKind,
)

NEEDED_SITES: Final = 10
"""«imprese … dotate di almeno dieci impianti»: D.L. 14/2017 art. 7 c. 1-bis."""
PROJECT_KINDS: Final = frozenset(
    {
        TenantKind.HOUSING_BODY,
        TenantKind.CONDOMINIUM,
        TenantKind.ENTERPRISE,
        TenantKind.TRADE_ASSOCIATION,
        TenantKind.CONSORTIUM,
        TenantKind.COMMITTEE,
    }
)
"""The six kinds of private body that art. 7 c. 1-bis names."""

Fault = tuple[str, str, str]
"""Field, problem and advice, as `gateway.registry.entities` collects them."""


@dataclass(frozen=True, slots=True)
class Project:
    """A controller's security project, as a dossier counts it."""

    sites: int
    """Its sites with a camera (impianti)."""
    needed: int
    """How many the law asks for; 0: no number."""

    @property
    def fits(self) -> bool:
        """Return whether there are as many as the law asks for."""
        return self.sites >= self.needed


def project_of(registry: Registry, controller: str) -> Project | None:
    """Return the security project of a controller; None if it takes part in none."""
    known = registry.controllers.get(controller)
    if known is None or not known.security_project:
        return None
    needed = NEEDED_SITES if known.kind is TenantKind.ENTERPRISE else 0
    return Project(_equipped(registry, controller), needed)


def _equipped(registry: Registry, controller: str) -> int:
    """Return how many sites of a controller have a camera."""
    equipped = {camera.site for camera in registry.cameras.values()}
    return sum(
        site.controller == controller and site.id in equipped for site in registry.sites.values()
    )


def faults_of_site(site: Site, registry: Registry) -> Iterator[Fault]:
    """Yield what keeps a site from being active: its owner's project, a school's rules."""
    if site.state is not SiteState.ACTIVE:
        return
    if is_school(site, registry):
        yield from _faults_of_school(site, registry)
    owner = registry.controllers.get(site.controller)
    project = project_of(registry, site.controller)
    if owner is None or project is None:
        return
    if owner.kind not in PROJECT_KINDS:
        problem = f"controller {owner.id} ({owner.kind.value}) cannot have a security project"
        yield "state", problem, "write one of the kinds of art. 7 c. 1-bis, or no project"
    elif not project.fits:
        problem = (
            f"controller {owner.id} has {project.sites} sites with a camera; "
            f"an enterprise's project needs {project.needed} (art. 7 c. 1-bis)"
        )
        yield "state", problem, "keep it approvato until the others are entered"


def is_school(site: Site, registry: Registry) -> bool:
    """Return whether a site is a school's, by its own kind or its controller's."""
    owner = registry.controllers.get(site.controller)
    return site.kind is SiteKind.SCHOOL or (owner is not None and owner.kind is TenantKind.SCHOOL)


def _faults_of_school(site: Site, registry: Registry) -> Iterator[Fault]:
    """Yield what a school may not have: cameras inside without a calendar, plates (A-40)."""
    cameras = [one for one in registry.cameras.values() if one.site == site.id]
    if not site.opening and any(one.indoor for one in cameras):
        problem = "is missing: cameras look inside, and nothing says when people are there"
        yield "opening", problem, "write opening = [{ days = [1, 2, 3], since = …, until = … }]"
    for camera in cameras:
        yield from _plates(camera, registry)


def _plates(camera: Camera, registry: Registry) -> Iterator[Fault]:
    """Yield a fault for each zone and act that would read plates at a school."""
    for zone in registry.zones_of(camera.id):
        if zone.analytic is Analytic.PLATES:
            problem = f"zone {zone.id} would read plates at a school"
            yield "kind", problem, "remove the zone"
    for act in registry.acts.values():
        if any(camera.id in s.cameras and Analytic.PLATES in s.analytics for s in act.scopes):
            problem = f"act {act.id} would read plates at a school (camera {camera.id})"
            yield "kind", problem, "take the camera out of the line with targhe"
