# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a new version of the registry did to cameras, masks and accounts, entry by entry (D.3)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway.assembly.journal import Journal, signed
from gateway.model.access import Actor, Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import ConfigError, StoreError
from gateway.model.registry import Camera, Mask, MaskPlace, Registry, User
from gateway.registry.approvers import approves
from gateway.registry.seed import RegistryChange
from gateway.registry.store import RegistryStore

MOST = 512
"""Entries of one change; what is more, `config.change` alone tells of."""
_VERBS = (("added", "add"), ("changed", "change"), ("removed", "remove"))
_CODES = {
    ("camera", "add"): "camera.add",
    ("camera", "change"): "camera.change",
    ("camera", "remove"): "camera.remove",
    ("mask", "add"): "mask.create",
    ("mask", "change"): "mask.change",
    ("mask", "remove"): "mask.remove",
    ("user", "add"): "user.create",
    ("user", "change"): "user.change",
    ("user", "remove"): "user.disable",
}
_FOUNDER = "PRIMO APPROVATORE DI {}, INSERITO SENZA L'APPROVAZIONE DI NESSUNO"

_LAST = "ULTIMO APPROVATORE DI {}: DA ORA NESSUNO PUÒ APPROVARE"


def forsaken(organisations: Iterable[str]) -> Iterator[str]:
    """Yield, for health, who has nobody left to approve what would open cameras wider."""
    for organisation in organisations:
        yield f"registry: {organisation} HAS LOST ITS LAST APPROVER, NOBODY THERE CAN BE ASKED"


def unasked(founders: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield, for health, what was entered without an approval; no person is named there."""
    for organisation in dict.fromkeys(one for _, one in founders):
        yield f"registry: AN APPROVER OF {organisation} WAS ENTERED, NOBODY COULD BE ASKED"


async def account(
    store: RegistryStore, journal: Journal, change: RegistryChange, by: Actor
) -> None:
    """Write down what a change did; what cannot be read again is told by `config.change` alone."""
    if change.empty or change.held:
        return
    try:
        before, after = await store.at(change.version - 1), await store.at(change.version)
    except (ConfigError, StoreError):
        return
    for number, event in enumerate(entries(change, before, after)):
        if number >= MOST:
            break
        await journal.account(signed(event, by))


def entries(change: RegistryChange, before: Registry, after: Registry) -> Iterator[LedgerEvent]:
    """Yield an entry for each camera, mask and account, what concerns approvers first."""
    named = [
        (verb, *name.partition("/")[::2]) for part, verb in _VERBS for name in getattr(change, part)
    ]
    last = {id_ for id_, user in before.users.items() if _was_last(user, change, before)}
    first = last | {*change.founders}
    for verb, kind, id_ in sorted(named, key=lambda one: one[1] != "user" or one[2] not in first):
        if (kind, verb) not in _CODES:
            continue
        event = _entry(_CODES[kind, verb], kind, id_, change.version)
        world = before if verb == "remove" else after
        if kind == "user":
            yield _about_user(event, change, before, after.users.get(id_))
        elif kind == "mask":
            yield _about_mask(event, world.masks[id_], world)
        else:
            yield _about_camera(event, before.cameras.get(id_), after.cameras.get(id_), world)


def _entry(code: str, kind: str, id_: str, version: int) -> LedgerEvent:
    blank = LedgerEvent(code, Operation.NONE, Regime.GDPR, object_type=kind, object_id=id_)
    return replace(blank, policy_version=version, channel="control-socket")


def _was_last(user: User | None, change: RegistryChange, before: Registry) -> bool:
    """Return whether an account was among the last that could approve for its organisation."""
    return (
        user is not None
        and user.organisation in change.orphans
        and user.enabled
        and approves(user, before)
    )


def _about_user(
    event: LedgerEvent, change: RegistryChange, before: Registry, user: User | None
) -> LedgerEvent:
    """Say what an account is from now on; no name, no secret."""
    was = before.users.get(event.object_id)
    last = _was_last(was, change, before)
    if user is None:
        words = f"{_LAST.format(was.organisation.upper())}: removed" if was and last else "removed"
        return replace(event, reason_text=words[:200])
    if was is not None and was.enabled and not user.enabled:
        event = replace(event, event="user.disable")
    words = f"{user.role.value} {user.organisation}"
    if was is not None:
        changed = _changed(was, user, ("role", "organisation", "enabled", "second_factor",
                                       "certificate_sha256", "oidc_subject", "name"))  # fmt: skip
        words = f"{words}: {changed}"
    if user.id in change.founders:
        words = f"{_FOUNDER.format(user.organisation.upper())}: {words}"
    if was is not None and last:
        words = f"{_LAST.format(was.organisation.upper())}: {words}"
    return replace(event, reason_text=words[:200])


def _about_mask(event: LedgerEvent, mask: Mask, world: Registry) -> LedgerEvent:
    """Name the mask's camera; whoever reads of the camera reads of its masks."""
    camera = world.cameras[mask.camera]
    where = "gateway" if mask.place is MaskPlace.GATEWAY else "camera"
    return replace(
        event, operation=Operation.MODIFICATION, object_type="camera", object_id=mask.camera,
        controller=world.controller_of(camera).id, reason_text=f"{mask.id} ({where})",
    )  # fmt: skip


def _about_camera(
    event: LedgerEvent, was: Camera | None, camera: Camera | None, world: Registry
) -> LedgerEvent:
    """Say which properties changed; addresses themselves stay in the registry's versions."""
    known = camera or was
    assert known is not None  # noqa: S101 - a change names what was before or is after
    words = _changed(was, camera, Camera.__slots__) if was and camera else ""
    owner = world.controller_of(known).id
    return replace(
        event, operation=Operation.MODIFICATION, controller=owner, reason_text=words[:200]
    )


def _changed(was: object, now: object, names: tuple[str, ...]) -> str:
    return ", ".join(name for name in names if getattr(was, name) != getattr(now, name))
