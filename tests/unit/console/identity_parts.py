# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The small town with the product's own sign-ins, short tokens and a provider that obeys."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from argon2 import PasswordHasher

from gateway.access.identity import Accounts
from gateway.access.oidc import Begun, Finished, OidcProblem
from gateway.access.tokens import Tokens
from gateway.assembly.identity import Doors
from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from gateway.model.audit import LedgerReceipt
from gateway.model.errors import PeerError
from tests.ui.town import PASSWORD, Town
from tests.unit.console.conftest import Site, serving

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PHC = CHEAP.hash(PASSWORD)


@dataclass
class FakeOidc:
    """A provider whose answers a test sets."""

    accounts: Accounts
    names = (("comune", "Accesso del Comune"),)
    subject: str = ""
    problem: OidcProblem = OidcProblem.UNKNOWN
    away: bool = False
    seen: tuple[str, ...] = ()

    async def begin(self, name, next_):
        if self.away:
            raise PeerError("away")
        self.seen = (name, next_)
        return Begun("https://id.example/auth?x=1", "sealed") if name in {"", "comune"} else None

    async def finish(self, parameters, cookie, source_ip):
        self.seen = (parameters.get("state", ""), cookie, source_ip)
        made = await self.accounts.sign_in_by_provider(self.subject, "L2", source_ip)
        return Finished(made, None if made else self.problem, "/#/cameras")


class RealTown(Town):
    """Town with real identity."""

    def __init__(self):
        super().__init__()
        users = {
            name: replace(user, password_hash=PHC) for name, user in self.registry.users.items()
        }
        self.registry = replace(self.registry, users=users)
        self.real = Accounts(
            lambda: self.registry, self.clock, self, hasher=CHEAP, set_totp=self.set_totp
        )
        self.tokens = Tokens(self.clock, self, lambda: self.registry, self.real.is_signed_in)
        self.oidc = FakeOidc(self.real)

    async def append(self, event):
        return LedgerReceipt(self.ledger.append(event), "id", 0)

    async def set_totp(self, user, secret):
        self.change(user, totp_secret=secret)

    def change(self, user, **changes):
        """Change an account."""
        changed = replace(self.registry.users[user], **changes)
        self.registry = replace(self.registry, users=self.registry.users | {user: changed})

    def names(self):
        """Return the codes of the entries."""
        return [one.event.event for one in self.ledger.entries_now]

    def services(self):
        return replace(
            super().services(),
            accounts=Doors(self.real, self.media),
            tokens=self.tokens,
            oidc=self.oidc,
        )


@asynccontextmanager
async def real_site(town=None, tls=None):
    """Serve a town with real identity."""
    town = town or RealTown()
    bound = bind_tcp("127.0.0.1", 0)
    scheme = "https" if tls else "http"
    async with serving(build_app(town.services()), [bound], tls):
        yield Site(town, f"{scheme}://127.0.0.1:{bound.getsockname()[1]}")
