# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two small plots as inline SVG: columns over time, bars by name. No scripts, no links."""

from collections.abc import Sequence
from html import escape

_WIDE, _HIGH, _BASE = 720, 150, 122
_ROW, _LABEL, _BARS = 24, 190, 330
_MOST_LABELS = 12
_SHORT = 30


def columns(values: Sequence[tuple[str, int]], title: str) -> str:
    """Return one column for each value, in their order; the highest is written on top."""
    top = max((many for _, many in values), default=0) or 1
    step = _WIDE / max(len(values), 1)
    every = -(-len(values) // _MOST_LABELS)
    parts = [f'<path class="axis" d="M0 {_BASE + 0.5}H{_WIDE}"/>']
    peak = next((at for at, (_, many) in enumerate(values) if many == top), -1)
    for at, (name, many) in enumerate(values):
        tall = round(many / top * (_BASE - 20), 1)
        left, wide = at * step, max(step * 0.72, 0.8)
        start = left + (step - min(wide, 44)) / 2
        if many:
            parts.append(
                f'<rect x="{start:.1f}" y="{_BASE - tall:.1f}" width="{min(wide, 44):.1f}" '
                f'height="{tall:.1f}"><title>{escape(name)}: {many}</title></rect>'
            )
        middle = min(max(left + step / 2, 14), _WIDE - 14)
        if at == peak:
            parts.append(f'<text x="{middle:.1f}" y="{_BASE - tall - 5:.1f}">{many}</text>')
        if at % every == 0:
            parts.append(
                f'<text class="name" x="{middle:.1f}" y="{_BASE + 18}">{escape(name)}</text>'
            )
    words = f"{title}: " + ", ".join(f"{name} {many}" for name, many in values if many)
    return _svg(_WIDE, _HIGH, words, "".join(parts))


def bars(values: Sequence[tuple[str, int]], title: str) -> str:
    """Return one horizontal bar for each value, with its number."""
    top = max((many for _, many in values), default=0) or 1
    parts = []
    for at, (name, many) in enumerate(values):
        y, wide = at * _ROW, round(many / top * (_BARS - _LABEL - 44), 1)
        short = name if len(name) <= _SHORT else name[: _SHORT - 1] + "…"
        parts.append(
            f'<text class="label" x="0" y="{y + 15}">{escape(short)}</text>'
            f'<rect x="{_LABEL}" y="{y + 3}" width="{max(wide, 1)}" height="15"/>'
            f'<text class="value" x="{_LABEL + wide + 6:.1f}" y="{y + 15}">{many}</text>'
        )
    words = f"{title}: " + ", ".join(f"{name} {many}" for name, many in values)
    return _svg(_BARS, max(len(values), 1) * _ROW, words, "".join(parts))


def _svg(wide: int, high: int, words: str, parts: str) -> str:
    return (
        f'<svg viewBox="0 0 {wide} {high}" role="img" aria-label="{escape(words[:600])}">'
        f"{parts}</svg>"
    )
