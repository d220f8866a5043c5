# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Which language a request wants, and what our own errors say in it.

Sentences about access come from the gate (`Verdict.text_it`, `text_en`); these are the errors
that the HTTP surface itself makes.
"""

from enum import Enum

from starlette.requests import Request

LANGUAGE_COOKIE = "varco_lang"


class Language(Enum):
    """Languages of the interface; Italian is the first (B-74)."""

    IT = "it"
    EN = "en"


class Fault(Enum):
    """Stable codes of errors that are not the gate's, with their sentences (it, en)."""

    SIGN_IN_NEEDED = "sign-in-needed"
    SIGN_IN_REFUSED = "sign-in-refused"
    CODE_NEEDED = "totp-needed"
    CODE_WRONG = "totp-wrong"
    NO_ENROLMENT = "totp-not-possible"
    TOKEN = "token-not-valid"  # noqa: S105 - a code, not a token
    OIDC_STATE = "oidc-state"
    OIDC_REFUSED = "oidc-refused"
    OIDC_AWAY = "oidc-away"
    OIDC_TOKEN = "oidc-token"  # noqa: S105 - a code, not a token
    OIDC_LEVEL = "oidc-level"
    OIDC_UNKNOWN = "oidc-unknown"
    ORIGIN = "origin-not-allowed"
    NOT_FOUND = "not-found"
    METHOD = "method-not-allowed"
    INVALID = "invalid-request"
    TOO_LARGE = "body-too-large"
    TOO_SLOW = "body-too-slow"
    TOO_MANY = "too-many-at-once"
    CONTENT_TYPE = "content-type-not-supported"
    OFFER_MALFORMED = "offer-malformed"
    OFFER_UNUSABLE = "offer-not-acceptable"
    STALE = "session-changed"
    VIEW_LIMIT = "view-limit"
    NOT_YOURS = "session-of-another-person"
    UNAVAILABLE = "service-unavailable"
    ROLE = "role-may-not"
    NO_STILL = "no-still"
    NO_CLIP = "no-clip"
    ALREADY_CLOSED = "alarm-already-closed"
    HOTLIST_SAME_PERSON = "hotlist-same-person"
    HOTLIST_NEWCOMER = "hotlist-newcomer"
    HOTLIST_DECIDED = "hotlist-decided"
    HOTLIST_FULL = "hotlist-full"
    HOTLIST_SIGNATURE = "hotlist-signature"
    HOTLIST_OLD = "hotlist-old"
    ALREADY_TAKEN = "alarm-already-taken"
    SHIFT_OPEN = "another-shift-open"
    INCIDENT_CLOSED = "incident-already-closed"
    NOT_RESPONSIBLE = "not-responsible"
    INCIDENT_FULL = "incident-full"
    INCIDENT_REFERENCE = "incident-reference"
    NOT_POSSIBLE = "not-possible"
    KEY_REUSED = "idempotency-key-reused"
    KEY_RUNNING = "idempotency-key-running"
    NOT_AN_INSTITUTE = "not-an-institute"
    INSTITUTE_DISABLED = "institute-disabled"
    INSTITUTE_NOT_YET = "institute-not-listed-yet"
    INSTITUTE_GONE = "institute-no-longer-listed"
    INSTITUTE_CERTIFICATE = "institute-certificate-expired"
    PLATE_UNSEEN = "plate-not-opened"
    REPORT_TAKEN = "report-taken"
    REPORT_CLOSED = "report-already-closed"
    REPORTS_FULL = "reports-full"
    REPORTS_TOO_MANY = "reports-too-many"
    SECOND = "second-not-possible"
    CERTIFICATE_NEEDED = "client-certificate-needed"
    PEER_NOT_ALLOWED = "peer-not-allowed"
    CONFIGURATION = "configuration"
    INTERNAL = "internal-error"


SENTENCES: dict[Fault, tuple[str, str]] = {
    Fault.SIGN_IN_NEEDED: ("Occorre accedere.", "Please sign in."),
    Fault.SIGN_IN_REFUSED: (
        "Nome utente o password non validi. Dopo più tentativi errati l’accesso si blocca "
        "per qualche minuto.",
        "User name or password not valid. After several wrong attempts sign-in is blocked "
        "for some minutes.",
    ),
    Fault.CODE_NEEDED: (
        "Occorre anche il codice del secondo dispositivo.",
        "The code of your second device is needed, too.",
    ),
    Fault.CODE_WRONG: (
        "Il codice non è valido, o è già stato usato: attendere il prossimo.",
        "The code is not valid, or was used already: please wait for the next one.",
    ),
    Fault.NO_ENROLMENT: (
        "A questo accesso non si può associare un secondo dispositivo. Se ce n’è già uno, lo "
        "toglie l’amministratore.",
        "No second device can be enrolled with this sign-in. If there is one already, the "
        "administrator can take it away.",
    ),
    Fault.TOKEN: (
        "Il permesso di visione non è valido: è scaduto, già usato, o per un’altra telecamera.",
        "The viewing token is not valid: it is over, was used, or is for another camera.",
    ),
    Fault.OIDC_STATE: (
        "L’accesso è durato troppo o è iniziato in un’altra finestra: ricominciare da qui.",
        "The sign-in took too long or began in another window: please start again here.",
    ),
    Fault.OIDC_REFUSED: (
        "Il gestore dell’identità non ha concluso l’accesso.",
        "The identity provider did not complete the sign-in.",
    ),
    Fault.OIDC_AWAY: (
        "Il gestore dell’identità non risponde; riprovare tra poco.",
        "The identity provider does not answer; please try again shortly.",
    ),
    Fault.OIDC_TOKEN: (
        "La risposta del gestore dell’identità non è verificabile: nessun accesso.",
        "The identity provider’s answer cannot be verified: nobody was signed in.",
    ),
    Fault.OIDC_LEVEL: (
        "Il livello di autenticazione non basta per questo sistema.",
        "The level of authentication is not enough for this system.",
    ),
    Fault.OIDC_UNKNOWN: (
        "Questa identità non è abilitata qui: la abilita l’amministratore nel registro.",
        "This identity has no account here: the administrator can add it to the registry.",
    ),
    Fault.ORIGIN: (
        "La richiesta viene da un’altra pagina e non è accettata.",
        "The request comes from another page and is not accepted.",
    ),
    Fault.NOT_FOUND: ("Non esiste.", "It does not exist."),
    Fault.METHOD: ("Operazione non prevista qui.", "This operation is not offered here."),
    Fault.INVALID: ("La richiesta non è valida.", "The request is not valid."),
    Fault.TOO_LARGE: ("La richiesta è troppo grande.", "The request is too large."),
    Fault.TOO_SLOW: (
        "La richiesta non è arrivata per intero in tempo.",
        "The request did not arrive in full in time.",
    ),
    Fault.TOO_MANY: (
        "Troppe connessioni aperte insieme: chiuderne qualcuna.",
        "Too many connections open at once: please close some.",
    ),
    Fault.CONTENT_TYPE: (
        "Il tipo di contenuto non è quello previsto.",
        "The content type is not the expected one.",
    ),
    Fault.OFFER_MALFORMED: (
        "L’offerta SDP non è leggibile.",
        "The SDP offer cannot be read.",
    ),
    Fault.OFFER_UNUSABLE: (
        "Con questa offerta SDP non è possibile mostrare la telecamera.",
        "This camera cannot be shown with this SDP offer.",
    ),
    Fault.STALE: (
        "La sessione è cambiata nel frattempo.",
        "The session changed in the meantime.",
    ),
    Fault.VIEW_LIMIT: (
        "Non si possono aprire altre immagini dal vivo: il limite è raggiunto.",
        "No more live pictures can be opened: the limit is reached.",
    ),
    Fault.NOT_YOURS: (
        "La sessione è di un’altra persona.",
        "The session belongs to another person.",
    ),
    Fault.UNAVAILABLE: (
        "Il servizio non risponde in questo momento; riprovare tra poco.",
        "The service does not answer at the moment; please try again shortly.",
    ),
    Fault.ROLE: (
        "Il suo ruolo non consente questa operazione.",
        "Your role does not allow this operation.",
    ),
    Fault.NO_STILL: (
        "Nessun fotogramma conservato per questo allarme.",
        "No still picture is kept for this alarm.",
    ),
    Fault.NO_CLIP: (
        "Nessuna immagine conservata prima di questo allarme.",
        "No pictures are kept from before this alarm.",
    ),
    Fault.SHIFT_OPEN: (
        "È già aperto un turno con un altro ordine di servizio: chiuderlo prima.",
        "A shift with another service order is open: please close it first.",
    ),
    Fault.INCIDENT_CLOSED: ("L’intervento è già chiuso.", "The incident is already closed."),
    Fault.NOT_RESPONSIBLE: (
        "Lo decide la sala che ha in carico l’intervento.",
        "The room that deals with the incident decides this.",
    ),
    Fault.INCIDENT_FULL: (
        "È stato raggiunto il limite previsto: chiudere o aprire un altro intervento.",
        "The limit has been reached: please close one, or open another incident.",
    ),
    Fault.INCIDENT_REFERENCE: (
        "Un riferimento non è noto alla sua organizzazione.",
        "Your organisation does not know of something that is named here.",
    ),
    Fault.NOT_POSSIBLE: (
        "In questo momento non è possibile.",
        "This is not possible at the moment.",
    ),
    Fault.KEY_REUSED: (
        "La chiave di idempotenza è già stata usata per un’altra richiesta.",
        "The idempotency key was used for another request already.",
    ),
    Fault.KEY_RUNNING: (
        "La prima richiesta con questa chiave è ancora in corso.",
        "The first request with this key is still running.",
    ),
    Fault.NOT_AN_INSTITUTE: (
        "Segnala solo un istituto di vigilanza dell’elenco del Comitato provinciale. "
        "Per le emergenze chiamare il 112.",
        "Only vigilance institutes on the provincial committee’s list send reports. "
        "In an emergency call 112.",
    ),
    Fault.INSTITUTE_DISABLED: (
        "L’istituto è sospeso: non può inviare segnalazioni. Per le emergenze chiamare il 112.",
        "The institute is suspended and cannot send reports. In an emergency call 112.",
    ),
    Fault.INSTITUTE_NOT_YET: (
        "L’istituto non è ancora nell’elenco in vigore. Per le emergenze chiamare il 112.",
        "The institute is not on the list in force yet. In an emergency call 112.",
    ),
    Fault.INSTITUTE_GONE: (
        "L’istituto non è più nell’elenco in vigore. Per le emergenze chiamare il 112.",
        "The institute is no longer on the list in force. In an emergency call 112.",
    ),
    Fault.INSTITUTE_CERTIFICATE: (
        "Il certificato EN 50518 dell’istituto è scaduto. Per le emergenze chiamare il 112.",
        "The institute’s EN 50518 certificate has run out. In an emergency call 112.",
    ),
    Fault.PLATE_UNSEEN: (
        "Prima di decidere bisogna aprire la targa e confrontarla con l’immagine.",
        "Open the plate and compare it with the picture before deciding.",
    ),
    Fault.REPORT_TAKEN: (
        "La segnalazione è già in carico a un’altra sala.",
        "Another room deals with this report already.",
    ),
    Fault.REPORT_CLOSED: ("La segnalazione è già chiusa.", "The report is already closed."),
    Fault.REPORTS_FULL: (
        "Ci sono troppe segnalazioni aperte: la sala deve prima chiuderne. "
        "Per le emergenze chiamare il 112.",
        "Too many reports are open: the room has to close some first. In an emergency call 112.",
    ),
    Fault.REPORTS_TOO_MANY: (
        "Troppe segnalazioni in poco tempo: riprovare tra poco.",
        "Too many reports in a short time: please try again shortly.",
    ),
    Fault.SECOND: (
        "Questo codice non si può confermare: è scaduto, già usato o di un’altra organizzazione.",
        "This code cannot be confirmed: it is over, was used, or is another organisation’s.",
    ),
    Fault.ALREADY_TAKEN: (
        "Un’altra persona ha già preso in carico l’allarme.",
        "Somebody else has already taken this alarm.",
    ),
    Fault.ALREADY_CLOSED: ("L’allarme è già chiuso.", "The alarm is already closed."),
    Fault.HOTLIST_SAME_PERSON: (
        "Chi chiede la voce non può approvarla, nemmeno con un’altra utenza: serve un’altra "
        "persona.",
        "Who asks for an entry cannot approve it, not even with another account: another person "
        "is needed.",
    ),
    Fault.HOTLIST_NEWCOMER: (
        "Questa utenza è stata creata o cambiata dopo la richiesta: approva un’altra persona.",
        "This account was made or changed after the request: another person has to approve.",
    ),
    Fault.HOTLIST_DECIDED: (
        "La voce non è più in attesa: qualcuno ha già deciso.",
        "The entry waits no more: somebody has decided already.",
    ),
    Fault.HOTLIST_FULL: (
        "Ci sono troppe voci locali: approvare, respingere o togliere prima quelle che ci sono.",
        "There are too many local entries: approve, reject or remove some first.",
    ),
    Fault.HOTLIST_SIGNATURE: (
        "La firma del file non è di una fonte registrata per questa lista: nulla è cambiato.",
        "The file is not signed by a source registered for this list: nothing has changed.",
    ),
    Fault.HOTLIST_OLD: (
        "La lista non è più recente di quella in vigore, o le variazioni sono di un’altra lista: "
        "nulla è cambiato.",
        "The list is not newer than the one in force, or these are changes to another list: "
        "nothing has changed.",
    ),
    Fault.CERTIFICATE_NEEDED: (
        "Occorre un certificato client riconosciuto.",
        "A recognised client certificate is needed.",
    ),
    Fault.PEER_NOT_ALLOWED: (
        "Solo l’amministratore della macchina può usare questo comando.",
        "Only the administrator of the machine may use this command.",
    ),
    Fault.CONFIGURATION: (
        "Un valore scritto non è utilizzabile.",
        "A written value cannot be used.",
    ),
    Fault.INTERNAL: (
        "Errore interno: è stato annotato nel registro tecnico.",
        "Internal error: it was noted in the technical log.",
    ),
}


def language_of(request: Request, default: Language = Language.IT) -> Language:
    """Return the language wanted: `?lang`, else our cookie, else Accept-Language, else default."""
    for wish in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wish in {"it", "en"}:
            return Language(wish)
    return _accepted(request.headers.get("accept-language", "")) or default


def _accepted(header: str) -> Language | None:
    """Return the best of ours in an Accept-Language header (RFC 9110 §12.5.4), if any."""
    best: tuple[float, Language] | None = None
    for item in header[:500].split(","):
        tag, _, parameter = item.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        if primary not in {"it", "en"}:
            continue
        weight = _weight(parameter)
        if weight > 0 and (best is None or weight > best[0]):
            best = (weight, Language(primary))
    return best[1] if best else None


def _weight(parameter: str) -> float:
    """Return the q of one Accept-Language item; 0 if it makes no sense."""
    text = parameter.strip().removeprefix("q=") if parameter.strip() else "1"
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0


def sentence(fault: Fault, language: Language) -> str:
    """Return what an error says."""
    return SENTENCES[fault][0 if language is Language.IT else 1]
