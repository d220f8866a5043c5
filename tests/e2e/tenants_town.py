# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two controllers and two rooms on one box, and people of every role on both sides."""

from gateway.access.identity import hash_password
from gateway.registry.seed import parse_seed
from gateway.registry.store import open_registry
from gateway.runtime.clock import SystemClock

PASSWORD = "frase-di-prova-12"
ROLES = (
    "ps.operator",
    "ps.supervisor",
    "pl.operator",
    "vigilanza.operator",
    "owner.private",
    "dpo",
    "auditor",
    "sysadmin",
    "installer",
    "machine",
)
IN_THE_HOUSE = ("owner.private", "dpo", "auditor", "sysadmin", "installer")
"""Roles of a controller; the others belong to its room or institute."""
MARK = "Segnavia"
"""Stands in every name of the second side; whoever of the first reads it has read too much."""

SIDE = """
[[controller]]
id = "{side}-casa"
name = "{mark} casa"
contact = "{mark}@example.invalid"
kind = "comune"
[[site]]
id = "{side}-sito"
name = "{mark} sito"
controller = "{side}-casa"
kind = "altro"
state = "attivo"
address = "{mark} via"
[[camera]]
id = "{side}-cam"
name = "{mark} telecamera"
site = "{side}-sito"
url = "{url}"
area = "privata"
latitude = 44.03
longitude = 10.13
[[zone]]
id = "{side}-zona"
name = "{mark} zona"
camera = "{side}-cam"
polygon = [[0.01, 0.01], [0.99, 0.01], [0.99, 0.99], [0.01, 0.99]]
[[device]]
id = "{side}-nvr"
name = "{mark} registratore"
site = "{side}-sito"
url = "http://127.0.0.1:9/onvif/device_service"
[[recipient]]
id = "{side}-sala"
name = "{mark} sala"
kind = "sala-operativa"
[[recipient]]
id = "{side}-istituto"
name = "{mark} istituto"
kind = "istituto-di-vigilanza"
[[act]]
id = "{side}-patto"
title = "{mark} patto"
number = "{mark}-7"
parties = ["{mark}"]
valid_from = 2026-01-01
valid_until = 2099-12-31
[[act.scope]]
cameras = ["{side}-cam"]
recipients = ["{side}-sala"]
analytics = ["intrusione"]
retention_before_s = 10.0
[[act.scope]]
cameras = ["{side}-cam"]
recipients = ["{side}-istituto"]
analytics = ["intrusione"]
disclosure = "solo-testo"
"""
USER = """
[[user]]
id = "{side}-{name}"
name = "{mark} {name}"
role = "{role}"
organisation = "{organisation}"
"""


def named(role):
    """Return how the account of a role is called."""
    return role.replace(".", "-")


def organisation(side, role):
    """Return where somebody of a role belongs."""
    if role in IN_THE_HOUSE:
        return f"{side}-casa"
    return f"{side}-istituto" if role == "vigilanza.operator" else f"{side}-sala"


def town(urls):
    """Return the seed of both sides; `urls` are of the first and the second camera."""
    text = ""
    for side, mark, url in (("a", "Nostra", urls[0]), ("b", MARK, urls[1])):
        text += SIDE.format(side=side, mark=mark, url=url)
        for role in ROLES:
            text += USER.format(
                side=side,
                mark=mark,
                name=named(role),
                role=role,
                organisation=organisation(side, role),
            )
    return text


def everybody(side):
    """Return the accounts of a side."""
    return [f"{side}-{named(role)}" for role in ROLES]


async def founded(state, seed, users, *entered):
    """Make the registry of a box before it starts, with one password for everybody.

    `entered`: pauses that stand from the beginning.
    """
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    hashed = hash_password(PASSWORD)
    async with open_registry(state / "registry.db", clock=SystemClock()) as store:
        await store.apply(parse_seed(seed, "seed.toml"), by="seed")
        for user in users:
            await store.set_password(user, hashed)
        for one in entered:
            await store.enter(one, by=one.by)
