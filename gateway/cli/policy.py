# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco policy explain USER CAMERA ACTION`: why somebody may look, or not."""

from dataclasses import dataclass
from typing import Final

from gateway.cli.control_client import Control, ExplainReply
from gateway.cli.speech import Say

EXIT_REFUSED: Final = 1


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """What was typed."""

    user: str
    camera: str
    action: str
    purpose: str
    case: str


def explain(control: Control, request: ExplainRequest, say: Say) -> int:
    """Print each question with its answer; 0 allowed, 1 refused. Opens and writes nothing."""
    told = control.explain(
        {
            "user": request.user,
            "camera": request.camera,
            "action": request.action,
            "purpose": request.purpose,
            "case": request.case,
        }
    )
    for line in words(told, say):
        print(line)
    return 0 if told.allowed else EXIT_REFUSED


def words(told: ExplainReply, say: Say) -> list[str]:
    """Return an explanation for people, line by line."""
    lines = [
        f"{'✓' if step.ok else '✗'} {step.question}: {say(step.text_it, step.text_en)}"
        for step in told.steps
    ]
    if told.allowed:
        lines.append(say(f"CONSENTITO fino a {told.expires}", f"ALLOWED until {told.expires}"))
    else:
        lines.append(say(f"NEGATO ({told.refusal})", f"REFUSED ({told.refusal})"))
    lines.append(say(f"regole: versione {told.policy_version}", f"rules: {told.policy_version}"))
    return lines
