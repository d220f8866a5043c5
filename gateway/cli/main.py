# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
# ruff: noqa: PLC0415 - the code of a command is imported when it is called, so that help is quick
"""`varco`: from words to one command, from errors to one line and an exit status."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.parser import CONFIG, build_parser
from gateway.cli.speech import Say, speech
from gateway.model.errors import ConfigError, PeerError, StoreError

if TYPE_CHECKING:
    from gateway.cli.audit import ExportRequest
    from gateway.cli.control_client import Control

EXIT_FAILED = 1
EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h; the service unit does not restart after it."""
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    say = speech(os.environ)
    try:
        return _internal(words) if words[:1] in (["media"], ["child"]) else _command(words, say)
    except (ConfigError, PeerError, StoreError) as error:
        return _complain([error])
    except ExceptionGroup as group:  # what a TaskGroup makes of an error
        leaves = list(_leaves(group))
        if not all(isinstance(leaf, ConfigError | PeerError | StoreError) for leaf in leaves):
            raise
        return _complain(leaves)
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing may be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _complain(errors: Sequence[Exception]) -> int:
    """Print each error and return the exit status: that of the worst for a service manager."""
    status = EXIT_FAILED
    for error in errors:
        if isinstance(error, ConfigError):
            status = EXIT_CONFIG
            print(error, file=sys.stderr)  # `file:line: …` begins the line: editors jump there
        else:
            print(f"varco: {error}", file=sys.stderr)
    return status


def _leaves(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _internal(words: list[str]) -> int:
    """Become one of the other processes; their options are between them and the gateway."""
    if words[0] == "media":
        from gateway import media

        return media.main(words[1:])
    from gateway import child

    return child.main(words[1:])


def _command(words: list[str], say: Say) -> int:
    """Parse and run."""
    args = build_parser(say).parse_args(words)
    match args.command:
        case "run":
            from gateway import app

            return app.main(args.config or CONFIG)
        case "demo":
            from gateway import demo

            return demo.main(args)
        case "version":
            print(f"varco {_version()}")
            return 0
        case "check":
            from gateway.cli import check

            return check.check(args.file, say, partial=args.partial)
        case _:
            own = {
                "audit": _audit, "link": _link, "discover": _discover, "probe": _probe,
                "store": _store, "alarms": _alarms, "replay": _replay,
                "plates": _plates,
            }  # fmt: skip
            return own.get(args.command, _ask)(args, say)


def _alarms(args: argparse.Namespace, say: Say) -> int:
    from gateway.cli import alarms

    period = (args.since, args.until)
    if args.action == "precision":
        return alarms.precision(args.config or CONFIG, period, say, as_json=args.json)
    return alarms.times(args.config or CONFIG, period, say, as_json=args.json)


def _replay(args: argparse.Namespace, say: Say) -> int:
    from gateway.cli import replay

    request = replay.ReplayRequest(
        args.file, args.seed, args.camera, args.sheet, args.start, as_json=args.json
    )
    return replay.replay(request, say)


def _hotlists(args: argparse.Namespace, say: Say) -> int:
    from gateway.cli import hotlists
    from gateway.cli.ask import control_socket
    from gateway.cli.control_client import open_control
    from gateway.cli.person import Person

    with open_control(control_socket(args.socket, args.config)) as control:
        if args.action == "list":
            return hotlists.show(control, say)
        person = Person(args.user, args.stdin, args.totp)
        if args.action == "remove":
            return hotlists.remove(control, args.entry, args.reason, person, say)
        why = hotlists.Why(args.purpose, args.case, args.reason)
        if args.action == "import":
            return hotlists.import_list(control, (args.file, args.signature), why, person, say)
        entry = hotlists.LocalEntry(args.country, args.act, args.requester, args.until, args.label)
        return hotlists.add(control, entry, why, person, say)


def _plates(args: argparse.Namespace, say: Say) -> int:
    if args.action in {"list", "import", "add", "remove"}:
        return _hotlists(args, say)
    from gateway.cli import plates

    choice = plates.Choice(args.nets, args.finder, not args.no_second)
    if args.action == "evaluate":
        return plates.evaluate(args.folder, choice, say, as_json=args.json)
    return plates.read(args.file, choice, say, page=args.sheet, as_json=args.json)


def _store(args: argparse.Namespace, say: Say) -> int:
    from gateway.cli import store

    if args.action == "init":
        return store.init(store.StoreRequest(args.database, role=args.role), say)
    return store.verify(store.StoreRequest(args.database, key=args.key), say)


def _audit(args: argparse.Namespace, say: Say) -> int:
    from gateway.cli import audit

    config: Path = getattr(args, "config", None) or CONFIG
    match args.action:
        case "verify":
            more = (tuple(args.witness), args.tsa_ca, args.since, args.until)
            request = audit.VerifyRequest(args.ledger, args.key, args.checkpoint, config, *more)
            return audit.verify(request, say)
        case "export" | "report":
            return audit.export(_export_request(args), say)
        case "match":
            from gateway.cli import match

            wish = match.MatchRequest(
                args.room, args.edge, args.edge_id, args.tolerance, args.room_key, args.edge_key
            )
            return match.run(wish, say)
        case _:
            return audit.print_key(config)


def _export_request(args: argparse.Namespace) -> "ExportRequest":
    """Return what was typed as the console's body of an export."""
    from gateway.cli.audit import ExportRequest

    form = args.format
    if args.action == "report":
        form = "admins" if args.admins else "report"
    wish: dict[str, object] = {"aim": args.aim or "", "own_case": args.own_case, "format": form}
    for name in ("from", "to", "person", "camera", "case", "event"):
        if value := getattr(args, name):
            wish[name] = value
    if form == "admins":
        wish["year"] = args.year
    if args.no_bom:
        wish["bom"] = False
    return ExportRequest(
        args.user, wish, args.out, args.stdin, args.offline or "", args.socket, args.config
    )


def _link(args: argparse.Namespace, say: Say) -> int:
    """Enrol this box from here, or have the daemon tell and change who may dial it."""
    from gateway.cli import link
    from gateway.cli.ask import control_socket
    from gateway.cli.control_client import open_control
    from gateway.cli.person import Person

    if args.action == "join":
        return link.join_room(" ".join(args.code), args.name, args.config or CONFIG, say)
    with open_control(control_socket(args.socket, args.config)) as control:
        if args.action == "list":
            return link.show(control, say)
        person = Person(args.user, args.stdin, args.totp)
        if args.action == "revoke":
            return link.revoke(control, args.edge, person, say)
        named = tuple(one.strip() for one in args.organisations.split(",") if one.strip())
        return link.invite(control, (args.edge, args.name, named), person, say)


def _discover(args: argparse.Namespace, say: Say) -> int:
    from gateway.cli import discover

    request = discover.DiscoverRequest(
        addresses=tuple(args.address),
        seconds=args.seconds,
        interfaces=tuple(args.interface),
        as_json=args.json,
        as_snippet=args.snippet,
        site=args.site,
        credential=args.credential,
        ask=args.login,
        make=args.make,
        socket=args.socket,
        config=args.config,
    )
    return discover.discover(request, say)


def _probe(args: argparse.Namespace, say: Say) -> int:
    """Probe a URL from here, or have the daemon probe a camera of its registry."""
    from gateway.cli import probe
    from gateway.cli.ask import control_socket
    from gateway.cli.control_client import open_control

    request = probe.ProbeRequest(
        target=args.target,
        seconds=args.seconds,
        as_json=args.json,
        credential=args.credential,
        ask=args.login,
        udp=args.udp,
        tls_sha256=args.tls_sha256,
        onvif=args.onvif,
    )
    if request.is_url:
        return probe.probe_url(request, say)
    with open_control(control_socket(args.socket, args.config)) as control:
        return probe.probe_camera(control, request, say)


def _accept(args: argparse.Namespace, control: "Control", say: Say) -> int:
    from gateway.cli import accept

    request = accept.AcceptRequest(
        camera=args.camera,
        installer=args.installer,
        from_stdin=args.stdin,
        seconds=args.seconds,
        clear_reason=args.clear_because,
        json=args.json,
        html=args.html,
    )
    return accept.accept(control, request, say)


def _acts(args: argparse.Namespace, control: "Control", say: Say) -> int:
    from gateway.cli import acts
    from gateway.cli.person import Person

    if args.command == "registry":
        return _held(args, control, say)
    if args.action == "list":
        return acts.show(control, say)
    wish = (args.act, args.until, args.reason, args.document_sha256)
    return acts.extend(control, wish, Person(args.user, args.stdin, args.totp), say)


def _held(args: argparse.Namespace, control: "Control", say: Say) -> int:
    from gateway.cli import held
    from gateway.cli.person import Person

    if args.action == "held":
        return held.show(control, say)
    person = Person(args.user, args.stdin, args.totp)
    agree = args.action == "approve"
    return held.judge(control, args.id, args.reason, person, say, agree=agree)


def _policy(args: argparse.Namespace, control: "Control", say: Say) -> int:
    from gateway.cli import policy

    if args.command == "holdup":
        return _holdup(args, control, say)
    request = policy.ExplainRequest(args.user, args.camera, args.act, args.purpose, args.case)
    return policy.explain(control, request, say)


def _holdup(args: argparse.Namespace, control: "Control", say: Say) -> int:
    from gateway.cli import holdup

    match args.action:
        case "token":
            return holdup.token(control, args.id, args.device, say, revoke=args.revoke)
        case "test":
            return holdup.test(control, args.id, say)
        case "report":
            return holdup.report(control, (args.since, args.until), say, as_json=args.json)
        case _:
            return holdup.show(control, say)


def _places(args: argparse.Namespace, control: "Control", say: Say) -> int:
    from gateway.cli import places

    match args.action:
        case "nearest":
            place = (args.latitude, args.longitude)
            return places.nearest(control, place, args.most, say)
        case "coverage":
            return places.coverage(control, say, as_json=args.json)
        case _:
            return places.candidates(control, args.file, say, as_json=args.json)


def _ask(args: argparse.Namespace, say: Say) -> int:
    """Run a command that talks to the daemon."""
    from gateway.cli import ask
    from gateway.cli.control_client import open_control

    with open_control(ask.control_socket(args.socket, args.config)) as control:
        match (args.command, getattr(args, "action", None)):
            case ("registry", "apply"):
                return ask.apply(control, args.file, say, replace=args.replace)
            case ("accept", _):
                return _accept(args, control, say)
            case ("acts", _) | ("registry", "held" | "approve" | "reject"):
                return _acts(args, control, say)
            case ("registry", "export"):
                return ask.export(control, args.format)
            case ("registry", _):
                return _places(args, control, say)
            case ("user" | "users", "totp-reset"):
                return ask.reset_totp(control, args.name, say)
            case ("user" | "users", _):
                return ask.set_password(control, args.name, say, from_stdin=args.stdin)
            case ("policy" | "holdup", _):
                return _policy(args, control, say)
            case ("reload", _):
                return ask.reload(control, say)
            case _:
                return ask.status(control, say)


def _version() -> str:
    try:
        return version("varco")
    except PackageNotFoundError:
        return "0 (source)"  # run from a checkout that was never installed
