# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The town's pharmacy with three cameras, a hold-up channel, a room and a monitoring centre."""

from dataclasses import replace

from gateway.model.registry import (
    ActScope,
    AreaKind,
    Camera,
    Disclosure,
    Holdup,
    Recipient,
    RecipientKind,
    Trigger,
)
from tests.unit.access.town import SHOP_ACT, SQUARE_ACT, registry

SHOP = ("banco", "ingresso", "magazzino")
SCOPES = (
    ActScope(SHOP, ("sala-pl", "questura"), (), Disclosure.ON_ALARM, 30.0),
    ActScope(SHOP, ("centrale",), (), Disclosure.TEXT_ONLY),
)
ACT = replace(SHOP_ACT, scopes=SCOPES)
HOLDUP = Holdup(
    "rapina-farmacia", "Antirapina", "negozio", SHOP, ("sala-pl",), contacts=("uscita",)
)
VERIFIED = replace(HOLDUP, verify="centrale")


def shop(holdup=HOLDUP, act=ACT, **recipients):
    """The registry with one channel; keywords replace recipients' brokers."""
    town = registry(SQUARE_ACT, act)
    private = AreaKind.PRIVATE
    more = {id_: Camera(id_, id_.title(), "negozio", f"rtsp://{id_}/", private) for id_ in SHOP[1:]}
    told = town.recipients | {
        "questura": Recipient("questura", "Questura", RecipientKind.ROOM),
        "centrale": Recipient("centrale", "Centrale", RecipientKind.INSTITUTE),
    }
    for id_, broker in recipients.items():
        name = id_.replace("_", "-")
        told[name] = replace(told[name], broker=broker, inbox=True)
    return replace(
        town,
        cameras=town.cameras | more,
        recipients=told,
        holdups={holdup.id: holdup},
        triggers={"uscita": Trigger("uscita", "Pulsante", "banco", "Device/Trigger/DigitalInput")},
    )
