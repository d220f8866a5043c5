# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Probing and accepting a camera of the registry: the box pulls, so that no credential leaves it.

Measuring shows no picture and rests on a Grant for inspecting; a sheet shows one and rests on a
Grant for a snapshot, which only the installer of the camera's own house gets. Both with the
purpose *installazione*, both in the ledger before anything is opened.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from gateway.access.gate import Gate
from gateway.assembly import sheet as pages
from gateway.assembly.box import Opened
from gateway.assembly.devices import login_of
from gateway.assembly.plans import CameraPlan, Resolve, Surroundings, device_plan, plan
from gateway.assembly.viewing import with_masks_in_force
from gateway.codec.jpeg import Caller, still
from gateway.config.secrets import resolve_login
from gateway.console.problem import RefusedError
from gateway.console.services import InspectionWish
from gateway.ingest import acceptance, probed
from gateway.ingest.camera import open_session as open_stream
from gateway.ingest.onvif_model import OnvifTarget
from gateway.ingest.pace import Pace
from gateway.ingest.probe import MOST_SECONDS, Device, Open, OpenDevice, Order, Prober
from gateway.ingest.probed import Outcome, ProbeResult
from gateway.ingest.sessions import Budgets, Priority
from gateway.ingest.source import Session, Sink, StreamSource
from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Verdict
from gateway.model.errors import ConfigError, CredentialError, GatewayError, PeerError
from gateway.model.media import AccessUnit
from gateway.model.registry import Registry
from gateway.model.time import Moment
from gateway.runtime.clock import Clock

MOST_NEWS = 64
"""Lines of progress that wait for a slow reader; older ones go."""
MOST_AT_ONCE = 2
"""Inspections of one box; a third is turned away."""
SESSION_S = 10.0
"""For how long a session of a recorder that is full is waited for."""
PICTURE_PX = 1600
TICK_S = 1.0
"""How often a line comes at least, so that whoever waits sees that time passes."""


@dataclass(frozen=True, slots=True)
class InspectionParts:
    """What inspecting needs of a box."""

    gate: Gate
    registry: Callable[[], Registry]
    """As everybody must see it who lets pictures out: with the masks in force."""
    resolve: Resolve
    pool: Caller
    clock: Clock
    open_session: Open
    open_device: OpenDevice | None
    budgets: Budgets
    box: str
    exercise: bool
    pace: Pace
    """Who was refused where: nobody helps to lock an account."""


@dataclass(slots=True)
class _Kept:
    """The newest key picture of a measured session."""

    unit: AccessUnit | None = None

    def keep(self, unit: AccessUnit) -> None:
        self.unit = unit


class _News:
    """Lines on their way to whoever asked; bounded, the oldest goes."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=MOST_NEWS)
        self.came = asyncio.Event()

    def tell(self, italian: str, english: str) -> None:
        """Add what is being tried."""
        self._lines.append(_line({"progress": {"it": italian, "en": english}}))
        self.came.set()

    def take(self) -> list[bytes]:
        """Return what came since the last call."""
        lines = list(self._lines)
        self._lines.clear()
        self.came.clear()
        return lines


def inspection_parts(opened: Opened, budgets: Budgets, pace: Pace | None = None) -> InspectionParts:
    """Return what inspecting needs of an opened box."""
    options, clock = opened.options.box, opened.clock

    def open_session(source: StreamSource, sink: Sink) -> Session:
        return open_stream(source, sink, clock=clock)

    return InspectionParts(
        gate=opened.gate,
        registry=opened.masks.current,
        resolve=lambda reference, where: resolve_login(reference, where=where, key="credential"),
        pool=opened.pool,
        clock=clock,
        open_session=open_session,
        open_device=opened.open_device,
        budgets=budgets,
        box=options.name,
        exercise=options.exercise,
        pace=pace or Pace(clock),
    )


class InspectionDesk:
    """The daemon's side of `varco probe CAMERA` and `varco accept CAMERA`.

    Both answer lines of JSON: `progress` while they work, then one `result` or `problem`.
    """

    def __init__(self, parts: InspectionParts) -> None:
        self._p = parts
        self._running = 0

    async def probe(self, wish: InspectionWish, *, by: Actor) -> AsyncGenerator[bytes, None]:
        """Measure a camera; RefusedError if the gate says no."""
        await self._granted(wish.camera, Action.INSPECT, by)
        order = self._order(wish)

        async def work(news: _News) -> bytes:
            result = await self._measure(order, news, _Kept())
            return b'{"result":' + probed.dump(result).encode() + b"}\n"

        return self._lines(work)

    async def accept(self, wish: InspectionWish, *, by: Actor) -> AsyncGenerator[bytes, None]:
        """Measure a camera, take one picture, judge; RefusedError if the gate says no."""
        grant = await self._granted(wish.camera, Action.SNAPSHOT, by)
        order = self._order(wish)

        async def work(news: _News) -> bytes:
            kept = _Kept()
            result = await self._measure(order, news, kept)
            news.tell("preparo la scheda", "preparing the sheet")
            jpeg, problem = await self._picture(grant, kept.unit)
            verdict = self._p.gate.check(grant)
            if not verdict.allowed:
                return _refusal(verdict)
            sheet = self._sheet(wish, by, result, problem)
            page = json.dumps(pages.page(sheet, jpeg), ensure_ascii=False)
            body = acceptance.dump(sheet).replace("\n", "")
            return f'{{"result":{{"sheet":{body},"page":{page}}}}}\n'.encode()

        return self._lines(work)

    async def _granted(self, camera: str, action: Action, by: Actor) -> Grant:
        request = AccessRequest(by, action, camera, Purpose.INSTALLATION)
        grant = await self._p.gate.open(request)
        if isinstance(grant, Verdict):
            raise RefusedError(grant)
        if self._running >= MOST_AT_ONCE:
            raise PeerError(f"camera {camera}: {self._running} inspections run already")
        return grant

    def _order(self, wish: InspectionWish) -> tuple[Order, CameraPlan]:
        """Return what to do; ConfigError if the registry does not tell how."""
        p = self._p
        registry = p.registry()
        camera = registry.cameras.get(wish.camera)
        if camera is None:
            raise ConfigError("request", "camera", "is no longer in the registry")
        planned = plan(
            camera, registry, p.clock.now(), Surroundings(p.resolve, exercise=p.exercise)
        )
        if planned.main is None:
            raise ConfigError(f"camera {camera.id}", "", planned.problem)
        source = replace(planned.main, wants_metadata=False)
        target = _target(camera.device, registry, p.resolve)
        seconds = min(max(wish.seconds, 1.0), MOST_SECONDS)
        # a recorder with a limit is spared what is not needed
        others = planned.limit is None
        return Order(source, seconds, camera.id, target, other_ways=others), planned

    async def _measure(
        self, work: tuple[Order, CameraPlan], news: _News, kept: _Kept
    ) -> ProbeResult:
        order, planned = work
        order = self._spared(order, news)
        prober = Prober(self._p.open_session, self._p.clock, news.tell)
        prober.open_device = self._asking if self._p.open_device is not None else None
        prober.on_key = kept.keep
        async with self._session(planned, news):
            return self._noted(order, await prober.probe(order))

    def _spared(self, order: Order, news: _News) -> Order:
        """Return what may be asked now; _RefusedLatelyError while the camera must not be asked."""
        pace, now = self._p.pace, self._p.clock.now()
        if wait_s := pace.wait_s(order.source):
            raise _RefusedLatelyError(now.shifted(wait_s))
        if order.device is None or not (wait_s := pace.login_wait_s(login_of(order.device))):
            return order
        words = _lately(now.shifted(wait_s))
        news.tell(f"ONVIF: {words[0]}", f"ONVIF: {words[1]}")
        return replace(order, device=None)

    def _noted(self, order: Order, result: ProbeResult) -> ProbeResult:
        """Tell the streams what came of the credentials."""
        if result.outcome is Outcome.REFUSED or any(one.refused for one in result.trials):
            self._p.pace.refused(order.source)
        elif result.outcome is Outcome.MEASURED:
            self._p.pace.accepted(order.source)
        return result

    @asynccontextmanager
    async def _asking(self, target: OnvifTarget) -> AsyncIterator[Device]:
        """Open the ONVIF side; a refusal is told to all."""
        if self._p.open_device is None:
            raise PeerError(f"{target.id}: ONVIF is not spoken here")
        try:
            async with self._p.open_device(target) as device:
                yield device
        except CredentialError:
            self._p.pace.login_refused(login_of(target))
            raise

    @asynccontextmanager
    async def _session(self, planned: CameraPlan, news: _News) -> AsyncIterator[None]:
        """Stand in line where the device serves few at once; what matters least gives way."""
        budget = self._p.budgets.of(planned.limit)
        if budget is None:
            yield
            return
        news.tell("attendo una sessione libera del registratore", "waiting for a free session")
        async with budget.claim(f"inspection:{planned.camera}", Priority.INCIDENT) as claim:
            try:
                async with asyncio.timeout(SESSION_S):
                    await claim.granted.wait()
            except TimeoutError:
                raise PeerError(budget.limit.words) from None
            yield

    async def _picture(self, grant: Grant, unit: AccessUnit | None) -> tuple[bytes, str]:
        """Return a JPEG with the masks in force burned in, or why there is none."""
        if unit is None:
            return b"", "no key picture came"
        try:
            return await with_masks_in_force(
                lambda: self._p.registry().masks_of(grant.camera),
                lambda masks: still(self._p.pool, (unit,), masks, width_px=PICTURE_PX),
            ), ""
        except PeerError as error:
            return b"", str(error)

    def _sheet(
        self, wish: InspectionWish, by: Actor, result: ProbeResult, problem: str
    ) -> acceptance.Sheet:
        registry = self._p.registry()
        camera = registry.cameras[wish.camera]
        subject = acceptance.Subject(
            camera=camera,
            site=registry.sites[camera.site].name,
            controller=registry.controller_of(camera).name,
            installer=by.name,
            box=self._p.box,
            exercise=self._p.exercise,
            clear_reason=wish.clear_reason,
            picture_problem=problem,
        )
        now = self._p.clock.now()
        return acceptance.judge(result, subject, acceptance.read_classes(), now)

    async def _lines(
        self, work: Callable[[_News], Coroutine[None, None, bytes]]
    ) -> AsyncGenerator[bytes, None]:
        """Yield progress as it comes, then the outcome; leaving early ends the work."""
        news = _News()
        self._running += 1
        try:
            async with asyncio.TaskGroup() as tasks:
                done = tasks.create_task(_told(work(news)))
                done.add_done_callback(lambda _: news.came.set())
                while not done.done():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(TICK_S):
                            await news.came.wait()
                    for line in news.take() or [b"{}\n"]:
                        try:
                            yield line
                        except GeneratorExit:  # a TaskGroup would wrap it
                            done.cancel()
                            return
            yield done.result()
        finally:
            self._running -= 1


def _lately(due: Moment) -> tuple[str, str]:
    """Return in both languages that an account must not be tried before a moment."""
    at = f"{due.utc():%H:%M:%S} UTC"
    return (
        f"utente e password sono stati appena rifiutati; per non bloccare l'account si può "
        f"riprovare alle {at}",
        f"user and password were refused a moment ago; so that the account is not locked, "
        f"try again at {at}",
    )


class _RefusedLatelyError(PeerError):
    """The camera must not be asked yet."""

    def __init__(self, due: Moment) -> None:
        self.words = _lately(due)
        super().__init__(self.words[1])


async def _told(work: Coroutine[None, None, bytes]) -> bytes:
    """Return what the work made, or its failure as a line: the answer has begun already."""
    try:
        return await work
    except (GatewayError, RefusedError) as error:
        if isinstance(error, RefusedError):
            return _refusal(error.verdict)
        if isinstance(error, _RefusedLatelyError):
            return _line({"problem": {"it": error.words[0], "en": error.words[1]}})
        return _line({"problem": {"it": str(error), "en": str(error)}})


def _refusal(verdict: Verdict) -> bytes:
    return _line({"problem": {"it": verdict.text_it, "en": verdict.text_en}})


def _line(message: dict[str, dict[str, str]]) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


def _target(device_id: str, registry: Registry, resolve: Resolve) -> OnvifTarget | None:
    """Return the ONVIF side of a camera, if it is known."""
    device = registry.devices.get(device_id)
    if device is None or not device.url:
        return None
    return device_plan(device, registry, resolve).target
