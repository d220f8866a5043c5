# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Why somebody may look, or not: the questions of the policy with their answers, in order; pure."""

from dataclasses import dataclass

from gateway.access import policy
from gateway.access.policy import Asked, Look, Question
from gateway.access.sentences import Reason
from gateway.model.access import AccessRequest, Refusal, Verdict
from gateway.model.alarm import AlarmRecord
from gateway.model.registry import Registry
from gateway.model.time import Moment


@dataclass(frozen=True, slots=True)
class Step:
    """One question and its answer."""

    question: str
    """Stable code: camera, account, role, pause, site, purpose, case, emergency, owner, …"""
    ok: bool
    answer: str
    """`yes`, or the code of the refusal."""
    text_it: str
    text_en: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to a request and how it came about; nothing was opened or written."""

    verdict: Verdict
    steps: tuple[Step, ...]
    """Up to and with the first no."""


_YES = {
    "camera": ("La telecamera è nel registro.", "The camera is in the registry."),
    "account": (
        "L'utenza è attiva, con lo stesso ruolo.",
        "The account is active, with the same role.",
    ),
    "role": ("Il ruolo prevede questa operazione.", "The role has this operation."),
    "pause": (
        "Il titolare non ha sospeso la condivisione.",
        "The owner has not paused the sharing.",
    ),
    "site": ("Lo stato del sito lo consente.", "The state of the site allows it."),
    "purpose": (
        "La finalità è ammessa per ruolo e operazione.",
        "The purpose goes with role and action.",
    ),
    "case": ("Il riferimento del caso è in ordine.", "The case reference is in order."),
    "emergency": (
        "Nessun impedimento legato all'accesso in emergenza.",
        "No obstacle from emergency access.",
    ),
    "owner": (
        "La finalità è compatibile con il titolare.",
        "The purpose fits the controller.",
    ),
    "matrix": (
        "Una riga della matrice degli accessi lo prevede adesso.",
        "A line of the access matrix provides for it now.",
    ),
    "school": (
        "Nessuna limitazione di orario scolastico adesso.",
        "No limit from school hours now.",
    ),
    "shift": (
        "L'ordine di servizio è compatibile con il turno.",
        "The service order goes with the shift.",
    ),
    "plates": ("Nessun divieto di lettura targhe.", "No ban on reading plates."),
    "mask": (
        "Le maschere di riservatezza non lo impediscono.",
        "Privacy masks do not stand against it.",
    ),
    "assessment": (
        "La valutazione d'impatto, dove serve, è in ordine.",
        "The impact assessment, where needed, is in order.",
    ),
    "disclosure": (
        "L'atto consente di mostrarla in questo caso.",
        "The act lets it be shown in this case.",
    ),
}
_NO_ACT_NEEDED = ("Non serve un atto.", "No act is needed.")
_INNER = {
    Refusal.NO_DPIA: ("act", "assessment"),
    Refusal.TEXT_ONLY: ("act", "assessment", "disclosure"),
    Refusal.ONLY_ON_ALARM: ("act", "assessment", "disclosure"),
    Refusal.ALARM_CLOSED: ("act", "assessment", "disclosure"),
    Refusal.ONLY_ON_INCIDENT: ("act", "assessment", "disclosure"),
}
"""What the question of the act has passed, and at last failed, by its refusal."""


def explain(
    request: AccessRequest,
    registry: Registry,
    alarm: AlarmRecord | None,
    now: Moment,
    *,
    live_masked: bool = False,
    look: Look | None = None,
) -> Explanation:
    """Answer as `policy.decide` does, with every question that was asked on the way."""
    known = look or Look()
    view = policy.view_of(registry)
    asked = Asked(request, view, alarm, now, known, live_masked=live_masked)
    steps: list[Step] = []
    for name, question in policy.questions_about(request.action):
        told, refused = _ask(name, question, asked)
        steps += told
        if refused:
            break
    verdict = policy.decide(request, registry, alarm, now, live_masked=live_masked, look=known)
    return Explanation(verdict, tuple(steps))


def _ask(name: str, question: Question, asked: Asked) -> tuple[list[Step], bool]:
    reason = question(asked)
    if name == "act":
        return _about_the_act(asked, reason), reason is not None
    return [_no(name, reason) if reason is not None else _yes(name)], reason is not None


def _about_the_act(asked: Asked, reason: Reason | None) -> list[Step]:
    if reason is None:
        if asked.line is None:
            return [Step("act", ok=True, answer="yes", text_it=_NO_ACT_NEEDED[0],
                         text_en=_NO_ACT_NEEDED[1])]  # fmt: skip
        return [_by_act(asked), _yes("assessment"), _yes("disclosure")]
    *passed, failed = _INNER.get(reason.refusal, ("act",))
    told = [_in_force() if name == "act" else _yes(name) for name in passed]
    return [*told, _no(failed, reason)]


def _by_act(asked: Asked) -> Step:
    assert asked.line is not None  # noqa: S101 - asked by the caller
    number = asked.line.act.number
    return Step(
        "act", ok=True, answer="yes",
        text_it=f"Si fonda sull'accordo n. {number}.",
        text_en=f"It rests on agreement no. {number}.",
    )  # fmt: skip


def _in_force() -> Step:
    return Step(
        "act", ok=True, answer="yes",
        text_it="Un atto in vigore nomina telecamera e destinatario.",
        text_en="An act in force names the camera and the recipient.",
    )  # fmt: skip


def _yes(name: str) -> Step:
    italian, english = _YES[name]
    return Step(name, ok=True, answer="yes", text_it=italian, text_en=english)


def _no(name: str, reason: Reason) -> Step:
    return Step(
        name, ok=False, answer=reason.refusal.value, text_it=reason.text_it, text_en=reason.text_en
    )
