# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Sign-ins as the console uses them, and the identity providers of the configuration."""

import ssl
from pathlib import Path

from gateway.access.identity import Accounts
from gateway.access.oidc import Oidc, OidcClient, Provider, client_key
from gateway.access.oidc_http import ProviderHttp
from gateway.access.oidc_keys import ProviderBook
from gateway.assembly.viewing import Viewing
from gateway.config.options import OidcLine, Options
from gateway.config.secrets import resolve
from gateway.model.errors import ConfigError
from gateway.runtime.clock import Clock

SIGNED_OUT = "signed-out"
"""Reason of a session whose viewer's sign-in ended."""
CALLBACK = "/api/oidc/callback"
FOLDER = "oidc"
"""Of the providers' keys, in the state directory."""


class Doors:
    """Sign-ins whose end also ends what is being looked at under them."""

    def __init__(self, accounts: Accounts, viewing: Viewing) -> None:
        self._accounts = accounts
        self._viewing = viewing
        self.sign_in = accounts.sign_in
        self.resolve = accounts.resolve
        self.resolve_enrolling = accounts.resolve_enrolling
        self.seen = accounts.seen
        self.by_certificate = accounts.by_certificate
        self.enrol = accounts.enrol
        self.confirm = accounts.confirm

    async def sign_out(self, token: str) -> None:
        """End a sign-in and its sessions, also those begun by token; harmless if there is none."""
        actor = self._accounts.resolve_enrolling(token)
        if actor is not None:
            for one in self._viewing.sessions():
                if one.grant.request.actor.session == actor.session:
                    await self._viewing.close(one.session, SIGNED_OUT)
            await self._viewing.leave_walls(actor.session, SIGNED_OUT)
        await self._accounts.sign_out(token)


def providers(options: Options, accounts: Accounts, clock: Clock, where: str) -> Oidc | None:
    """Return sign-in at the configured providers, None without any; ConfigError names the key.

    Nothing is asked of them yet: a provider that is away does not keep the box from starting.
    """
    if not options.oidc:
        return None
    folder = options.box.state_dir / FOLDER
    made = [_provider(one, options, (folder, clock), where) for one in options.oidc]
    return Oidc(made, accounts, clock)


def _provider(line: OidcLine, options: Options, kept: tuple[Path, Clock], where: str) -> Provider:
    key = f"oidc[{line.name}]"
    secret = _secret(line.client_secret, where, f"{key}.client_secret")
    pem = _secret(line.private_key, where, f"{key}.private_key")
    if pem:
        try:
            client_key(pem)
        except ValueError:
            advice = "store an RSA key of 2048 bits or more, or a P-256 key, as PEM"
            raise ConfigError(where, f"{key}.private_key", "is not usable", advice) from None
    try:
        http = ProviderHttp(line.issuer, line.hosts, line.ca)
    except (OSError, ssl.SSLError):
        raise ConfigError(where, f"{key}.ca", f"{line.ca}: cannot be read") from None
    client = OidcClient(
        name=line.name,
        title=line.title,
        issuer=line.issuer,
        client_id=line.client_id,
        redirect_uri=options.console.public_url + CALLBACK,
        secret=secret,
        private_key=pem,
        acr=line.acr,
        mfa=line.mfa,
    )
    folder, clock = kept
    file = folder / f"{line.name}.json"
    book = ProviderBook(line.issuer, http, clock, file, line.keep_hours * 3600.0)
    return Provider(client, book, http)


def _secret(reference: str, where: str, key: str) -> str:
    return resolve(reference, where=where, key=key) if reference else ""
