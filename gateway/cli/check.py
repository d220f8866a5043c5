# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco check FILE`: what a file would do, without doing it."""

from pathlib import Path

from gateway.cli.speech import Say
from gateway.config.load import parse as parse_options
from gateway.config.options import Options
from gateway.registry.entities import KINDS
from gateway.registry.seed import Seed, check_alone, is_map, parse_seed
from gateway.runtime.documents import parse_toml, read_text


def check(path: Path, say: Say, *, partial: bool) -> int:
    """Print what the file would do; ConfigErrors lists what is wrong with it.

    A seed is told from a `gateway.toml` by its tables. With `partial` (and for GeoJSON and CSV,
    which hold no sites) references may lead out of the file.
    """
    text = read_text(path)
    if is_map(text) or _is_seed(text, str(path)):
        seed = parse_seed(text, str(path))
        if not (partial or is_map(text)):
            check_alone(seed)
        _print_seed(path, seed, say)
    else:
        _print_options(path, parse_options(text, path), say)
    return 0


def _is_seed(text: str, where: str) -> bool:
    return bool(parse_toml(text, where).data.keys() & KINDS.keys())


def _print_seed(path: Path, seed: Seed, say: Say) -> None:
    counts = dict.fromkeys(KINDS, 0)
    for kind, _ in seed.keys:
        counts[kind] += 1
    words = {
        "controller": say("titolari", "controllers"),
        "site": say("siti", "sites"),
        "device": say("apparati", "devices"),
        "camera": say("telecamere", "cameras"),
        "zone": say("zone", "zones"),
        "trigger": say("eventi", "triggers"),
        "mask": say("maschere", "masks"),
        "risk_area": say("aree a rischio", "risk areas"),
        "panel": say("centraline", "panels"),
        "holdup": say("canali antirapina", "hold-up channels"),
        "recipient": say("destinatari", "recipients"),
        "act": say("atti", "acts"),
        "escalation": say("scale di allarme", "escalations"),
        "user": say("utenti", "users"),
        "permit": say("permessi", "permits"),
        "extension": say("proroghe", "extensions"),
        "pause": say("pause", "pauses"),
        "hold": say("conservazioni", "holds"),
        "edge": say("sedi collegate", "edges"),
        "institute": say("istituti", "institutes"),
        "report_route": say("destinazioni delle segnalazioni", "report routes"),
    }
    listed = ", ".join(f"{words[kind]} {count}" for kind, count in counts.items() if count)
    nothing = say("nulla", "nothing")
    print(f"{path}: {say('seed corretto', 'good seed')}: {listed or nothing}")


def _print_options(path: Path, options: Options, say: Say) -> None:
    secure = options.console.tls_certificate is not None
    print(f"{path}: {say('configurazione corretta', 'good configuration')}")
    print(f"  box        {options.box.id} ({options.box.name})")
    print(
        f"  console    {options.console.public_url} <- {options.console.host}:"
        f"{options.console.port} ({'TLS' if secure else say('senza TLS', 'no TLS')})"
    )
    if options.machines:
        print(f"  machines   {options.machines.host}:{options.machines.port} (TLS, client_ca)")
    media = options.media
    kinds = "udp, tcp" if media.tcp else "udp"
    print(f"  media      {kinds} {media.host}:{media.port} -> {', '.join(media.candidates)}")
    if options.turn is not None:
        print(f"  turn       {', '.join(options.turn.urls)}")
    for broker in options.brokers:
        kind = "TLS" if broker.tls else say("senza TLS", "no TLS")
        print(f"  broker     {broker.name}: {broker.host}:{broker.port} ({kind})")
    print(f"  ledger     {options.ledger.origin}")
    print(f"  {say('stato', 'state'):<10} {options.box.state_dir}")
