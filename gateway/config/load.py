# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`gateway.toml` -> Options, or every fault of the file at once."""

import os
from collections.abc import Sequence
from pathlib import Path

from gateway.config import schema
from gateway.config.options import (
    AccessOptions,
    AlarmOptions,
    AnalyticsOptions,
    BoxOptions,
    BrokerLine,
    BrokerTls,
    ConsoleOptions,
    Dc09Options,
    Dc09ReceiverOptions,
    IncidentOptions,
    LedgerOptions,
    LogOptions,
    MachinesOptions,
    MediaListenOptions,
    OidcLine,
    Options,
    PlateOptions,
    PlateSourceLine,
    RegistryOptions,
    ReportOptions,
    RingOptions,
    RoomOptions,
    StillsOptions,
    TurnOptions,
    UplinkOptions,
    VmsAccount,
    VmsOptions,
    WebhookOptions,
    WitnessLine,
)
from gateway.model.errors import ConfigError
from gateway.model.room import LINE_CA, LINE_CERTIFICATE, LINE_KEY, LINES_FOLDER
from gateway.runtime.documents import Document, check, parse_toml, read_text

MQTT_PORT = 1883
MQTT_TLS_PORT = 8883
"""IANA service names `mqtt` and `secure-mqtt`."""
VMS_PORT = 8554
VMS_TLS_PORT = 8322
"""`rtsp-alt`, and `rtsps` (322) where no privilege is needed."""


def load(path: Path) -> Options:
    """Return the options of a file; ConfigErrors lists everything that is wrong with it.

    Nothing but the file is read: secrets stay references, and the files it names need not exist.
    """
    return parse(read_text(path), path)


def parse(text: str, path: Path) -> Options:
    """Return the options of a text that stands, or would stand, at `path`."""
    document = parse_toml(text, str(path))
    file = check(document, schema.File, _repeats(document))
    return _options(file, path.absolute().parent)


def _repeats(document: Document) -> list[ConfigError]:
    """Return one fault for each broker, provider, uplink, webhook, station whose name is taken."""
    faults: list[ConfigError] = []
    for kind in ("broker", "oidc", "uplink", "webhook", "dc09"):
        seen: set[str] = set()
        tables = document.data.get(kind)
        for index, table in enumerate(tables if isinstance(tables, list) else []):
            name = table.get("name") if isinstance(table, dict) else None
            if isinstance(name, str):
                if name in seen:
                    loc = (kind, index, "name")
                    faults.append(document.fault(loc, "is used twice", "write another name"))
                seen.add(name)
    return faults


def _analytics(file: schema.File, base: Path) -> AnalyticsOptions:
    workers = file.analytics.workers or os.cpu_count() or 1
    read = file.analytics
    return AnalyticsOptions(
        workers,
        read.budget_cores,
        _path(base, read.detector),
        _path(base, read.detector_python),
        read.detector_least,
    )


def _options(file: schema.File, base: Path) -> Options:
    box = file.box
    return Options(
        box=BoxOptions(
            id=box.id,
            name=box.name,
            state_dir=base / box.state_dir,
            runtime_dir=base / box.runtime_dir,
            language=box.language,
            exercise=box.exercise,
        ),
        console=_console(file.console, base),
        machines=_machines(file.machines, base) if file.machines else None,
        media=_media(file.media),
        brokers=tuple(_broker(broker, base) for broker in file.broker),
        registry=RegistryOptions(_path(base, file.registry.seed)),
        ledger=_ledger(file.ledger, box.id, base),
        analytics=_analytics(file, base),
        ring=RingOptions(file.ring.most_seconds, file.ring.most_mib),
        stills=StillsOptions(file.stills.keep_hours),
        alarms=AlarmOptions(file.alarms.keep_days, file.alarms.most, file.alarms.ballast_mib),
        access=AccessOptions(file.access.incident_hours),
        log=LogOptions(file.log.level),
        oidc=tuple(_oidc(one, base) for one in file.oidc),
        room=_room(file.room, box.name) if file.room else None,
        uplinks=tuple(_uplink(one, base, base / box.state_dir) for one in file.uplink),
        vms=_vms(file.vms, base) if file.vms else None,
        incidents=_incidents(file.incidents),
        webhooks=tuple(_webhook(one, base) for one in file.webhook),
        reports=ReportOptions(file.reports.keep_days, file.reports.keep_reason),
        stations=tuple(_dc09(one) for one in file.dc09),
        dc09_receiver=_dc09_receiver(file.dc09_receiver) if file.dc09_receiver else None,
        turn=None if file.turn is None else TurnOptions(**file.turn.model_dump()),
        plates=_plates(file.plates, base),
    )


def _plates(plates: schema.Plates, base: Path) -> PlateOptions:
    return PlateOptions(
        key=plates.key,
        models=_path(base, plates.models),
        second=plates.second,
        k_threshold=plates.k_threshold,
        children=plates.children,
        timeout_s=plates.timeout_s,
        passages=plates.passages,
        former_key=plates.former_key,
        sources=tuple(PlateSourceLine(one.name, one.key, one.lists) for one in plates.source),
    )


def _media(media: schema.Media) -> MediaListenOptions:
    return MediaListenOptions(
        media.host,
        media.port,
        media.candidates or (media.host,),
        media.transcodes_most,
        media.transcode_height_px,
        media.tcp,
    )


def _ledger(ledger: schema.Ledger, box: str, base: Path) -> LedgerOptions:
    return LedgerOptions(
        origin=ledger.origin or f"varco/{box}",
        key=ledger.key,
        spare=_path(base, ledger.spare),
        timestamp_url=ledger.timestamp_url or "",
        timestamp_ca=_path(base, ledger.timestamp_ca),
        witnesses=tuple(WitnessLine(one.key, one.url or "") for one in ledger.witness),
    )


def _console(console: schema.Console, base: Path) -> ConsoleOptions:
    scheme = "https" if console.tls_certificate else "http"
    host = f"[{console.host}]" if ":" in console.host else console.host
    return ConsoleOptions(
        host=console.host,
        port=console.port,
        tls_certificate=_path(base, console.tls_certificate),
        tls_key=_key(base, console.tls_key),
        public_url=console.public_url or f"{scheme}://{host}:{console.port}",
        origins=console.origins,
        monitors=console.monitors,
    )


def _machines(machines: schema.Machines, base: Path) -> MachinesOptions:
    return MachinesOptions(
        host=machines.host,
        port=machines.port,
        tls_certificate=base / machines.tls_certificate,
        tls_key=_key(base, machines.tls_key),
        client_ca=base / machines.client_ca,
    )


def _broker(broker: schema.Broker, base: Path) -> BrokerLine:
    tls = _tls(broker.tls, base) if broker.tls else None
    return BrokerLine(
        name=broker.name,
        host=broker.host,
        port=broker.port or (MQTT_TLS_PORT if tls else MQTT_PORT),
        tls=tls,
        user=broker.user,
        password=broker.password,
        standby=broker.standby,
    )


def _oidc(one: schema.Oidc, base: Path) -> OidcLine:
    return OidcLine(
        name=one.name,
        title=one.title or one.name,
        issuer=one.issuer,
        client_id=one.client_id,
        client_secret=one.client_secret,
        private_key=one.private_key,
        acr=one.acr,
        mfa=one.mfa,
        hosts=one.hosts,
        ca=_path(base, one.ca),
        keep_hours=one.keep_hours,
    )


def _room(room: schema.Room, box_name: str) -> RoomOptions:
    host = f"[{room.host}]" if ":" in room.host else room.host
    return RoomOptions(
        name=room.name or box_name,
        host=room.host,
        port=room.port,
        addresses=room.addresses or (f"{host}:{room.port}",),
        heartbeat_s=room.heartbeat_s,
        store=room.store,
    )


def _incidents(one: schema.Incidents | None) -> IncidentOptions:
    if one is None:
        return IncidentOptions()
    return IncidentOptions(one.organisation or "", one.keep_days, one.keep_reason)


def _uplink(one: schema.Uplink, base: Path, state: Path) -> UplinkOptions:
    folder = line_folder(state, one.name)
    return UplinkOptions(
        name=one.name,
        recipient=one.recipient,
        addresses=one.addresses,
        most_kbps=one.most_kbps,
        pairs=one.pairs,
        organisations=one.organisations,
        emergency=one.emergency,
        heartbeat_s=one.heartbeat_s,
        certificate=_path(base, one.certificate) or folder / LINE_CERTIFICATE,
        key=_key(base, one.key) or str(folder / LINE_KEY),
        ca=_path(base, one.ca) or folder / LINE_CA,
    )


def line_folder(state: Path, name: str) -> Path:
    """Return where the box keeps what a line of its own needs."""
    return state / LINES_FOLDER / name


def _vms(vms: schema.Vms, base: Path) -> VmsOptions:
    return VmsOptions(
        host=vms.host,
        port=vms.port or (VMS_TLS_PORT if vms.tls_certificate else VMS_PORT),
        tls_certificate=_path(base, vms.tls_certificate),
        tls_key=_key(base, vms.tls_key),
        accounts=tuple(
            VmsAccount(one.user, one.password, one.purpose, one.case) for one in vms.account
        ),
    )


def _webhook(one: schema.Webhook, base: Path) -> WebhookOptions:
    return WebhookOptions(
        name=one.name,
        url=one.url,
        organisation=one.organisation,
        secret=one.secret,
        events=one.events,
        private=one.private,
        ca=_path(base, one.ca),
    )


def _dc09(one: schema.Dc09) -> Dc09Options:
    return Dc09Options(
        name=one.name,
        receivers=one.receivers,
        account=one.account,
        key=one.key,
        format=one.format,
        receiver=one.receiver,
        line=one.line,
        supervision_s=one.supervision_s,
        zones=tuple((zone.id, zone.number) for zone in one.zone),
    )


def _dc09_receiver(one: schema.Dc09Receiver) -> Dc09ReceiverOptions:
    return Dc09ReceiverOptions(one.host, one.port, one.plain)


def _tls(tls: schema.Tls, base: Path) -> BrokerTls:
    return BrokerTls(_path(base, tls.ca), _path(base, tls.certificate), _key(base, tls.key))


def _path(base: Path, text: str | None) -> Path | None:
    return None if text is None else base / text


def _key(base: Path, text: str | None) -> str:
    if text is None or text.startswith("credential:"):
        return text or ""
    return str(base / text)


def changes(old: Options, new: Options) -> tuple[str, ...]:
    """Return the dotted keys that differ, brokers by name: `log.level`, `broker[questura].port`."""
    before, after = _flat(old), _flat(new)
    keys = sorted({*before, *after})
    return tuple(key for key in keys if before.get(key) != after.get(key))


LIVE_KEYS: Sequence[str] = ("log.level", "registry.seed")
"""Taken over by a running daemon; the seed is only read by an empty box."""


def diff(old: Options, new: Options) -> tuple[str, ...]:
    """Return the changed keys that a running daemon cannot take over: it must be restarted."""
    return tuple(key for key in changes(old, new) if key not in LIVE_KEYS)


_TABLES = {"brokers": "broker", "uplinks": "uplink", "webhooks": "webhook", "stations": "dc09"}


def _flat(options: Options) -> dict[str, object]:
    """Return every key with its value; a table that is absent has no keys."""
    flat: dict[str, object] = {}
    for table in Options.__dataclass_fields__:
        value = getattr(options, table)
        if isinstance(value, tuple):
            kind = _TABLES.get(table, table)
            for one in value:
                _spread(flat, f"{kind}[{one.name}]", one)
        elif value is not None:
            _spread(flat, table, value)
    return flat


def _spread(flat: dict[str, object], prefix: str, table: object) -> None:
    for name in getattr(table, "__dataclass_fields__", {}):
        value = getattr(table, name)
        if hasattr(value, "__dataclass_fields__"):
            _spread(flat, f"{prefix}.{name}", value)
        else:
            flat[f"{prefix}.{name}"] = value
