# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A camera as one row of a map or a spreadsheet (A-10).

What leaves is a map: no URL and no credential. What comes back is merged: a key that a row does
not hold stays as the registry has it (`gateway.registry.schema.CameraRow`).
"""

from collections.abc import Iterator

from gateway.model.registry import Camera, Registry

Cell = str | float | bool

COLUMNS = (
    "id",
    "name",
    "site",
    "site_name",
    "site_kind",
    "site_state",
    "address",
    "controller",
    "controller_name",
    "area",
    "latitude",
    "longitude",
    "azimuth_deg",
    "field_of_view_deg",
    "target_width_m",
    "continuous",
    "device",
    "channel",
    "density_class",
)
"""Of the CSV; a feature's properties are the same without the two coordinates."""
READ_ONLY = frozenset(
    {"site_name", "site_kind", "site_state", "address", "controller", "controller_name", "fid"}
)
"""For the reader's eye: sites are changed in a seed. `fid` is a number that map programs add."""


def rows(registry: Registry) -> Iterator[dict[str, Cell]]:
    """Yield all cameras by id, each with the values of COLUMNS."""
    for _, camera in sorted(registry.cameras.items()):
        yield _row(registry, camera)


def _row(registry: Registry, camera: Camera) -> dict[str, Cell]:
    site = registry.sites[camera.site]
    controller = registry.controllers[site.controller]
    derived = {
        "site_name": site.name,
        "site_kind": site.kind.value,
        "site_state": site.state.value,
        "address": site.address,
        "controller": controller.id,
        "controller_name": controller.name,
        "area": camera.area.value,
    }
    return {name: derived.get(name, getattr(camera, name, "")) for name in COLUMNS}
