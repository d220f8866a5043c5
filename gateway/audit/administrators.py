# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The yearly check of administrators (B-06, Garante 27/11/2008): what each did, who did nothing.

Administrators are accounts that configure or maintain, and whoever used the control socket.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from gateway.audit import wording
from gateway.audit.entry import LedgerEntry
from gateway.audit.plots import columns
from gateway.audit.report import Cover, Proof, counted, head, number, page
from gateway.model.registry import Registry, Role

ROLES = frozenset({Role.SYSADMIN, Role.INSTALLER})
LOCAL = frozenset({"peercred", "control-socket", "offline"})
"""Ways in that need no account of ours: the machine's own administrators."""
_CHANGES = ("config.", "user.", "camera.", "mask.", "legalbasis.", "policy.", "site.", "mfa.")
_MONTHS = ("gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic")
MOST_ADMINISTRATORS = 500


@dataclass
class Doings:
    """What one administrator did in the year."""

    role: str = ""
    sign_ins: int = 0
    failures: int = 0
    changes: int = 0
    refused: int = 0
    locally: int = 0
    """Entries that came over the control socket."""
    last_us: int = 0
    codes: Counter[str] = field(default_factory=Counter)


def report(
    entries: Iterable[LedgerEntry], registry: Registry, cover: Cover, proof: Proof, year: int
) -> str:
    """Return the page as HTML; entries of other years do not count."""
    doings = {
        one.id: Doings(role=one.role.value) for one in registry.users.values() if one.role in ROLES
    }
    months: Counter[int] = Counter()
    for entry in entries:
        when = wording.moment(entry.utc_us)
        if when.year == year and _is_administration(entry, doings):
            months[when.month] += 1
            _add(doings, entry)
    idle = sorted(name for name, one in doings.items() if not one.last_us)
    badge = (
        f'<p class="badge warn"><b>{counted(len(idle), "inattivo", "inattivi")}</b>'
        "<span>utenze di amministratore mai usate nell'anno</span></p>"
        if idle
        else '<p class="badge good"><b>✓ Tutte usate</b><span>nessuna utenza inattiva</span></p>'
    )
    plot = columns([(name, months[at]) for at, name in enumerate(_MONTHS, 1)], "Voci per mese")
    parts = [
        head(f"Amministratori di sistema, {year}", cover, badge),
        f'<p class="summary">{counted(len(doings), "amministratore", "amministratori")}, '
        f"{counted(months.total(), 'voce', 'voci')} nell'anno.</p>",
        f'<section class="plots"><figure class="wide">{plot}'
        "<figcaption>Voci per mese</figcaption></figure></section>",
        _table(doings, registry),
        _idle(idle, registry),
        _closing(proof),
    ]
    return page(f"Amministratori {year} · {cover.box}", parts, cover)


def _is_administration(entry: LedgerEntry, doings: dict[str, Doings]) -> bool:
    event = entry.event
    known = event.actor_id in doings or event.role in {one.value for one in ROLES}
    return known or event.auth_method in LOCAL or event.channel in LOCAL


def _add(doings: dict[str, Doings], entry: LedgerEntry) -> None:
    event = entry.event
    name = event.actor_id or ("(cancellato)" if entry.erased else "(servizio)")
    if name not in doings and len(doings) >= MOST_ADMINISTRATORS:
        name = "(altri)"
    one = doings.setdefault(name, Doings(role=event.role))
    one.last_us = max(one.last_us, entry.utc_us)
    one.sign_ins += event.event == "auth.login"
    one.failures += event.event in ("auth.fail", "auth.lock", "mfa.fail")
    one.changes += event.event.startswith(_CHANGES) and event.result == "ok"
    one.refused += event.result == "denied"
    one.locally += event.auth_method in LOCAL or event.channel in LOCAL
    one.codes[event.event] += 1


def _table(doings: dict[str, Doings], registry: Registry) -> str:
    used = sorted((item for item in doings.items() if item[1].last_us), key=_busiest)
    rows = "".join(_row(name, one, registry) for name, one in used)
    if not rows:
        return "<h2>Che cosa hanno fatto</h2><p>Nessuna voce nell'anno.</p>"
    return f"""<h2>Che cosa hanno fatto</h2>
<table><caption>Accessi e modifiche di ciascuno</caption><thead><tr><th scope="col">Chi</th>
<th scope="col">Accessi</th><th scope="col">Falliti</th><th scope="col">Modifiche</th>
<th scope="col">Negate</th><th scope="col">Dal socket</th><th scope="col">Ultima volta</th>
<th scope="col">Che cosa</th></tr></thead><tbody>{rows}</tbody></table>"""


def _busiest(item: tuple[str, Doings]) -> tuple[int, str]:
    return -item[1].codes.total(), item[0]


def _row(name: str, one: Doings, registry: Registry) -> str:
    user = registry.users.get(name)
    shown = f"{user.name} ({name})" if user else name
    done = ", ".join(
        f"{wording.event_words(code)} {number(many)}" for code, many in one.codes.most_common(6)
    )
    figures = (one.sign_ins, one.failures, one.changes, one.refused, one.locally)
    cells = "".join(f'<td class="n">{number(value)}</td>' for value in figures)
    return (
        f"<tr><td><b>{escape(shown)}</b><small>{escape(wording.ROLES.get(one.role, one.role))}"
        f"</small></td>{cells}<td><time>{wording.moment(one.last_us).strftime('%d/%m/%Y')}</time></td>"
        f"<td>{escape(done)}</td></tr>"
    )


def _idle(idle: list[str], registry: Registry) -> str:
    if not idle:
        return ""
    names = (registry.users[one] for one in idle if one in registry.users)
    rows = "".join(
        f"<li><b>{escape(one.name)}</b> ({escape(one.id)}): "
        f"{'attiva, da disattivare se non serve' if one.enabled else 'già disattivata'}</li>"
        for one in names
    )
    return f"<h2>Mai usate nell'anno</h2><ul>{rows}</ul>"


def _closing(proof: Proof) -> str:
    state = "integro" if proof.ok else "ALTERATO"
    return f"""<section class="proved"><h2>Su che cosa si fonda</h2>
<div><p>Il registro intero ({number(proof.size)} voci) è stato verificato alla redazione: {state}.
Radice: <code>{escape(proof.root)}</code></p></div>
<div><p>Non si vede qui chi ha agito sul sistema operativo senza passare da Varco.</p></div>
</section>"""
