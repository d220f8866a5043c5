# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A pinhole camera over flat ground: metres to pixels and back.

World: x to the right, y upwards, z away from the camera; origin on the ground below the lens.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.simulator.paint import HEIGHT, WIDTH, Picture

Points = NDArray[np.float64]
"""Shape (n, 3) in metres, or (n, 2) in pixels."""
NEAREST_M = 0.5


@dataclass(frozen=True, slots=True)
class Lens:
    """Where the camera stands and how it looks; no roll, no heading."""

    focal_px: float
    height_m: float
    pitch_rad: float
    """Downwards."""
    centre_px: tuple[float, float] = (WIDTH / 2, HEIGHT / 2)

    def project(self, points: Points) -> Points:
        """Return pixels (n, 2) of world points (n, 3); what is behind is held at 0.5 m."""
        x, y, z = points[:, 0], points[:, 1] - self.height_m, points[:, 2]
        cos, sin = np.cos(self.pitch_rad), np.sin(self.pitch_rad)
        depth = np.maximum(z * cos - y * sin, NEAREST_M)
        down = -(y * cos + z * sin)
        return np.stack(
            [
                self.centre_px[0] + self.focal_px * x / depth,
                self.centre_px[1] + self.focal_px * down / depth,
            ],
            axis=1,
        )

    def horizon_px(self) -> float:
        """Return the row of the horizon."""
        return float(self.centre_px[1] - self.focal_px * np.tan(self.pitch_rad))

    def ground(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Return x and z on the ground for each pixel of a picture, and where there is ground."""
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        down = (rows - self.centre_px[1]) / self.focal_px
        right = (columns - self.centre_px[0]) / self.focal_px
        cos, sin = np.cos(self.pitch_rad), np.sin(self.pitch_rad)
        falling = down * cos + sin
        below = falling > 1e-3  # noqa: PLR2004 - a ray that hardly falls meets no ground
        reach = self.height_m / np.maximum(falling, 1e-3)
        z = reach * (cos - down * sin)
        return (right * reach).astype(np.float32), z.astype(np.float32), below


def hang(picture: Picture, surface: Picture, corners: Points) -> None:
    """Hang a flat surface into a picture; corners (4, 2) in pixels, clockwise from top left."""
    height, width = surface.shape[:2]
    target = corners.astype(np.float32)
    span = max(float(np.ptp(target[:, 0])) / width, float(np.ptp(target[:, 1])) / height, 1e-3)
    small = surface
    if span < 1:
        size = (max(2, round(width * span * 1.2)), max(2, round(height * span * 1.2)))
        small = cv2.resize(surface, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    height, width = small.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    size = (picture.shape[1], picture.shape[0])
    warped = cv2.warpPerspective(small, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(target * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    share = (mask / np.float32(255))[..., None]
    channels = picture[..., :3]
    channels[:] = (channels * (1 - share) + warped * share + 0.5).astype(np.uint8)


def hang_near(picture: Picture, surface: Picture, corners: Points) -> None:
    """Hang a small surface as `hang` does, without touching the rest of a large picture."""
    x0, y0 = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 2, 0)
    x1, y1 = np.ceil(corners.max(axis=0)).astype(int) + 3
    part = picture[y0:y1, x0:x1]
    if part.shape[0] > 1 and part.shape[1] > 1:
        hang(part, surface, corners - np.array([x0, y0]))
