# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""An acceptance sheet as one printable page: A4, nothing loaded from anywhere, Italian first."""

import base64
from datetime import datetime
from html import escape
from importlib import resources

from gateway.ingest.acceptance import Mark, Row, Sheet
from gateway.model.time import ROME

STYLE = "sheet.css"
_SIGNS = {Mark.PASS: "✓", Mark.WARN: "!", Mark.FAIL: "✗"}
_WORDS = {
    Mark.PASS: ("conforme", "passed"),
    Mark.WARN: ("conforme con osservazioni", "passed with remarks"),
    Mark.FAIL: ("non conforme", "failed"),
}
_WIDE = 1600
"""Units of the drawing over the picture: its own width, whatever its pixels."""


def page(sheet: Sheet, jpeg: bytes) -> str:
    """Return the page as HTML; without a picture it says so."""
    style = resources.files("gateway.assembly").joinpath(STYLE).read_text("utf-8")
    style = style.partition("*/")[2]  # the licence's lines are for the file
    return f"""<!DOCTYPE html>
<html lang="it">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Collaudo {escape(sheet.camera)}</title>
<style>{style}</style>
</head>
<body>
<main>
{_head(sheet)}
{_facts(sheet)}
{_figure(sheet, jpeg)}
{_table(sheet)}
<section class="signatures">
<p>Data e luogo <span>Date and place</span></p>
<p>Installatore <span>Installer</span></p>
<p>Titolare <span>Controller</span></p>
</section>
<footer>Varco · {escape(sheet.form)} · {escape(sheet.edition)} · {escape(sheet.utc)}</footer>
</main>
</body>
</html>
"""


def _head(sheet: Sheet) -> str:
    """Return what is accepted and how it came out."""
    italian, english = _WORDS[sheet.mark]
    banner = '<p class="exercise">ESERCITAZIONE · EXERCISE</p>' if sheet.exercise else ""
    return f"""{banner}<header>
<div>
<p class="kind">Scheda di collaudo <span>Acceptance sheet</span></p>
<h1>{escape(sheet.name)}</h1>
<p class="place">{escape(sheet.site)} · {escape(sheet.controller)}</p>
</div>
<div class="verdict {sheet.mark.value}"><b>{_SIGNS[sheet.mark]}</b>
<p>{italian}<span>{english}</span></p></div>
</header>"""


def _table(sheet: Sheet) -> str:
    rows = "\n".join(_row(row) for row in sheet.rows)
    return f"""<table>
<thead><tr><th></th><th>Prova <span>Check</span></th><th>Misura <span>Measured</span></th>
<th>Motivo <span>Reason</span></th><th>Req.</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>"""


def _facts(sheet: Sheet) -> str:
    """Return the head's table: who, when, what."""
    when = datetime.fromisoformat(sheet.utc).astimezone(ROME).strftime("%d/%m/%Y %H:%M")
    pairs = (
        ("Telecamera", "Camera", sheet.camera),
        ("Data e ora", "Date and time", when),
        ("Installatore", "Installer", sheet.installer),
        ("Indirizzo", "Address", sheet.address),
        ("Apparato", "Device", sheet.maker or "–"),
        ("Gateway", "Gateway", sheet.box or "–"),
    )
    cells = "".join(
        f"<div><dt>{italian} <span>{english}</span></dt><dd>{escape(value)}</dd></div>"
        for italian, english, value in pairs
    )
    return f"<dl>{cells}</dl>"


def _figure(sheet: Sheet, jpeg: bytes) -> str:
    """Return the picture with a bar of one metre at the target over it."""
    if not jpeg:
        missing = "Nessuna immagine <span>No picture</span>"
        return f'<figure class="none"><p>{missing}</p></figure>'
    width, height = sheet.size_px if all(sheet.size_px) else (16, 9)
    tall = round(_WIDE * height / width)
    source = base64.b64encode(jpeg).decode()
    return f"""<figure>
<svg viewBox="0 0 {_WIDE} {tall}" role="img" aria-label="Inquadratura di collaudo">
<image href="data:image/jpeg;base64,{source}" width="{_WIDE}" height="{tall}"/>
{_scale(sheet, tall)}
</svg>
{_caption(sheet)}
</figure>"""


def _scale(sheet: Sheet, tall: int) -> str:
    """Return the bar; nothing where the scene's width is not known."""
    if sheet.target_width_m <= 0:
        return ""
    long = _WIDE / sheet.target_width_m
    metres = 1
    if long > _WIDE / 2:
        return ""  # a scene of less than two metres: the bar would hide it
    left, base = 48, tall - 56
    words = f"{metres} m = {sheet.density_px_m:.0f} px"
    wide = max(long, 21 * len(words)) + 48
    return f"""<g class="scale">
<rect x="{left - 24}" y="{base - 70}" width="{wide:.0f}" height="110" rx="8"/>
<path d="M{left} {base - 14}v28M{left} {base}h{long:.1f}M{left + long:.1f} {base - 14}v28"/>
<text x="{left}" y="{base - 28}">{words}</text>
</g>"""


def _caption(sheet: Sheet) -> str:
    if sheet.target_width_m <= 0:
        return (
            "<figcaption>Larghezza della scena al bersaglio non rilevata: nessuna scala "
            "<span>Width of the scene at the target not surveyed: no scale</span></figcaption>"
        )
    width, height = sheet.size_px
    return (
        f"<figcaption>{width} × {height} px su {sheet.target_width_m:g} m al bersaglio = "
        f"{sheet.density_px_m:.0f} px/m <span>{width} × {height} px over "
        f"{sheet.target_width_m:g} m at the target</span></figcaption>"
    )


def _row(row: Row) -> str:
    return (
        f'<tr class="{row.mark.value}"><td class="sign">{_SIGNS[row.mark]}</td>'
        f"<td>{escape(row.title_it)} <span>{escape(row.title_en)}</span></td>"
        f'<td class="value">{escape(row.value)}</td>'
        f"<td>{escape(row.reason_it)} <span>{escape(row.reason_en)}</span></td>"
        f'<td class="requirement">{escape(row.requirement)}</td></tr>'
    )
