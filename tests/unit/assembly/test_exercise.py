# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from dataclasses import replace

import pytest

from gateway.access.identity import Accounts
from gateway.assembly.exercise import AccountCard, Exercise, Outcome, SceneCard
from gateway.model.registry import Role, User
from tests.fakes import FakeClock
from tests.unit.access.town import registry

PASSWORD = "una-password-di-prova"


class Notes:
    """A ledger that remembers."""

    def __init__(self):
        self.events = []

    async def append(self, event):
        self.events.append(event)


def made(triggers):
    accounts = Accounts(registry, FakeClock(), Notes())
    hashed = accounts.hash_password(PASSWORD)
    user = User("operatore", "Operatore", Role.PL_OPERATOR, "sala-pl", hashed)
    known = replace(registry(), users={"operatore": user, "altro": replace(user, id="altro")})
    accounts = Accounts(lambda: known, FakeClock(), Notes())
    cards = ((SceneCard("s", "t", "t", "x", "x"),), (AccountCard("operatore", "o", "o"),))
    return Exercise(accounts, {"operatore": PASSWORD}, cards, triggers)


async def test_a_button_starts_its_scene_and_no_other():
    """Unknown scenes are told apart from started ones; what a scene tells comes back."""
    started = []

    def scene(name):
        async def play():
            started.append(name)
            return Outcome(name)

        return play

    exercise = made({"s": scene("s"), "z": scene("z")})
    assert await exercise.run("s") == Outcome("s")
    assert await exercise.run("missing") is None
    assert started == ["s"]


@pytest.mark.parametrize("account", ["altro", "nessuno", ""])
async def test_one_click_opens_only_the_accounts_of_the_exercise(account):
    """Another local account needs its password, also in an exercise."""
    assert await made({}).sign_in(account, "127.0.0.1") is None


async def test_one_click_signs_in_like_anybody():
    """The result is an ordinary sign-in of that account."""
    signed = await made({}).sign_in("operatore", "127.0.0.1")
    assert signed.actor.id == "operatore"
    assert signed.actor.role is Role.PL_OPERATOR
