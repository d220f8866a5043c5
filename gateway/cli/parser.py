# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The words of the command line. Nothing heavy is imported: `varco --help` is quick."""

import argparse
from pathlib import Path

from gateway.cli.speech import Say

CONFIG = Path("/etc/varco/gateway.toml")
AIMS = ("verifica-liceita", "controllo-interno", "integrita-sicurezza", "procedimento-penale")
"""Lawful aims of reading the log (D.5.7)."""
EXPORTS = ("geojson", "csv", "csv-it", "osm-geojson", "toml")
"""Those of `registry.control.FORMATS`, which is too heavy to be imported here."""
OPERATIONS = (
    "live", "live.snapshot", "playback", "recorded", "clip.export", "ptz", "lpr.query", "hotlist",
    "hotlist.add", "hotlist.import", "hotlist.approve", "hotlist.open", "log.read", "log.export",
    "config.change", "camera.inspect", "policy.change",
)  # fmt: skip
"""Values of `model.access.Action`, which is not imported here."""
PLATE_PURPOSES = ("intervento", "delega-ag", "servizio")
"""Values of `model.access.Purpose` for which people touch plates."""
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
    _add_acts(commands, say)
    _add_user(commands, say)
    _add_policy(commands, say)
    _add_link(commands, say)
    _add_holdup(commands, say)
    _add_audit(commands, say)
    _add_alarms(commands, say)
    _add_replay(commands, say)
    _add_plates(commands, say)
    _add_store(commands, say)
    _add_rest(commands, say)
    return parser


def _add(
    commands: "Commands[argparse.ArgumentParser]", name: str, text: str, *older: str
) -> argparse.ArgumentParser:
    """Add a command; `older`: names that it had before."""
    return commands.add_parser(name, help=text, description=text, aliases=older)


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
    _add_held(actions, say)
    _add_nearest(actions, say)
    _add_coverage(actions, say)


def _add_held(actions: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    """Add how changes that open something wider are read, approved and rejected."""
    told = say("modifiche in attesa di due approvazioni", "changes that wait for two people")
    _add_socket(_add(actions, "held", told), say)
    for name, text in (
        ("approve", say("approva una modifica in attesa", "approve a change that waits")),
        ("reject", say("respinge una modifica in attesa", "reject a change that waits")),
    ):
        judge = _add(actions, name, text)
        judge.add_argument("id", metavar="ID")
        _add_person(judge, say)
        _add_socket(judge, say)


def _add_person(parser: argparse.ArgumentParser, say: Say) -> None:
    """Add who answers for a command, and why; the password is asked for."""
    _add_signature(parser, say)
    parser.add_argument(
        "--reason", required=True, metavar=say("MOTIVO", "REASON"), help=say("perché", "why")
    )


def _add_signature(parser: argparse.ArgumentParser, say: Say) -> None:
    """Add who answers for a command, where what is done says why."""
    parser.add_argument(
        "--user",
        required=True,
        metavar=say("UTENTE", "USER"),
        help=say("chi ne risponde", "who answers for it"),
    )
    parser.add_argument(
        "--totp",
        default="",
        metavar=say("CODICE", "CODE"),
        help=say("codice del secondo dispositivo", "code of the second device"),
    )
    parser.add_argument(
        "--stdin",
        action="store_true",
        help=say("legge la password dallo standard input", "read the password from standard input"),
    )


def _add_holdup(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    holdup = _add(commands, "holdup", say("canali antirapina", "hold-up channels"))
    actions = holdup.add_subparsers(dest="action", metavar=say("AZIONE", "ACTION"), required=True)
    told = say("i canali e i loro pulsanti", "the channels and their buttons")
    _add_socket(_add(actions, "list", told), say)
    words = say(
        "dà a un pulsante il suo segreto, mostrato una volta sola",
        "give a button its secret, shown once",
    )
    token = _add(actions, "token", words)
    test = _add(
        actions,
        "test",
        say("fa scattare il canale come prova", "set the channel off as an exercise"),
    )
    for parser in (token, test):
        parser.add_argument("id", metavar="ID")
        _add_socket(parser, say)
    token.add_argument(
        "--device",
        default="pulsante",
        metavar=say("NOME", "NAME"),
        help=say("quale pulsante (se manca: pulsante)", "which button (default: pulsante)"),
    )
    token.add_argument(
        "--revoke",
        action="store_true",
        help=say("ritira il segreto del pulsante", "take the button's secret back"),
    )
    report = _add(
        actions, "report", say("resoconto di un periodo (B-27)", "report of a period (B-27)")
    )
    for name, dest in (("--from", "since"), ("--to", "until")):
        day = say("giorno AAAA-MM-GG, compreso", "day YYYY-MM-DD, included")
        report.add_argument(name, dest=dest, required=True, metavar="DATE", help=day)
    report.add_argument("--json", action="store_true", help=say("come JSON", "as JSON"))
    _add_socket(report, say)


def _add_link(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    link = _add(
        commands, "link", say("collegamenti fra sedi e sale", "lines between edges and rooms")
    )
    actions = link.add_subparsers(dest="action", metavar=say("AZIONE", "ACTION"), required=True)
    told = say("come sta ogni collegamento", "how every line stands")
    _add_socket(_add(actions, "list", told), say)
    _add_invite(actions, say)
    join = _add(
        actions,
        "join",
        say(
            "nella sede: associa questo gateway alla sala che l'ha invitato",
            "at the edge: enrol this gateway with the room that invited it",
        ),
    )
    join.add_argument(
        "code",
        nargs="*",
        metavar=say("CODICE", "CODE"),
        help=say("il codice dell'invito; se manca viene chiesto", "the code; asked for if missing"),
    )
    join.add_argument(
        "--as",
        dest="name",
        required=True,
        metavar=say("NOME", "NAME"),
        help=say("nome del collegamento: [[uplink]] name", "name of the line: [[uplink]] name"),
    )
    _add_config(join, say)
    revoke = _add(
        actions, "revoke", say("non ammette più una sede, da subito", "let an edge in no more")
    )
    revoke.add_argument("edge", metavar=say("SEDE", "EDGE"))
    _add_signature(revoke, say)
    _add_socket(revoke, say)


def _add_invite(actions: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    invite = _add(
        actions,
        "invite",
        say(
            "nella sala: ammette una sede e stampa il codice da consegnarle",
            "at the room: let an edge in, and print the code to be passed on",
        ),
    )
    invite.add_argument(
        "edge", metavar=say("SEDE", "EDGE"), help=say("id del suo gateway", "id of its gateway")
    )
    invite.add_argument(
        "--name", default="", metavar=say("NOME", "NAME"), help=say("nome della sede", "its name")
    )
    invite.add_argument(
        "--organisations",
        default="",
        metavar="ID,ID",
        help=say(
            "destinatari e titolari che ne sanno (se manca: chi invita)",
            "recipients and controllers who may know of it (else: who invites)",
        ),
    )
    _add_signature(invite, say)
    _add_socket(invite, say)


def _add_acts(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    acts = _add(commands, "acts", say("patti, accordi e proroghe", "pacts and extensions"))
    actions = acts.add_subparsers(dest="action", metavar=say("AZIONE", "ACTION"), required=True)
    told = say("come stanno gli atti, e che cosa consentono", "how acts stand, what they allow")
    _add_socket(_add(actions, "list", told), say)
    extend = _add(actions, "extend", say("proroga un atto, a nome di una persona", "extend an act"))
    extend.add_argument("act", metavar=say("ATTO", "ACT"))
    extend.add_argument("until", metavar=say("GIORNO", "DAY"), help="2027-06-30")
    extend.add_argument(
        "--document-sha256",
        default="",
        metavar="SHA256",
        help=say("del documento della proroga", "of the extension's document"),
    )
    _add_person(extend, say)
    _add_socket(extend, say)


def _add_user(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    user = _add(commands, "users", say("utenti locali", "local users"), "user")
    actions = user.add_subparsers(dest="action", metavar=say("AZIONE", "ACTION"), required=True)
    password = _add(actions, "password", say("imposta una password", "set a password"))
    password.add_argument("name", metavar=say("UTENTE", "USER"))
    password.add_argument(
        "--stdin",
        action="store_true",
        help=say("legge la password dallo standard input", "read the password from standard input"),
    )
    _add_socket(password, say)
    reset = _add(
        actions,
        "totp-reset",
        say("toglie il secondo dispositivo", "take the second device away"),
    )
    reset.add_argument("name", metavar=say("UTENTE", "USER"))
    _add_socket(reset, say)


def _add_policy(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    policy = _add(commands, "policy", say("chi può guardare, e perché", "who may look, and why"))
    actions = policy.add_subparsers(dest="action", metavar=say("AZIONE", "ACTION"), required=True)
    explain = _add(
        actions,
        "explain",
        say(
            "spiega i diritti di un utente su una telecamera; non apre e non scrive nulla",
            "explain a user's rights at a camera; opens and writes nothing",
        ),
    )
    explain.add_argument("user", metavar=say("UTENTE", "USER"))
    explain.add_argument("camera", metavar=say("TELECAMERA", "CAMERA"))
    explain.add_argument("act", metavar=say("OPERAZIONE", "OPERATION"), choices=OPERATIONS)
    explain.add_argument(
        "--purpose",
        default="",
        metavar=say("FINALITÀ", "PURPOSE"),
        help=say("codice della finalità, per esempio servizio", "purpose code, e.g. servizio"),
    )
    explain.add_argument(
        "--case",
        default="",
        metavar=say("CASO", "CASE"),
        help=say("allarme, ordine o fascicolo", "alarm, order or file"),
    )
    _add_socket(explain, say)


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
    verify.add_argument(
        "--ledger",
        type=Path,
        default=None,
        metavar="PATH",
        help=say("file del registro (se manca: della configurazione)", "the log's file"),
    )
    _add_config(verify, say)
    _add_evidence(verify, say)
    _add_period(verify, say)
    _add_exports(actions, say)
    _add_match(actions, say)
    key = _add(
        actions, "key", say("stampa la chiave pubblica del registro", "print the log's public key")
    )
    _add_config(key, say)


def _add_match(actions: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    """Add the comparison of a room's log with an edge's."""
    match = _add(
        actions,
        "match",
        say(
            "confronta l'esportazione di una sala con quella di una sede "
            "(0 concordano, 1 no, 2 inutilizzabile)",
            "hold a room's export against an edge's (0 they agree, 1 not, 2 unusable)",
        ),
    )
    match.add_argument("room", type=Path, metavar=say("SALA.zip", "ROOM.zip"))
    match.add_argument("edge", type=Path, metavar=say("SEDE.zip", "EDGE.zip"))
    match.add_argument(
        "--edge-id",
        default="",
        metavar="ID",
        help=say("come la sala chiama la sede", "what the room calls the edge"),
    )
    match.add_argument(
        "--tolerance",
        type=float,
        default=60.0,
        metavar="S",
        help=say("secondi di scarto fra i due orologi", "seconds between the two clocks"),
    )
    for name, words in (
        ("--room-key", say("chiave pubblica della sala, o file", "the room's public key, or file")),
        ("--edge-key", say("chiave pubblica della sede, o file", "the edge's public key, or file")),
    ):
        match.add_argument(name, default="", metavar=say("CHIAVE", "KEY"), help=words)


def _add_exports(actions: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    """Add what leaves the log: each asks who wants it, and why."""
    export = _add(
        actions,
        "export",
        say(
            "esporta il registro, intero o un estratto, a una persona che si identifica; "
            "anche questo è una voce",
            "export the log, or an extract, to a named person; that is an entry, too",
        ),
    )
    export.add_argument(
        "--format",
        choices=("jsonl", "csv", "ocsf", "report"),
        default="jsonl",
        help=say(
            "jsonl: zip verificabile senza Varco; csv: tabella; ocsf: per SIEM; report: relazione",
            "jsonl: zip that verifies without Varco; csv: table; ocsf: for SIEMs; report: a page",
        ),
    )
    report = _add(
        actions,
        "report",
        say(
            "relazione in italiano per il DPO, o la verifica annuale degli amministratori",
            "report in Italian for the DPO, or the yearly check of administrators",
        ),
    )
    report.add_argument(
        "--admins",
        action="store_true",
        help=say("verifica annuale degli amministratori", "yearly check of administrators"),
    )
    report.add_argument(
        "--year", type=int, default=0, metavar="N", help=say("anno della verifica", "its year")
    )
    for parser in (export, report):
        _add_asking(parser, say)
        _add_filters(parser, say)
        _add_socket(parser, say)
    report.set_defaults(format="report")


def _add_asking(parser: argparse.ArgumentParser, say: Say) -> None:
    """Add who asks, why, and where it goes."""
    parser.add_argument(
        "--user", default="", metavar=say("UTENTE", "USER"), help=say("chi chiede", "who asks")
    )
    parser.add_argument(
        "--aim",
        choices=AIMS,
        default=None,
        help=say("scopo di legge della lettura", "lawful aim of the reading"),
    )
    parser.add_argument(
        "--own-case", default="", metavar=say("CASO", "CASE"), help=say("proprio caso", "own case")
    )
    parser.add_argument(
        "--out", type=Path, default=None, metavar="FILE", help=say("file da scrivere", "file")
    )
    parser.add_argument(
        "--stdin",
        action="store_true",
        help=say("legge la password dallo standard input", "read the password from standard input"),
    )
    parser.add_argument(
        "--offline",
        default=None,
        metavar=say("MOTIVO", "REASON"),
        help=say(
            "a servizio fermo: il motivo diventa una voce del registro",
            "with the service stopped: the reason becomes an entry of the log",
        ),
    )


def _add_filters(parser: argparse.ArgumentParser, say: Say) -> None:
    """Add which entries are meant."""
    words = (
        ("--from", say("dal giorno (2026-11-22) o dall'istante", "from a day or an instant")),
        ("--to", say("fino al giorno compreso, o all'istante", "to a day, included, or instant")),
        ("--person", say("utenza che ha agito", "account that acted")),
        ("--camera", say("telecamera", "camera")),
        ("--case", say("caso delle voci", "case of the entries")),
        ("--event", say("codice, o famiglia come live.", "code, or a family such as live.")),
    )
    for name, text in words:
        parser.add_argument(name, default="", metavar=name[2:].upper(), help=text)
    parser.add_argument(
        "--no-bom",
        action="store_true",
        help=say("csv senza il segno iniziale per Excel", "csv without the mark for Excel"),
    )


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
    verify.add_argument(
        "--witness",
        action="append",
        default=[],
        metavar="PUBKEY",
        help=say(
            "chiave pubblica di un testimone (se manca: della configurazione)",
            "public key of a witness (else those of the configuration)",
        ),
    )
    verify.add_argument(
        "--tsa-ca",
        type=Path,
        default=None,
        metavar="FILE",
        help=say("radici della marca temporale, PEM", "roots of the time stamps, PEM"),
    )


def _add_period(verify: argparse.ArgumentParser, say: Say) -> None:
    """Add which entries the answer is about; the whole log is read in any case."""
    what = say(
        "numero della {} voce, giorno (AAAA-MM-GG) o istante; il registro è letto comunque tutto",
        "number of the {} entry, day (YYYY-MM-DD) or time; the whole log is read all the same",
    )
    for option, name, it, en in (
        ("--from", "since", "prima", "first"),
        ("--to", "until", "ultima", "last"),
    ):
        verify.add_argument(
            option, dest=name, default="", metavar="WHEN", help=what.format(say(it, en))
        )


def _add_alarms(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    alarms = _add(commands, "alarms", say("tempi degli allarmi", "times of alarms"))
    actions = alarms.add_subparsers(dest="action", metavar=say("AZIONE", "ACTION"), required=True)
    told = say("dall'immagine all'operatore (B-45)", "from the picture to the operator (B-45)")
    times = _add(actions, "times", told)
    day = say("giorno AAAA-MM-GG, compreso", "day YYYY-MM-DD, included")
    for name, dest in (("--from", "since"), ("--to", "until")):
        times.add_argument(name, dest=dest, required=True, metavar="DATE", help=day)
    times.add_argument("--json", action="store_true", help=say("come JSON", "as JSON"))
    _add_config(times, say)
    right = _add(
        actions, "precision", say("quante volte hanno ragione le regole", "how right rules are")
    )
    for name, dest in (("--from", "since"), ("--to", "until")):
        right.add_argument(name, dest=dest, required=True, metavar="DATE", help=day)
    right.add_argument("--json", action="store_true", help=say("come JSON", "as JSON"))
    _add_config(right, say)


def _add_replay(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    about = say(
        "regole su una registrazione, senza allarmi", "rules over a recording, no alarm raised"
    )
    replay = _add(commands, "replay", about)
    replay.add_argument(
        "file", type=Path, metavar="FILE", help=say("la registrazione", "recording")
    )
    seed = say("seme con la telecamera e le sue zone", "seed with the camera and its zones")
    replay.add_argument("--seed", type=Path, metavar="FILE", help=seed)
    camera = say("quale telecamera del seme", "which camera of the seed")
    replay.add_argument("--camera", default="", metavar="ID", help=camera)
    sheet = say("dove scrivere le immagini (HTML)", "where the pictures go (HTML)")
    replay.add_argument("--sheet", type=Path, metavar="FILE", help=sheet)
    start = say("quando comincia, RFC 3339", "when it begins, RFC 3339")
    replay.add_argument("--start", default="", metavar="WHEN", help=start)
    replay.add_argument("--json", action="store_true", help=say("come JSON", "as JSON"))


def _add_plates(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    about = say("targhe: lettura e sue cifre", "plates: reading, and figures of it")
    actions = _add(commands, "plates", about).add_subparsers(
        dest="action", metavar=say("AZIONE", "ACTION"), required=True
    )
    read = _add(actions, "read", say("legge un'immagine o un filmato", "read a picture or a film"))
    read.add_argument(
        "file", type=Path, metavar="FILE", help=say("immagine o filmato", "picture or film")
    )
    sheet = say(
        "dove scrivere la pagina (.html) o il disegno (.png)", "page (.html), drawing (.png)"
    )
    read.add_argument("--sheet", type=Path, metavar="FILE", help=sheet)
    about = say("misura la lettura su targhe note", "measure reading on labelled plates")
    judge = _add(actions, "evaluate", about)
    folder = say(
        "fotogrammi con righe «file x y w h testo», o ritagli con crops.tsv",
        "frames with lines `file x y w h text`, or crops with crops.tsv",
    )
    judge.add_argument("folder", type=Path, metavar="DIR", help=folder)
    for one in (read, judge):
        nets = say(
            "cartella delle reti (se manca: le nostre)", "folder of the nets (default: ours)"
        )
        one.add_argument("--nets", type=Path, metavar="DIR", help=nets)
        finder = say("un proprio cercatore di targhe (.onnx)", "a finder of one's own (.onnx)")
        one.add_argument("--finder", type=Path, metavar="FILE", help=finder)
        alone = say("senza il secondo lettore", "without the second reader")
        one.add_argument("--no-second", action="store_true", help=alone)
        one.add_argument("--json", action="store_true", help=say("come JSON", "as JSON"))
    _add_hotlists(actions, say)


def _add_hotlists(actions: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    """Add what is done with lists of plates that are sought."""
    _add_socket(_add(actions, "list", say("le liste ricevute", "the lists received")), say)
    about = say("importa una lista firmata", "import a signed list")
    deliver = _add(actions, "import", about)
    deliver.add_argument("file", type=Path, metavar="FILE", help=say("CSV o JSON", "CSV or JSON"))
    signature = say("firma Ed25519 del file", "Ed25519 signature of the file")
    deliver.add_argument("--signature", type=Path, required=True, metavar="FILE", help=signature)
    add = _add_local_entry(actions, say)
    for one in (deliver, add):
        one.add_argument(
            "--purpose",
            choices=PLATE_PURPOSES,
            default=PLATE_PURPOSES[0],
            help=say("finalità", "purpose"),
        )
        one.add_argument(
            "--case",
            required=True,
            metavar=say("CASO", "CASE"),
            help=say("numero del caso", "number of the case"),
        )
    remove = _add(actions, "remove", say("toglie una voce", "remove an entry"))
    remove.add_argument("entry", metavar=say("VOCE", "ENTRY"))
    for one in (deliver, add, remove):
        _add_person(one, say)
        _add_socket(one, say)


def _add_local_entry(
    actions: "Commands[argparse.ArgumentParser]", say: Say
) -> argparse.ArgumentParser:
    """Add what is said of a plate that is entered here."""
    about = say(
        "chiede una voce locale: la targa viene chiesta",
        "ask for a local entry; the plate is asked for",
    )
    add = _add(actions, "add", about)
    for name, told in (
        ("--act", say("provvedimento", "order on which it rests")),
        ("--requester", say("chi la richiede", "who requests it")),
        ("--until", say("scadenza, al massimo fra 90 giorni", "its end, at most in 90 days")),
    ):
        add.add_argument(name, required=True, help=told)
    add.add_argument(
        "--country",
        default="IT",
        help=say("due lettere; vuoto: qualunque", "two letters; empty: any"),
    )
    add.add_argument("--label", default="", help=say("nota", "note"))
    return add


def _add_store(commands: "Commands[argparse.ArgumentParser]", say: Say) -> None:
    about = say("archivio di una sala su PostgreSQL", "a room's store on PostgreSQL")
    actions = _add(commands, "store", about).add_subparsers(
        dest="action", metavar=say("AZIONE", "ACTION"), required=True
    )
    init = _add(actions, "init", say("prepara la base di dati", "prepare the database"))
    init.add_argument(
        "--role",
        required=True,
        help=say("ruolo con cui entra il gateway", "role as which the gateway signs in"),
    )
    check = _add(actions, "verify", say("verifica la copia del registro", "check the log's copy"))
    check.add_argument(
        "--key", required=True, help=say("chiave del registro (vkey)", "key of the log (vkey)")
    )
    for one in (init, check):
        one.add_argument(
            "--database",
            required=True,
            metavar="REF",
            help=say(
                "dove sta l'indirizzo, con l'utenza del proprietario: file:/… o env:NOME",
                "where the address is, with the owner's account: file:/… or env:NAME",
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
