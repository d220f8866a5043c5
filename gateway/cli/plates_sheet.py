# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What was read, to look at: a page of one file without scripts, or one picture with boxes."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np

from gateway.analytics.plates.find import Picture
from gateway.cli.plates_film import Seen
from gateway.cli.speech import Say

WIDE_PX = 640
"""Of a picture on the page, and of one in the drawing."""
CERTAIN, UNCERTAIN = (120, 200, 80), (60, 140, 255)
"""BGR."""
_STYLE = (
    "body{font:16px system-ui,sans-serif;margin:2rem;background:#10161c;color:#e6edf3}"
    "figure{margin:0;background:#18212a;border-radius:10px;padding:.8rem}"
    "img{max-width:100%;border-radius:6px;background:#000}.whole{width:100%}"
    ".crop{height:4rem;image-rendering:pixelated;display:block;margin:.5rem 0}"
    ".sheet{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(24rem,1fr))}"
    "b.text{font:600 1.6rem ui-monospace,monospace;letter-spacing:.1em}"
    ".yes{color:#7ee2a8}.no{color:#ffb27d}table{border-collapse:collapse;width:100%}"
    "th{text-align:left;font-weight:400;color:#a9bac8;padding-right:1rem}"
    "meter{width:1.2rem;height:.6rem}.muted{color:#a9bac8}"
)


def sheet(name: str, found: Sequence[Seen], say: Say) -> str:
    """Return the page as HTML; every text in it is escaped."""
    title = say(f"{name}: targhe", f"{name}: plates")
    lead = say(
        f"{len(found)} targhe. Nulla è stato conservato né segnalato.",
        f"{len(found)} plates. Nothing was kept, nobody was told.",
    )
    return (
        f'<!doctype html><html lang="{say("it", "en")}"><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>"
        f"<p>{escape(lead)}</p><div class=sheet>"
        f"{''.join(_figure(one, say) for one in found)}</div></html>\n"
    )


def _figure(one: Seen, say: Say) -> str:
    mark = "yes" if one.read.certain else "no"
    result = say("certa", "certain") if one.read.certain else say("incerta", "uncertain")
    when = (
        f" · {one.from_s:.1f}–{one.until_s or one.from_s:.1f} s" if one.from_s is not None else ""
    )
    signs = "".join(
        f'<meter value="{share:.3f}" title="{escape(sign)} {share:.0%}"></meter>'
        for sign, share in zip(one.read.text, one.read.signs, strict=False)
    )
    others = ", ".join(f"{other.text} {other.probability:.0%}" for other in one.read.alternatives)
    rows = (
        (say("primo lettore", "first reader"), one.first),
        (say("secondo lettore", "second reader"), one.second),
        (say("voto", "vote"), f"{one.read.text} ({one.read.confidence:.0%})"),
        (say("paese", "country"), one.read.country),
        (say("immagini", "pictures"), str(one.read.pictures)),
        (say("trovata con", "found with"), f"{one.score:.0%}"),
        (say("alternative", "alternatives"), others),
    )
    table = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v or '–')}</td></tr>" for k, v in rows)
    crop = cv2.resize(one.crop, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    return (
        f"<figure><img class=whole alt='' src='{_data(_framed([one]))}'>"
        f"<img class=crop alt='' src='{_data(np.asarray(crop, np.uint8))}'>"
        f"<figcaption><b class=text>{escape(one.read.text or '–')}</b> "
        f"<b class={mark}>{escape(result)}</b><span class=muted>{escape(when)}</span>"
        f"<div>{signs}</div><table>{table}</table></figcaption></figure>"
    )


def drawn(found: Sequence[Seen]) -> bytes:
    """Return one PNG: each picture once, with the boxes of its plates and what was read there."""
    rows: list[Picture] = []
    for number, one in enumerate(found):
        if any(one.picture is other.picture for other in found[:number]):
            continue
        rows.append(_framed([other for other in found if other.picture is one.picture]))
    if not rows:
        rows = [np.zeros((WIDE_PX // 4, WIDE_PX, 3), np.uint8)]
    _, data = cv2.imencode(".png", np.vstack(rows))
    return bytes(data)


def _framed(found: Sequence[Seen]) -> Picture:
    """Return their picture, WIDE_PX wide, with a box and a line of text for each."""
    picture = found[0].picture
    scale = WIDE_PX / picture.shape[1]
    size = WIDE_PX, max(1, round(picture.shape[0] * scale))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    if small.ndim == 2:  # noqa: PLR2004 - gray
        small = np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), np.uint8)
    for one in found:
        colour = CERTAIN if one.read.certain else UNCERTAIN
        left, top, right, bottom = (round(side * scale) for side in one.box)
        cv2.rectangle(small, (left - 2, top - 2), (right + 2, bottom + 2), colour, 2)
        text = f"{one.read.text} {one.read.confidence:.0%}"
        place = max(2, left), max(16, top - 8)
        cv2.putText(small, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 4)
        cv2.putText(small, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, 1, cv2.LINE_AA)
    return small


def _data(picture: Picture) -> str:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
    return f"data:image/jpeg;base64,{b64encode(bytes(data)).decode()}"
