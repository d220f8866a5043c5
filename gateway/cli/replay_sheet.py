# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A page that shows what would have alarmed: one file, no script, nothing fetched from anywhere."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from html import escape

from gateway.assembly.replay import Replayed, Would
from gateway.cli.speech import Say
from gateway.model.why import sentence

_WIDE, _HIGH = 1000, 90
_STYLE = (
    "body{font:16px system-ui,sans-serif;margin:2rem;background:#10161c;color:#e6edf3}"
    "figure{margin:0;background:#18212a;border-radius:10px;padding:.8rem}"
    "img{width:100%;border-radius:6px;background:#000}svg{width:100%;height:auto}"
    ".sheet{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr))}"
    ".moves{fill:#8fd0ee}.raised{stroke:#ffa595;stroke-width:2}.lasts{fill:#ffa595;opacity:.35}"
    ".axis{stroke:#7d92a3}.muted,figcaption small{color:#a9bac8}"
)


def words_of(one: Would, language: str) -> str:
    """Return why an alarm would have been raised."""
    why = one.event.why
    return (
        "" if why is None else sentence(replace(why, mode=one.mode), language, zone=one.zone.name)
    )


def clock_of(seconds: float) -> str:
    """Return seconds since the begin as h:mm:ss."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def sheet(name: str, found: Replayed, say: Say) -> str:
    """Return the page as HTML; every text in it is escaped."""
    title = say(f"{name}: cosa avrebbe allarmato", f"{name}: what would have alarmed")
    count = len(found.alarms) + found.more
    lead = say(
        f"{count} allarmi in {clock_of(found.length_s)}. Nulla è stato segnalato.",
        f"{count} alarms in {clock_of(found.length_s)}. Nothing was reported to anybody.",
    )
    figures = "".join(_figure(one, say) for one in found.alarms)
    return (
        f'<!doctype html><html lang="{say("it", "en")}"><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>"
        f"<p>{escape(lead)}</p>{_line(found, say)}<div class=sheet>{figures}</div></html>\n"
    )


def _figure(one: Would, say: Say) -> str:
    words = words_of(one, say("it", "en")) or one.zone.analytic.value
    picture = say("nessuna immagine", "no picture")
    if one.jpeg:
        data = b64encode(one.jpeg).decode()
        picture = f'<img alt="{escape(words)}" src="data:image/jpeg;base64,{data}">'
    lasts = say("fino alla fine", "to the end")
    if one.ended_s is not None:
        lasts = say("fino a ", "until ") + clock_of(one.ended_s)
    return (
        f"<figure>{picture}<figcaption><b>{clock_of(one.at_s)}</b> {escape(words)}"
        f"<br><small>{escape(lasts)}</small></figcaption></figure>"
    )


def _line(found: Replayed, say: Say) -> str:
    """Return the plot: how much moved over time, and where alarms begin and end."""
    length_s = max(found.length_s, 1.0)
    scale = _WIDE / length_s
    columns = "".join(
        f'<rect class=moves x="{at * scale:.1f}" width="{max(scale, 0.5):.2f}"'
        f' y="{_HIGH * (1 - share**0.5):.1f}" height="{_HIGH * share**0.5:.1f}"/>'
        for at, share in _thinned(found.moving)
    )
    marks = "".join(
        f'<rect class=lasts x="{one.at_s * scale:.1f}" y="0" height="{_HIGH}"'
        f' width="{max((one.ended_s or length_s) - one.at_s, 0) * scale:.1f}"/>'
        f'<line class=raised x1="{one.at_s * scale:.1f}" x2="{one.at_s * scale:.1f}"'
        f' y1="0" y2="{_HIGH}"/>'
        for one in found.alarms
    )
    about = say(
        "Quanto si muoveva (radice della quota d’immagine, per secondo) e quando sarebbe scattato"
        " un allarme",
        "How much moved (root of the share of the picture, per second) and when an alarm would"
        " have been raised",
    )
    return (
        f'<figure><svg viewBox="0 0 {_WIDE} {_HIGH + 2}" role="img" aria-label="{escape(about)}">'
        f'{columns}{marks}<line class=axis x1="0" x2="{_WIDE}" y1="{_HIGH}" y2="{_HIGH}"/></svg>'
        f"<figcaption class=muted>{escape(about)}, 0:00:00 – {clock_of(found.length_s)}"
        "</figcaption></figure>"
    )


def _thinned(moving: Sequence[float]) -> list[tuple[int, float]]:
    """Return the seconds in which something moved, the largest of a few where there are many."""
    step = max(1, len(moving) // _WIDE)
    found = ((at, max(moving[at : at + step])) for at in range(0, len(moving), step))
    return [(at, share) for at, share in found if share > 0]
