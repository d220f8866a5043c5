# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The exercise as the console sees it: scenes with a button, accounts with one click (A-33)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gateway.access.identity import Accounts, SignIn


@dataclass(frozen=True, slots=True)
class SceneCard:
    """One scene of the exercise."""

    id: str
    title_it: str
    title_en: str
    text_it: str
    text_en: str


@dataclass(frozen=True, slots=True)
class AccountCard:
    """One account that opens with a click."""

    id: str
    text_it: str
    text_en: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scene tells once it was played; nothing where the pages show it by themselves."""

    text_it: str = ""
    text_en: str = ""
    details: str = ""
    """Words of a program, as it printed them."""
    entry: int = -1
    """Entry of the ledger that the scene is about; -1: none."""
    finds: int = -1
    """How often a search found what should be nowhere; -1: it is no search."""


@dataclass(frozen=True, slots=True)
class SceneState:
    """How a scene that takes its time stands."""

    enabled: bool = True
    """Its button does something now."""
    running: bool = False
    done: int = 0
    """Of `whole`, what has happened so far; both 0: it counts nothing."""
    whole: int = 0
    text_it: str = ""
    text_en: str = ""


class Exercise:
    """Scenes and accounts of a simulated town; exists only where everything is simulated."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: Mapping[str, str],
        cards: tuple[Sequence[SceneCard], Sequence[AccountCard]],
        triggers: Mapping[str, Callable[[], Awaitable[Outcome]]],
        states: Mapping[str, Callable[[], SceneState]] = MappingProxyType({}),
    ) -> None:
        """`passwords`: of this run, by account; `triggers`: what each scene's button does.

        `states`: how the scenes that take their time stand.
        """
        self._accounts = accounts
        self._passwords = passwords
        self.scenes, self.accounts = cards
        self._triggers = triggers
        self._states = states

    def state(self, scene: str) -> SceneState:
        """Return how a scene stands; most are ready at any time."""
        look = self._states.get(scene)
        return SceneState() if look is None else look()

    async def run(self, scene: str) -> Outcome | None:
        """Play a scene and return what it tells; None if there is none of that name."""
        trigger = self._triggers.get(scene)
        return None if trigger is None else await trigger()

    async def sign_in(self, account: str, source_ip: str) -> SignIn | None:
        """Sign in as one of the exercise's accounts; None for any other."""
        password = self._passwords.get(account)
        if password is None:
            return None
        return await self._accounts.sign_in(account, password, source_ip)
