# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The exercise as the console sees it: scenes with a button, accounts with one click (A-33)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

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


class Exercise:
    """Scenes and accounts of a simulated town; exists only where everything is simulated."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: Mapping[str, str],
        cards: tuple[Sequence[SceneCard], Sequence[AccountCard]],
        triggers: Mapping[str, Callable[[], Awaitable[Outcome]]],
    ) -> None:
        """`passwords`: of this run, by account; `triggers`: what each scene's button does."""
        self._accounts = accounts
        self._passwords = passwords
        self.scenes, self.accounts = cards
        self._triggers = triggers

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
