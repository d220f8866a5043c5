# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The net that finds plates: features at 1/8, context from 1/16, one quadrangle per cell."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

STRIDE_PX = 8
"""Distance of the cells that answer."""
OUTPUTS = 9
"""A logit, then x and y of four corners."""
_RARE = -4.0
"""Bias of the logit: at first nothing is a plate."""


def _step(inward: int, outward: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inward, outward, 3, stride, dilation, dilation, bias=False),
        nn.BatchNorm2d(outward),
        nn.ReLU(inplace=True),
    )


class Finder(nn.Module):
    """A plain convolutional net; a cell at 1/8 sees about 400 px around itself.

    Input (N, 3, H, W) float32, BGR, (x / 255 - 0.45) / 0.25, H and W multiples of 16. Output
    (N, 9, H / 8, W / 8): logit, then corners clockwise from the plate's own top left, as offsets
    from the cell's centre in units of 8 px.
    """

    def __init__(self, widths: Sequence[int] = (16, 24, 48, 56)) -> None:
        super().__init__()
        first, second, near, wide = widths
        self.stem = nn.Sequential(
            _step(3, first, 2), _step(first, second, 2), _step(second, second),
            _step(second, near, 2), _step(near, near), _step(near, near),
        )  # fmt: skip
        self.context = nn.Sequential(
            _step(near, wide, 2), _step(wide, wide, 1, 2), _step(wide, wide, 1, 4),
            _step(wide, wide, 1, 2), nn.Conv2d(wide, near, 1),
            nn.Upsample(scale_factor=2, mode="nearest"),
        )  # fmt: skip
        self.joined = _step(near, near)
        self.answer = nn.Conv2d(near, OUTPUTS, 1)
        bias = self.answer.bias
        assert bias is not None
        with torch.no_grad():
            bias[0] = _RARE

    def forward(self, x: Tensor) -> Tensor:
        """Return logits and corners of each cell."""
        near = self.stem(x)
        answer: Tensor = self.answer(self.joined(near + self.context(near)))
        return answer
