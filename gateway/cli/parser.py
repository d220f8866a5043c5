# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The words of the command line. Nothing heavy is imported: `varco --help` is quick."""

import argparse
from pathlib import Path

from gateway.cli.speech import Say

CONFIG = Path("/etc/varco/gateway.toml")
EXPORTS = ("geojson", "csv", "csv-it", "osm-geojson", "toml")
"""Those of `registry.control.FORMATS`, which is too heavy to be imported here."""
LEAST_SECONDS = 1.0
MOST_SECONDS = 300.0

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
    _add_discover(commands, say)
    _add_probe(commands, say)
    _add_accept(commands, say)
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


def _add_seconds(parser: argparse.ArgumentParser, seconds: float, text: str) -> None:
    parser.add_argument(
        "--seconds", type=_seconds, default=seconds, metavar="N", help=f"{text} ({seconds:g})"
    )


def _seconds(text: str) -> float:
    """Return a length of time; argparse tells of anything else."""
    seconds = float(text)
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{LEAST_SECONDS:g} .. {MOST_SECONDS:g}")
    return seconds


def _add_login(parser: argparse.ArgumentParser, say: Say) -> None:
    """Add how user and password come in: never as words of the command."""
    login = parser.add_mutually_exclusive_group()
    login.add_argument(
        "--credential",
        default=None,
        metavar="REF",
        help=say(
            "riferimento a utente:password (file:/percorso, env:NOME)",
            "reference to user:password (file:/path, env:NAME)",
        ),
    )
    login.add_argument(
        "--login",
        action="store_true",
        help=say("chiede utente e password, senza eco", "ask for user and password, without echo"),
    )


def _add_discover(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    discover = _add(
        commands,
        "discover",
        say(
            "cerca telecamere e registratori in rete (WS-Discovery), senza il servizio",
            "look for cameras and recorders (WS-Discovery), without the service",
        ),
    )
    discover.add_argument(
        "address",
        nargs="*",
        metavar=say("INDIRIZZO", "ADDRESS"),
        help=say(
            "solo questi; con --login ne legge i canali", "only these; --login reads channels"
        ),
    )
    _add_seconds(discover, 4.0, say("durata dell'ascolto", "how long to listen"))
    discover.add_argument(
        "--interface",
        action="append",
        default=[],
        metavar=say("NOME", "NAME"),
        help=say("cerca solo da qui (ripetibile)", "look from here only (repeatable)"),
    )
    _add_discover_form(discover, say)
    _add_login(discover, say)
    _add_socket(discover, say)


def _add_discover_form(discover: argparse.ArgumentParser, say: Say) -> None:
    """Add how what was found is told."""
    form = discover.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=say("per i programmi", "for programs"))
    form.add_argument(
        "--snippet",
        action="store_true",
        help=say(
            "stampa le tabelle per il registro (TOML)", "print tables for the registry (TOML)"
        ),
    )
    discover.add_argument(
        "--site",
        default="sito",
        metavar="ID",
        help=say("sito scritto nelle tabelle", "site that the tables name"),
    )
    discover.add_argument(
        "--make",
        default="",
        metavar="ID",
        help=say("marca, per un registratore senza ONVIF", "make, for a recorder without ONVIF"),
    )


def _add_probe(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    probe = _add(
        commands,
        "probe",
        say(
            "misura un flusso e dice che cosa cambiare "
            "(0 a posto, 1 da correggere, 2 non misurabile)",
            "measure a stream and say what to change (0 fine, 1 to correct, 2 not measurable)",
        ),
    )
    probe.add_argument(
        "target",
        metavar=say("URL|TELECAMERA", "URL|CAMERA"),
        help=say(
            "URL senza credenziali (provato da qui), o telecamera del registro (dal servizio)",
            "URL without credentials (tried from here), or camera of the registry (by the service)",
        ),
    )
    _add_seconds(probe, 10.0, say("durata della misura", "how long to measure"))
    probe.add_argument("--json", action="store_true", help=say("per i programmi", "for programs"))
    _add_login(probe, say)
    probe.add_argument("--udp", action="store_true", help=say("misura via UDP", "measure by UDP"))
    probe.add_argument(
        "--tls-sha256",
        default="",
        metavar="HEX",
        help=say("impronta del certificato da accettare", "fingerprint of the certificate"),
    )
    probe.add_argument(
        "--onvif",
        default="",
        metavar="URL",
        help=say("URL del servizio ONVIF del dispositivo", "URL of the device's ONVIF service"),
    )
    _add_socket(probe, say)


def _add_accept(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    accept = _add(
        commands,
        "accept",
        say(
            "scheda di collaudo di una telecamera (0 conforme, 1 non conforme, 2 inutilizzabile)",
            "acceptance sheet of a camera (0 passed, 1 failed, 2 unusable)",
        ),
    )
    accept.add_argument("camera", metavar=say("TELECAMERA", "CAMERA"))
    accept.add_argument(
        "--as",
        dest="installer",
        required=True,
        metavar=say("UTENTE", "USER"),
        help=say(
            "conto dell'installatore, che firma la scheda; la password viene chiesta",
            "account of the installer, who signs the sheet; its password is asked for",
        ),
    )
    accept.add_argument(
        "--stdin",
        action="store_true",
        help=say("legge la password dallo standard input", "read the password from standard input"),
    )
    _add_seconds(accept, 10.0, say("durata della misura", "how long to measure"))
    accept.add_argument(
        "--clear-because",
        default="",
        metavar=say("MOTIVO", "REASON"),
        help=say(
            "perché le immagini possono viaggiare in chiaro", "why pictures may travel in clear"
        ),
    )
    for name, text in (
        ("--json", say("scrive la scheda come JSON", "write the sheet as JSON")),
        ("--html", say("scrive la pagina da stampare", "write the page to be printed")),
    ):
        accept.add_argument(name, type=Path, default=None, metavar="FILE", help=text)
    _add_socket(accept, say)


def _add_nearest(actions: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    nearest = _add(
        actions,
        "nearest",
        say("telecamere che vedono un luogo, le migliori prima", "cameras that see a place"),
    )
    nearest.add_argument("latitude", type=float, metavar="LAT")
    nearest.add_argument("longitude", type=float, metavar="LON")
    nearest.add_argument(
        "--most", type=int, default=10, metavar="N", help=say("quante (10)", "how many (10)")
    )
    _add_socket(nearest, say)


def _add_coverage(actions: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    coverage = _add(
        actions,
        "coverage",
        say(
            "quanto di ogni area a rischio vedono le telecamere, e dove sono i vuoti",
            "how much of each risk area the cameras see, and where the gaps are",
        ),
    )
    coverage.add_argument(
        "--json", action="store_true", help=say("per i programmi", "for programs")
    )
    _add_socket(coverage, say)
    candidates = _add(
        actions,
        "candidates",
        say(
            "confronta le telecamere di OpenStreetMap con quelle registrate, senza cambiare nulla",
            "compare cameras of OpenStreetMap with the registered ones; changes nothing",
        ),
    )
    candidates.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help=say(
            "estratto di OpenStreetMap: JSON o XML di Overpass, GeoJSON",
            "extract of OpenStreetMap: JSON or XML of Overpass, GeoJSON",
        ),
    )
    candidates.add_argument(
        "--json",
        action="store_true",
        help=say("GeoJSON, da aprire su una mappa", "GeoJSON, to be opened on a map"),
    )
    _add_socket(candidates, say)


def _add_registry(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    registry = _add(
        commands,
        "registry",
        say("registro di siti, telecamere, atti, utenti", "sites, cameras, acts, users"),
    )
    actions = registry.add_subparsers(dest="action", metavar=say("AZIONE", "ACTION"), required=True)
    apply = _add(
        actions,
        "apply",
        say("importa un seed (TOML, GeoJSON, CSV)", "import a seed (TOML, GeoJSON, CSV)"),
    )
    apply.add_argument("file", type=Path, metavar="FILE")
    apply.add_argument(
        "--replace",
        action="store_true",
        help=say("toglie ciò che il file non nomina", "remove what the file does not name"),
    )
    _add_socket(apply, say)
    export = _add(actions, "export", say("esporta il registro", "export the registry"))
    export.add_argument("--format", choices=EXPORTS, required=True)
    _add_socket(export, say)
    _add_nearest(actions, say)
    _add_coverage(actions, say)


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
