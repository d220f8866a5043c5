# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The reader: a small residual net over a gray crop, two rows of tokens, CTC over both."""

import torch
from torch import nn

from training.reader_feed import CLASSES, TOKENS

HEIGHT_PX, WIDTH_PX = 48, 160


def _step(inward: int, outward: int, stride: tuple[int, int] = (1, 1)) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inward, outward, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outward),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two convolutions beside a straight way."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _step(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        )
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape (N, width, H, W)."""
        return torch.relu(x + self.second(self.first(x)))


class Reader(nn.Module):
    """Float32 (N, 1, 48, 160), standardised per crop, to logits (N, 80, 37)."""

    def __init__(
        self, widths: tuple[int, int, int, int] = (24, 48, 96, 128), layers: int = 1
    ) -> None:
        super().__init__()
        stem, low, high, wide = widths
        self.features = nn.Sequential(
            _step(1, stem, (2, 2)),  # 24 x 80
            _step(stem, low, (2, 2)),  # 12 x 40
            Residual(low),
            _step(low, high, (2, 1)),  # 6 x 40
            Residual(high),
            nn.Conv2d(high, wide, (3, 3), (3, 1), (0, 1), bias=False),  # 2 x 40
            nn.BatchNorm2d(wide),
        )
        self.place = nn.Parameter(torch.randn(1, TOKENS, wide) * 0.02)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(wide, 4, wide * 2, 0.0, batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(wide)
        self.out = nn.Linear(wide, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, 80, 37)."""
        tokens = self.features(x).flatten(2).transpose(1, 2) + self.place
        for layer in self.layers:
            tokens = layer(tokens)
        return self.out(self.norm(tokens))
