# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The words of the command line. Nothing heavy is imported: `varco --help` is quick."""

import argparse
from pathlib import Path

from gateway.cli.speech import Say

CONFIG = Path("/etc/varco/gateway.toml")

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse gives the type no public name


def build_parser(say: Say) -> argparse.ArgumentParser:
    """Return the parser; `args.command` is the command, `args.action` its second word."""
    parser = argparse.ArgumentParser(
        prog="varco",
        description=say(
            "Varco: gateway video che interconnette le sale operative.",
            "Varco: the video gateway that interconnects operations rooms.",
        ),
        epilog=say(
            "Stati di uscita: 0 fatto, 1 non riuscito, 2 richiesta o file inutilizzabile, "
            "78 un file di configurazione va corretto, 130 interrotto.",
            "Exit status: 0 done, 1 failed, 2 unusable request or file, "
            "78 a configuration file must be corrected, 130 interrupted.",
        ),
    )
    commands = parser.add_subparsers(
        dest="command", metavar=say("COMANDO", "COMMAND"), required=True
    )
    _add_service(commands, say)
    _add_registry(commands, say)
    _add_user(commands, say)
    _add_audit(commands, say)
    _add_rest(commands, say)
    return parser


def _add(
    commands: "Commands[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=text)


def _add_config(parser: argparse.ArgumentParser, say: Say) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=None,
        metavar="FILE",
        help=say(f"file di configurazione (se manca: {CONFIG})", f"configuration ({CONFIG})"),
    )


def _add_socket(parser: argparse.ArgumentParser, say: Say) -> None:
    parser.add_argument(
        "--socket",
        type=Path,
        default=None,
        metavar="PATH",
        help=say(
            "socket di controllo del servizio (se manca: quello della configurazione)",
            "control socket of the service (default: that of the configuration)",
        ),
    )
    _add_config(parser, say)


def _add_service(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    run = _add(commands, "run", say("avvia il gateway", "start the gateway"))
    _add_config(run, say)
    check = _add(
        commands,
        "check",
        say(
            "controlla un gateway.toml o un seed del registro, senza cambiare nulla",
            "check a gateway.toml or a registry seed; changes nothing",
        ),
    )
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument(
        "--partial",
        action="store_true",
        help=say(
            "il seed completa un registro che esiste: non cercare qui tutti i riferimenti",
            "the seed completes an existing registry: do not look up references here",
        ),
    )
    reload = _add(
        commands,
        "reload",
        say(
            "rilegge la configurazione; ciò che non è cambiato non viene disturbato",
            "read the configuration again; what did not change is not disturbed",
        ),
    )
    _add_socket(reload, say)
    status = _add(commands, "status", say("stato del gateway", "state of the gateway"))
    _add_socket(status, say)


def _add_registry(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    registry = _add(
        commands,
        "registry",
        say("registro di siti, telecamere, atti, utenti", "sites, cameras, acts, users"),
    )
    actions = registry.add_subparsers(dest="action", metavar=say("AZIONE", "ACTION"), required=True)
    apply = _add(
        actions, "apply", say("importa un seed (TOML o GeoJSON)", "import a seed (TOML or GeoJSON)")
    )
    apply.add_argument("file", type=Path, metavar="FILE")
    apply.add_argument(
        "--replace",
        action="store_true",
        help=say("toglie ciò che il file non nomina", "remove what the file does not name"),
    )
    _add_socket(apply, say)
    export = _add(actions, "export", say("esporta il registro", "export the registry"))
    export.add_argument("--format", choices=("geojson", "csv", "toml"), required=True)
    _add_socket(export, say)


def _add_user(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    user = _add(commands, "user", say("utenti locali", "local users"))
    actions = user.add_subparsers(dest="action", metavar=say("AZIONE", "ACTION"), required=True)
    password = _add(actions, "password", say("imposta una password", "set a password"))
    password.add_argument("name", metavar=say("UTENTE", "USER"))
    password.add_argument(
        "--stdin",
        action="store_true",
        help=say("legge la password dallo standard input", "read the password from standard input"),
    )
    _add_socket(password, say)


def _add_audit(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    audit = _add(commands, "audit", say("registro degli accessi", "the access log"))
    actions = audit.add_subparsers(dest="action", metavar=say("AZIONE", "ACTION"), required=True)
    verify = _add(
        actions,
        "verify",
        say(
            "verifica il registro, in sola lettura e senza il servizio "
            "(0 integro, 1 alterato, 2 inutilizzabile)",
            "verify the log, read-only and without the service (0 intact, 1 altered, 2 unusable)",
        ),
    )
    export = _add(
        actions,
        "export",
        say("scrive le voci, una riga JSON ciascuna", "write the entries, one JSON line each"),
    )
    for parser in (verify, export):
        parser.add_argument(
            "--ledger",
            type=Path,
            default=None,
            metavar="PATH",
            help=say("file del registro (se manca: della configurazione)", "the log's file"),
        )
        _add_config(parser, say)
    _add_evidence(verify, say)
    key = _add(
        actions, "key", say("stampa la chiave pubblica del registro", "print the log's public key")
    )
    _add_config(key, say)


def _add_evidence(verify: argparse.ArgumentParser, say: Say) -> None:
    """Add what an auditor holds: a key and an older checkpoint."""
    verify.add_argument(
        "--key",
        default=None,
        metavar="PUBKEY",
        help=say(
            "chiave pubblica come la stampa `varco audit key`, o un file che la contiene",
            "public key as `varco audit key` prints it, or a file with it",
        ),
    )
    verify.add_argument(
        "--checkpoint",
        type=Path,
        default=None,
        metavar="FILE",
        help=say(
            "checkpoint conservato altrove: il registro deve contenerlo",
            "a checkpoint kept elsewhere, which the log must contain",
        ),
    )


def _add_rest(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    demo = _add(
        commands,
        "demo",
        say(
            "ESERCITAZIONE: una città simulata, tutto su questa macchina",
            "EXERCISE: a simulated town, everything on this machine",
        ),
    )
    demo.add_argument(
        "--once",
        action="store_true",
        help=say("esegue e verifica ogni scena, poi esce", "run and check every scene, then exit"),
    )
    demo.add_argument(
        "--port",
        type=int,
        default=None,
        metavar="N",
        help=say("porta della console (se manca: 8443)", "port of the console (8443)"),
    )
    _add(commands, "version", say("stampa la versione", "print the version"))
    internal = say("uso interno", "internal use")
    for name in ("media", "child"):
        _add(commands, name, internal)
