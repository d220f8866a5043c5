# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Training (A-33): scenes with a button and accounts with one click. Simulator only."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from gateway.console.identity import TheActor, TheServices, source_ip
from gateway.console.problem import ProblemError, responses
from gateway.console.services import Exercise, SceneCard, SceneState, Services
from gateway.console.session import session_view, set_cookie
from gateway.console.views import (
    ExerciseAccountView,
    ExerciseSceneView,
    ExerciseView,
    SceneOutcomeView,
    SessionView,
    organisation_name,
)
from gateway.console.words import Fault, Language, language_of


def _exercise(services: Services) -> Exercise:
    if services.exercise is None or not services.box.exercise:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    return services.exercise


async def cards(request: Request, services: TheServices) -> ExerciseView:
    """Return scenes and accounts in the language of the request."""
    exercise = _exercise(services)
    italian = language_of(request, Language(services.box.language)) is Language.IT
    registry = services.registry()
    accounts = []
    for card in exercise.accounts:
        user = registry.users.get(card.id)
        accounts.append(
            ExerciseAccountView(
                id=card.id,
                name=user.name if user else card.id,
                organisation_name=organisation_name(registry, user.organisation) if user else "",
                text=card.text_it if italian else card.text_en,
            )
        )
    scenes = [_scene(card, exercise.state(card.id), italian=italian) for card in exercise.scenes]
    return ExerciseView(scenes=scenes, accounts=accounts)


def _scene(card: SceneCard, state: SceneState, *, italian: bool) -> ExerciseSceneView:
    return ExerciseSceneView(
        id=card.id,
        title=card.title_it if italian else card.title_en,
        text=card.text_it if italian else card.text_en,
        enabled=state.enabled,
        running=state.running,
        done=state.done,
        whole=state.whole,
        state=state.text_it if italian else state.text_en,
    )


async def play(
    scene: str, request: Request, _actor: TheActor, services: TheServices
) -> SceneOutcomeView:
    """Play a scene and return what it tells, if it tells anything."""
    outcome = await _exercise(services).run(scene)
    if outcome is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    italian = language_of(request, Language(services.box.language)) is Language.IT
    return SceneOutcomeView(
        text=outcome.text_it if italian else outcome.text_en,
        details=outcome.details,
        entry=outcome.entry,
        finds=outcome.finds,
    )


async def enter(
    account: str, request: Request, response: Response, services: TheServices
) -> SessionView:
    """Sign in as one of the exercise's accounts, without typing."""
    made = await _exercise(services).sign_in(account, source_ip(request))
    if made is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Fault.NOT_FOUND)
    set_cookie(request, response, made.token)
    return session_view(services, made)


def routes() -> APIRouter:
    """Return the routes of this file."""
    router = APIRouter(prefix="/api/exercise", tags=["exercise"])
    router.add_api_route("", cards, methods=["GET"], responses=responses(404))
    router.add_api_route(
        "/scenes/{scene}",
        play,
        methods=["POST"],
        responses=responses(401, 404),
    )
    router.add_api_route(
        "/sessions/{account}",
        enter,
        methods=["POST"],
        status_code=HTTPStatus.CREATED,
        responses=responses(403, 404),
    )
    return router
