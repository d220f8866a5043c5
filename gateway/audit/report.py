# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The log as a page that a data protection officer reads and prints: A4, Italian, no scripts.

Who looked at which camera, when, why, on which legal basis; what was refused; what was out of the
ordinary; what is proved and what is not. Nothing is loaded from anywhere.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from html import escape
from importlib import resources

from gateway.audit import wording
from gateway.audit.entry import LedgerEntry
from gateway.audit.plots import bars, columns
from gateway.model.access import BREAK_GLASS
from gateway.model.registry import Registry

STYLE = "report.css"
LOOKS = ("live.open", "live.snapshot", "playback.open", "recorded.open")
"""Entries that begin a look at pictures."""
MOST_ROWS = 4_000
"""Looks listed one by one, the newest; all count in the totals. More is a matter for the table."""
MOST_LISTED = 500
"""Refusals, and other notable entries, listed one by one."""
MOST_DAYS = 400
"""Columns of the plot by day; a longer span is shown by month."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known about the log at the moment of the report."""

    ok: bool
    size: int
    root: str
    """Hexadecimal."""
    problem: str = ""
    """First thing that is wrong."""
    vouched: tuple[str, ...] = ()
    """Who outside vouches for the log, and up to which entry; in Italian."""


@dataclass(frozen=True, slots=True)
class Cover:
    """Who asks for a report, about what."""

    box: str
    scope: str
    """Whose entries: a controller's name; empty for all."""
    asked_by: str
    aim: str
    """Code of the lawful aim."""
    made: datetime
    period: str
    filters: tuple[tuple[str, str], ...] = ()
    """Italian name and value."""
    exercise: bool = False


@dataclass
class Gathered:
    """What the entries add up to; filled in one pass."""

    entries: int = 0
    first_us: int = 0
    last_us: int = 0
    looks: dict[tuple[str, str], list[LedgerEntry]] = field(default_factory=dict)
    """By controller and camera, in their order."""
    closings: dict[int, LedgerEntry] = field(default_factory=dict)
    """By the entry that they close."""
    count: int = 0
    """Looks."""
    listed: int = 0
    refused: list[LedgerEntry] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    flagged: list[LedgerEntry] = field(default_factory=list)
    days: Counter[date] = field(default_factory=Counter)
    purposes: Counter[str] = field(default_factory=Counter)
    organisations: Counter[str] = field(default_factory=Counter)
    people: set[str] = field(default_factory=set)
    watched_ms: int = 0
    others: Counter[str] = field(default_factory=Counter)
    erased: int = 0

    def add(self, entry: LedgerEntry) -> None:
        """Count one entry in."""
        event = entry.event
        self.entries += 1
        self.first_us = self.first_us or entry.utc_us
        self.last_us = max(self.last_us, entry.utc_us)
        self.erased += bool(entry.erased)
        if event.result == "denied":
            self.refusals[event.error] += 1
            self._list(self.refused, entry)
        elif event.event in LOOKS:
            self._look(entry)
        elif event.closes >= 0 and event.event.endswith(".close"):
            self.closings[event.closes] = entry
            self.watched_ms += event.duration_ms
        else:
            self.others[event.event] += 1
        if event.flags or event.event == "breakglass.use":
            self._list(self.flagged, entry)

    def _look(self, entry: LedgerEntry) -> None:
        event = entry.event
        self.count += 1
        self.days[wording.moment(entry.utc_us).date()] += 1
        self.purposes[event.purpose_code] += 1
        self.organisations[event.org] += 1
        if event.actor_id:
            self.people.add(event.actor_id)
        where = self.looks.setdefault((event.controller, event.object_id), [])
        where.append(entry)
        self.listed += 1
        if self.listed > MOST_ROWS:
            oldest = min((rows for rows in self.looks.values() if rows), key=lambda one: one[0].seq)
            oldest.pop(0)
            self.listed -= 1

    @staticmethod
    def _list(onto: list[LedgerEntry], entry: LedgerEntry) -> None:
        onto.append(entry)
        if len(onto) > MOST_LISTED:
            onto.pop(0)


def gather(entries: Iterable[LedgerEntry]) -> Gathered:
    """Return what entries add up to."""
    gathered = Gathered()
    for entry in entries:
        gathered.add(entry)
    return gathered


def report(entries: Iterable[LedgerEntry], registry: Registry, cover: Cover, proof: Proof) -> str:
    """Return the page as HTML."""
    found = gather(entries)
    parts = [
        _head(cover, found, proof),
        _tiles(found),
        _plots(found, registry),
        _flagged(found, registry),
        _refused(found, registry),
        _looks(found, registry),
        _others(found),
        _proved(proof, found),
    ]
    return page(f"Registro degli accessi · {cover.box}", parts, cover)


def page(title: str, parts: Iterable[str], cover: Cover) -> str:
    """Return a whole page around its parts."""
    style = resources.files("gateway.audit").joinpath(STYLE).read_text("utf-8")
    style = style.partition("*/")[2]  # the licence's lines are for the file
    body = "\n".join(part for part in parts if part)
    return f"""<!DOCTYPE html>
<html lang="it">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
{'<p class="exercise">ESERCITAZIONE</p>' if cover.exercise else ""}
<main>
{body}
</main>
<footer>
<p>Varco · {escape(cover.box)} · relazione del {cover.made.strftime("%d/%m/%Y %H:%M")} ·
contiene dati personali: chi la riceve ne risponde</p>
</footer>
</body>
</html>
"""


def head(kind: str, cover: Cover, badge: str) -> str:
    """Return title, facts and a badge."""
    facts = [
        ("Periodo", cover.period),
        ("Voci di", cover.scope or "tutti i titolari"),
        ("Richiesta da", cover.asked_by),
        ("Scopo della lettura", wording.PURPOSES.get(cover.aim, cover.aim)),
        ("Gateway", cover.box),
        ("Redatta", cover.made.strftime("%d/%m/%Y, %H:%M")),
        *cover.filters,
    ]
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value) or '–'}</dd></div>"
        for name, value in facts
    )
    return f"""<header>
<div><p class="kind">Relazione per il responsabile della protezione dei dati</p>
<h1>{escape(kind)}</h1></div>
{badge}
</header>
<dl class="facts">{cells}</dl>"""


def _head(cover: Cover, found: Gathered, proof: Proof) -> str:
    if proof.ok:
        badge = f"""<p class="badge good"><b>✓ Registro integro</b>
<span>{number(proof.size)} voci verificate ora</span></p>"""
    else:
        badge = f"""<p class="badge bad"><b>✗ Registro alterato</b>
<span>{escape(proof.problem)}</span></p>"""
    summary = (
        "Nessuna visione nel periodo."
        if not found.count
        else f"Nel periodo {counted(found.count, 'visione', 'visioni')} di "
        f"{counted(len(found.looks), 'telecamera', 'telecamere')}, da parte di "
        f"{counted(len(found.people), 'persona', 'persone')} di "
        f"{counted(len(found.organisations), 'organizzazione', 'organizzazioni')}."
    )
    return head("Registro degli accessi", cover, badge) + f'\n<p class="summary">{summary}</p>'


def _tiles(found: Gathered) -> str:
    glass = sum(1 for one in found.flagged if is_break_glass(one))
    tiles = (
        ("Visioni", number(found.count), ""),
        ("Tempo guardato", wording.duration(found.watched_ms), ""),
        ("Persone", number(len(found.people)), ""),
        ("Negate", number(found.refusals.total()), "warn" if found.refusals else ""),
        ("In emergenza", number(glass), "bad" if glass else ""),
    )
    cells = "".join(
        f'<li class="{kind}"><b>{value}</b><span>{name}</span></li>' for name, value, kind in tiles
    )
    return f'<ul class="tiles">{cells}</ul>'


def _plots(found: Gathered, registry: Registry) -> str:
    if not found.count:
        return ""
    purposes = [
        (wording.PURPOSES.get(code, code) or "senza scopo", many)
        for code, many in found.purposes.most_common(8)
    ]
    whose = [
        (wording.organisation(registry, code) or "–", many)
        for code, many in found.organisations.most_common(8)
    ]
    by_month = (max(found.days) - min(found.days)).days > MOST_DAYS
    title = "Visioni per mese" if by_month else "Visioni per giorno"
    return f"""<section class="plots" aria-label="Grafici">
<figure class="wide">{columns(_by_time(found.days, by_month=by_month), title)}
<figcaption>{title}</figcaption></figure>
<figure>{bars(purposes, "Visioni per scopo")}<figcaption>Visioni per scopo</figcaption></figure>
<figure>{bars(whose, "Visioni per organizzazione")}
<figcaption>Visioni per organizzazione</figcaption></figure>
</section>"""


def _by_time(days: Counter[date], *, by_month: bool) -> list[tuple[str, int]]:
    """Return every day, or month, from first to last, with how many."""
    first, last = min(days), max(days)
    found: dict[str, int] = {}
    for ahead in range((last - first).days + 1):
        day = first + timedelta(days=ahead)
        name = day.strftime("%m/%Y" if by_month else "%d/%m")
        key = day.strftime("%Y%m") if by_month else day.isoformat()
        found[f"{key} {name}"] = found.get(f"{key} {name}", 0) + days[day]
    return [(name.partition(" ")[2], many) for name, many in found.items()]


def is_break_glass(entry: LedgerEntry) -> bool:
    """Return whether somebody looked without an act, in an emergency."""
    return BREAK_GLASS in entry.event.flags.split(",") and entry.event.event in LOOKS


def _flagged(found: Gathered, registry: Registry) -> str:
    rows = [
        f"<tr><td>{_when(one)}</td><td>{_who(one, registry)}</td>"
        f"<td>{escape(wording.camera(registry, one.event.object_id))}</td>"
        f"<td>{escape(wording.flags(one.event.flags) or wording.event_words(one.event.event))}</td>"
        f"<td>{_text(one, 'reason_text')}{_second(one)}</td></tr>"
        for one in found.flagged
        if one.event.event not in ("live.close", "playback.close", "breakglass.use")
    ]
    if not rows:
        return (
            "<h2>Fuori dall'ordinario</h2>\n<p>Nessun accesso in emergenza o fuori dagli atti.</p>"
        )
    return f"""<h2>Fuori dall'ordinario</h2>
<table><caption>Accessi in emergenza, dopo la scadenza dell'atto o non riconfermati</caption>
<thead><tr><th scope="col">Quando</th><th scope="col">Chi</th><th scope="col">Che cosa</th>
<th scope="col">Perché è segnalato</th><th scope="col">Motivo dichiarato</th></tr></thead>
<tbody>{"".join(rows)}</tbody></table>"""


def _refused(found: Gathered, registry: Registry) -> str:
    if not found.refusals:
        return "<h2>Richieste negate</h2>\n<p>Nessuna richiesta negata.</p>"
    reasons = ", ".join(
        f"{escape(wording.refusal(code) or 'altro')} ({number(many)})"
        for code, many in found.refusals.most_common(12)
    )
    rows = "".join(
        f"<tr><td>{_when(one)}</td><td>{_who(one, registry)}</td>"
        f"<td>{escape(_what(one, registry))}</td><td>{_why(one)}</td>"
        f"<td>{escape(wording.refusal(one.event.error))}</td></tr>"
        for one in found.refused
    )
    return f"""<h2>Richieste negate</h2>
<p>{reasons}.{_shortened(found.refusals.total(), len(found.refused))}</p>
<table><caption>Le richieste negate, una per riga</caption>
<thead><tr><th scope="col">Quando</th><th scope="col">Chi</th><th scope="col">Che cosa</th>
<th scope="col">Perché</th><th scope="col">Motivo del diniego</th></tr></thead>
<tbody>{rows}</tbody></table>"""


def _looks(found: Gathered, registry: Registry) -> str:
    """Return the looks, by controller and then by camera."""
    if not found.count:
        return ""
    sections = [f"<h2>Visioni</h2>{_shortened(found.count, found.listed)}"]
    names = {key: wording.organisation(registry, key[0]) for key in found.looks}
    previous = None
    for key in sorted(found.looks, key=lambda one: (names[one], one)):
        rows = found.looks[key]
        if not rows:
            continue
        if names[key] != previous:
            sections.append(f"<h3>{escape(names[key] or 'Senza titolare')}</h3>")
            previous = names[key]
        body = "".join(_look_row(one, found, registry) for one in rows)
        caption = escape(wording.camera(registry, key[1]))
        sections.append(f"""<table class="looks">
<caption>{caption} <span>{counted(len(rows), "visione", "visioni")}</span></caption>
<thead><tr><th scope="col">N.</th><th scope="col">Quando</th><th scope="col">Chi</th>
<th scope="col">Perché</th><th scope="col">Base giuridica</th>
<th scope="col">Durata</th></tr></thead>
<tbody>{body}</tbody></table>""")
    return "\n".join(sections)


def _look_row(entry: LedgerEntry, found: Gathered, registry: Registry) -> str:
    event, closing = entry.event, found.closings.get(entry.seq)
    if closing is not None:
        lasted = wording.duration(closing.event.duration_ms)
    else:
        lasted = "un'immagine" if event.event == "live.snapshot" else "aperta"
    marks = wording.flags(event.flags)
    marked = f'<em class="mark">{escape(marks)}</em>' if marks else ""
    basis = escape(wording.act(registry, event.legal_basis_id)) or "–"
    return (
        f'<tr{" class=flagged" if marks else ""}><td class="n">{entry.seq}</td>'
        f"<td>{_when(entry)}</td><td>{_who(entry, registry)}</td>"
        f"<td>{_why(entry)}{marked}</td><td>{basis}</td><td>{lasted}</td></tr>"
    )


def _others(found: Gathered) -> str:
    if not found.others:
        return ""
    rows = "".join(
        f"<tr><td>{escape(wording.event_words(code))}</td><td><code>{escape(code)}</code></td>"
        f'<td class="n">{number(many)}</td></tr>'
        for code, many in found.others.most_common()
    )
    return f"""<h2>Altre voci</h2>
<table class="narrow"><caption>Quante voci di ciascun tipo</caption><thead><tr>
<th scope="col">Che cosa</th><th scope="col">Codice</th><th scope="col">Voci</th></tr></thead>
<tbody>{rows}</tbody></table>"""


def _proved(proof: Proof, found: Gathered) -> str:
    vouched = "".join(f"<li>{escape(one)}</li>" for one in proof.vouched)
    outside = (
        f"<p>Garantiscono da fuori:</p><ul>{vouched}</ul>"
        if vouched
        else "<p><strong>Nessun altro garantisce ancora questo registro</strong>: chi ne possiede "
        "la chiave potrebbe riscriverlo.</p>"
    )
    erased = (
        f"<li>I dati personali di {counted(found.erased, 'voce', 'voci')}, cancellati: "
        "ne resta l'impronta.</li>"
        if found.erased
        else ""
    )
    verdict = "nessuna voce cambiata, spostata, aggiunta o tolta."
    if not proof.ok:
        verdict = "<strong>è alterato.</strong>"
    return f"""<section class="proved">
<h2>Che cosa è provato, e che cosa no</h2>
<div><h3>Provato</h3>
<ul><li>Alla redazione il registro intero ({number(proof.size)} voci) è stato verificato:
{verdict}</li>
<li>Radice dell'albero: <code>{escape(proof.root)}</code></li></ul>
{outside}</div>
<div><h3>Non provato</h3>
<ul><li>Questa pagina da sola: per la prova si chieda l'esportazione <em>jsonl</em>, che si verifica
senza Varco con <code>varco_verify.py</code>.</li>
<li>Ciò che non è passato dal gateway, o è accaduto dopo l'ultimo checkpoint tenuto da altri.</li>
<li>Chi sedeva davanti allo schermo: la voce nomina l'utenza.</li>{erased}</ul></div>
</section>"""


def _shortened(total: int, listed: int) -> str:
    if listed >= total:
        return ""
    return (
        f'<p class="note">Sono elencate le ultime {number(listed)} di {number(total)}; i totali le '
        "contano tutte. L'elenco completo è nell'esportazione <em>csv</em>.</p>"
    )


def _when(entry: LedgerEntry) -> str:
    when = wording.moment(entry.utc_us)
    return f'<time datetime="{when.isoformat()}">{when.strftime("%d/%m/%Y %H:%M:%S")}</time>'


def _who(entry: LedgerEntry, registry: Registry) -> str:
    event = entry.event
    role = wording.ROLES.get(event.role, event.role)
    where = wording.organisation(registry, event.org)
    beside = ", ".join(one for one in (role, where) if one)
    return f"<b>{_text(entry, 'actor_id')}</b><small>{escape(beside)}</small>"


def _why(entry: LedgerEntry) -> str:
    event = entry.event
    purpose = wording.PURPOSES.get(event.purpose_code, event.purpose_code)
    case = _text(entry, "case_ref")
    reason = _text(entry, "reason_text")
    beside = " · ".join(one for one in (case, reason) if one)
    return f"{escape(purpose) or '–'}<small>{beside}</small>{_second(entry)}"


def _second(entry: LedgerEntry) -> str:
    second = _text(entry, "delegated_by")
    return f"<small>con {second}</small>" if second else ""


def _what(entry: LedgerEntry, registry: Registry) -> str:
    event = entry.event
    name = wording.camera(registry, event.object_id) if event.object_id else ""
    action = wording.event_words(event.event).partition(":")[0]
    return f"{name} ({action})" if name else action


def _text(entry: LedgerEntry, name: str) -> str:
    """Return a personal value for the page, or that it was erased."""
    value = str(getattr(entry.event, name))
    return escape(value) or ('<i class="erased">cancellato</i>' if name in entry.erased else "")


def number(value: int) -> str:
    """Return a whole number as Italians write it."""
    return f"{value:,}".replace(",", ".")


def counted(many: int, one: str, more: str) -> str:
    """Return how many of what."""
    return f"{number(many)} {one if many == 1 else more}"
