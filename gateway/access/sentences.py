# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Why not, in one Italian and one English sentence; pure."""

from datetime import date
from typing import NamedTuple

from gateway.model.access import Purpose, Refusal
from gateway.model.registry import Act, Camera, Site


class Reason(NamedTuple):
    """A refusal with its words; a tuple, because refusals are as frequent as looks."""

    refusal: Refusal
    text_it: str
    text_en: str


def day(value: date) -> str:
    """Return a date as Italians write it."""
    return value.strftime("%d/%m/%Y")


def unknown_camera(camera: str) -> Reason:
    """Say that there is no such camera."""
    return Reason(
        Refusal.UNKNOWN_CAMERA,
        f"La telecamera «{camera}» non esiste.",
        f"There is no camera “{camera}”.",
    )


def role(role_name: str) -> Reason:
    """Say that the role never does this."""
    return Reason(
        Refusal.ROLE,
        f"Il ruolo {role_name} non può compiere questa operazione.",
        f"The role {role_name} may not do this.",
    )


def text_only(act: Act) -> Reason:
    """Say that the recipient is told in words."""
    return Reason(
        Refusal.TEXT_ONLY,
        f"L'accordo n. {act.number} prevede per questo destinatario segnalazioni di solo testo, "
        "senza immagini.",
        f"Agreement no. {act.number} gives this recipient reports as text, without pictures.",
    )


def account() -> Reason:
    """Say that the account is gone, switched off or changed."""
    return Reason(
        Refusal.ROLE,
        "L'utenza non è più attiva o ha cambiato ruolo: occorre accedere di nuovo.",
        "The account is no longer active or has changed its role: sign in again.",
    )


def site_not_active(site: Site) -> Reason:
    """Say that the site has not come through its approval."""
    return Reason(
        Refusal.SITE_NOT_ACTIVE,
        f"Il sito «{site.name}» è nello stato «{site.state.value}»: le immagini si condividono "
        "solo quando è attivo.",
        f"The site “{site.name}” is in state “{site.state.value}”: pictures are shared only once "
        "it is active.",
    )


def purpose_missing() -> Reason:
    """Say that no purpose was given."""
    return Reason(
        Refusal.PURPOSE_MISSING,
        "Occorre indicare la finalità dell'accesso.",
        "The purpose of the access must be given.",
    )


def purpose_not_allowed(purpose: Purpose) -> Reason:
    """Say that the purpose does not go with the role and the action."""
    return Reason(
        Refusal.PURPOSE_NOT_ALLOWED,
        f"La finalità «{purpose.value}» non è ammessa per questo ruolo e questa operazione.",
        f"The purpose “{purpose.value}” is not allowed for this role and action.",
    )


def not_the_owner(camera: Camera) -> Reason:
    """Say that the camera is somebody else's."""
    return Reason(
        Refusal.PURPOSE_NOT_ALLOWED,
        f"La telecamera «{camera.name}» è di un altro titolare.",
        f"The camera “{camera.name}” belongs to another controller.",
    )


def case_missing(purpose: Purpose) -> Reason:
    """Say that the purpose needs a case."""
    return Reason(
        Refusal.CASE_MISSING,
        f"Per la finalità «{purpose.value}» occorre il riferimento del caso (numero di allarme, "
        "intervento, ordine di servizio o delega).",
        f"The purpose “{purpose.value}” needs a case reference (number of the alarm, incident, "
        "service order or warrant).",
    )


def no_such_alarm(case: str) -> Reason:
    """Say that the case is not an alarm of this camera."""
    return Reason(
        Refusal.CASE_MISSING,
        f"Il riferimento «{case[:64]}» non è un allarme di questa telecamera.",
        f"The reference “{case[:64]}” is not an alarm of this camera.",
    )


def alarm_closed(camera: Camera) -> Reason:
    """Say that the alarm is over, and with it the reason to look."""
    return Reason(
        Refusal.ALARM_CLOSED,
        f"L'allarme è chiuso: la telecamera «{camera.name}» non si può più guardare per questo "
        "motivo.",
        f"The alarm is closed: it is no longer a reason to look at the camera “{camera.name}”.",
    )


def only_on_alarm(camera: Camera, act: Act) -> Reason:
    """Say that disclosure waits for an event, and there is none."""
    return Reason(
        Refusal.ONLY_ON_ALARM,
        f"Secondo l'accordo n. {act.number} la telecamera «{camera.name}» si può guardare solo "
        "durante un suo allarme.",
        f"Under agreement no. {act.number} the camera “{camera.name}” may be looked at only "
        "during an alarm of its own.",
    )


def not_in_incident(case: str) -> Reason:
    """Say that the incident is no reason to look at this camera."""
    return Reason(
        Refusal.NOT_IN_INCIDENT,
        f"L'intervento «{case[:64]}» non riguarda questa telecamera.",
        f"The incident “{case[:64]}” is not about this camera.",
    )


def incident_closed(camera: Camera) -> Reason:
    """Say that the incident is over, and with it the reason to look."""
    return Reason(
        Refusal.INCIDENT_CLOSED,
        f"L'intervento è chiuso: la telecamera «{camera.name}» non si può più guardare per questo "
        "motivo.",
        f"The incident is closed: it is no longer a reason to look at the camera “{camera.name}”.",
    )


def only_on_incident(camera: Camera, act: Act) -> Reason:
    """Say that disclosure waits for an incident, and there is none."""
    return Reason(
        Refusal.ONLY_ON_INCIDENT,
        f"Secondo l'accordo n. {act.number} la telecamera «{camera.name}» si può guardare solo "
        "durante un intervento condiviso a cui è collegata.",
        f"Under agreement no. {act.number} the camera “{camera.name}” may be looked at only "
        "during a shared incident to which it is attached.",
    )


def no_act(camera: Camera, organisation: str) -> Reason:
    """Say that nothing was agreed."""
    return Reason(
        Refusal.NO_ACT,
        f"Nessun accordo consente a «{organisation}» di guardare la telecamera «{camera.name}».",
        f"No agreement allows “{organisation}” to look at the camera “{camera.name}”.",
    )


def no_analytic(camera: Camera, analytic: str) -> Reason:
    """Say that nothing was agreed about this analysis."""
    return Reason(
        Refusal.NO_ACT,
        f"Nessun accordo prevede l'analisi «{analytic}» sulla telecamera «{camera.name}».",
        f"No agreement provides for the analysis “{analytic}” on the camera “{camera.name}”.",
    )


def no_seconds_before(camera: Camera, act: Act) -> Reason:
    """Say that the act does not let the seconds before an alarm be kept."""
    return Reason(
        Refusal.NO_ACT,
        f"L'accordo n. {act.number} non consente di conservare i secondi che precedono un allarme "
        f"della telecamera «{camera.name}».",
        f"Agreement no. {act.number} does not let the seconds before an alarm of the camera "
        f"“{camera.name}” be kept.",
    )


def act_expired(act: Act, last_day: date | None = None) -> Reason:
    """Say that the act was in force once; `last_day` where it was extended."""
    last = last_day or act.valid_until
    return Reason(
        Refusal.ACT_EXPIRED,
        f"L'accordo n. {act.number} è scaduto il {day(last)}: la condivisione è sospesa.",
        f"Agreement no. {act.number} expired on {last.isoformat()}: sharing is suspended.",
    )


def act_not_yet(act: Act) -> Reason:
    """Say that the act will be in force."""
    return Reason(
        Refusal.ACT_NOT_YET,
        f"L'accordo n. {act.number} entra in vigore il {day(act.valid_from)}.",
        f"Agreement no. {act.number} enters into force on {act.valid_from.isoformat()}.",
    )


def no_dpia(act: Act) -> Reason:
    """Say that the impact assessment is absent, or of the future."""
    return Reason(
        Refusal.NO_DPIA,
        f"Per l'accordo n. {act.number} manca una valutazione d'impatto (DPIA) con data anteriore.",
        f"Agreement no. {act.number} lacks an impact assessment (DPIA) dated earlier.",
    )


def mask(camera: Camera) -> Reason:
    """Say that a mask would not be burned in."""
    return Reason(
        Refusal.MASK,
        f"La telecamera «{camera.name}» ha maschere di riservatezza che non si possono applicare "
        "alle immagini in diretta.",
        f"The camera “{camera.name}” has privacy masks that cannot be applied to live pictures.",
    )


def ledger() -> Reason:
    """Say that the ledger refuses, so that nothing may be shown."""
    return Reason(
        Refusal.LEDGER,
        "Il registro degli accessi non è scrivibile: nessuna immagine può essere mostrata.",
        "The access ledger cannot be written: no picture may be shown.",
    )


def refused_by_edge(edge: str, words: str) -> Reason:
    """Say that the edge where the camera is said no, in its own `words` or by its code."""
    told = words.rstrip(" .") or "?"
    return Reason(
        Refusal.EDGE,
        f"La sede «{edge}» non concede l'immagine: {told}.",
        f"The edge “{edge}” does not give the picture: {told}.",
    )


def line_down(edge: str) -> Reason:
    """Say that the edge where the camera is cannot be asked."""
    return Reason(
        Refusal.LINE,
        f"La linea con la sede «{edge}» è interrotta: l'immagine non può arrivare.",
        f"The line to the edge “{edge}” is down: no picture can come.",
    )


def grant_ended() -> Reason:
    """Say that time is up, or that the Grant was taken back."""
    return Reason(
        Refusal.GRANT_ENDED,
        "L'autorizzazione è terminata o è stata revocata: occorre chiederla di nuovo.",
        "The authorisation has ended or was revoked: ask again.",
    )


def paused(camera: Camera) -> Reason:
    """Say that the owner has switched sharing off."""
    return Reason(
        Refusal.PAUSED,
        f"Il titolare ha sospeso la condivisione della telecamera «{camera.name}».",
        f"The owner has paused the sharing of the camera “{camera.name}”.",
    )


def not_permitted(what: str, role_name: str) -> Reason:
    """Say that the access matrix has no line for this role and camera."""
    return Reason(
        Refusal.ROLE,
        f"La matrice degli accessi non prevede «{what}» per il ruolo {role_name}.",
        f"The access matrix has no line about “{what}” for the role {role_name}.",
    )


def outside_hours(role_name: str) -> Reason:
    """Say that the matrix allows it at other hours."""
    return Reason(
        Refusal.HOURS,
        f"A quest'ora il ruolo {role_name} non può compiere questa operazione: vale la fascia "
        "oraria della matrice degli accessi.",
        f"The role {role_name} may not do this at this hour: the access matrix says when.",
    )


def second_needed() -> Reason:
    """Say that nobody else has agreed yet."""
    return Reason(
        Refusal.FOUR_EYES,
        "Serve il consenso di un secondo collega della stessa organizzazione: chiedere il codice "
        "e farlo confermare.",
        "A second colleague of the same organisation has to agree: ask for a code and have it "
        "confirmed.",
    )


def reason_missing() -> Reason:
    """Say that an emergency needs words."""
    return Reason(
        Refusal.REASON_MISSING,
        "Per l'accesso in emergenza occorre scrivere il motivo, con almeno dieci caratteri.",
        "Emergency access needs a written reason of at least ten characters.",
    )


def no_glass() -> Reason:
    """Say that this cannot be had by breaking the glass."""
    return Reason(
        Refusal.WORN_OUT,
        "L'accesso in emergenza non è previsto per questo ruolo o per questa operazione.",
        "Emergency access does not exist for this role or this operation.",
    )


def no_shift(case: str) -> Reason:
    """Say that the order is not that of the open shift."""
    return Reason(
        Refusal.NO_SHIFT,
        f"L'ordine di servizio «{case[:64]}» non è quello del turno aperto: chiudere il turno e "
        "aprirne uno nuovo.",
        f"The service order “{case[:64]}” is not that of the open shift: close the shift and open "
        "a new one.",
    )


def school_open(camera: Camera) -> Reason:
    """Say that people are inside."""
    return Reason(
        Refusal.SCHOOL_OPEN,
        f"La scuola è aperta: la telecamera interna «{camera.name}» resta oscurata finché ci sono "
        "persone.",
        f"The school is open: the indoor camera “{camera.name}” stays dark while people are "
        "inside.",
    )


def no_plates(camera: Camera) -> Reason:
    """Say that plates are not read here."""
    return Reason(
        Refusal.NO_ACT,
        f"Nessun accordo prevede la lettura delle targhe sulla telecamera «{camera.name}».",
        f"No agreement provides for reading plates on the camera “{camera.name}”.",
    )


def no_plates_for(organisation: str) -> Reason:
    """Say that no act lets an organisation have to do with plates."""
    return Reason(
        Refusal.NO_ACT,
        f"Nessun atto prevede la lettura delle targhe per «{organisation}».",
        f"No act provides for reading plates for “{organisation}”.",
    )


def no_plates_at_school(camera: Camera) -> Reason:
    """Say that plates are never read at a school."""
    return Reason(
        Refusal.NO_ACT,
        f"Presso le scuole non si leggono targhe: telecamera «{camera.name}».",
        f"No plates are read at schools: camera “{camera.name}”.",
    )
