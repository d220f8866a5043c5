# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What crosses the border: names for ids, nothing that was not meant to leave."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from gateway.console import views
from gateway.console.services import Box
from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.media import StreamState, StreamStatus
from gateway.model.registry import Edge, Trigger
from tests.fakes import EPOCH_US
from tests.ui.town import PHARMACY, ROOM, Entry, Town, registry

REGISTRY = registry()
SECRET = "rtsp://192.0.2.1/very-secret-path"


def test_a_camera_leaves_without_its_address():
    """The card has names and state; URL and credential stay inside."""
    camera = replace(REGISTRY.cameras[PHARMACY], url=SECRET, credential="file:/etc/secret")
    status = StreamStatus(StreamState.LIVE, units=7)
    card = views.camera_view(camera, status, REGISTRY, disclosure="su-allarme", open_alarm="a1")
    assert (card.id, card.open_alarm, card.state) == (PHARMACY, "a1", "live")
    assert "Farmacia Santini" in card.model_dump_json()
    assert "secret" not in card.model_dump_json()


def test_an_alarm_names_its_camera_and_zone_also_after_they_are_gone():
    """Names while the registry knows them, ids afterwards, never an error."""
    record = Town().alarms.raise_one()
    shown = views.alarm_view(record, REGISTRY, may_close=True, viewable=False)
    assert (shown.camera_name, shown.zone_name) == ("Banco e ingresso", "Dietro il banco")
    assert (shown.may_close, shown.viewable) == (True, False)
    gone = replace(REGISTRY, cameras={}, zones={})
    assert views.alarm_view(record, gone, may_close=False, viewable=False).camera == PHARMACY


def test_an_alarm_of_an_edge_or_of_its_line_names_the_edge():
    """Also when the camera is not offered any more; a line has neither camera nor zone."""
    record = Town().alarms.raise_one()
    known = replace(REGISTRY, edges={"nord": Edge("nord", "Varco nord")})

    def shown(camera, zone, closed_by=""):
        alarm = replace(record.alarm, camera=camera, zone=zone)
        one = replace(record, alarm=alarm, closed_by=closed_by)
        return views.alarm_view(one, known, may_close=True, viewable=False)

    far = shown("nord.piazza", "nord.retro", "nord")
    assert (far.camera_name, far.zone_name) == ("Varco nord · piazza", "retro")
    assert far.closed_by == "Varco nord"
    line = shown("", "nord", "ignoto")
    assert (line.camera, line.camera_name, line.zone_name) == ("", "Varco nord", "")
    assert line.closed_by == "ignoto"
    assert shown("", "sparita").camera_name == "sparita"


def test_an_alarm_of_a_trigger_names_the_trigger():
    """What a device reported has its own name, as a zone has."""
    record = Town().alarms.raise_one()
    record = replace(record, alarm=replace(record.alarm, zone="rapina", rule="evento"))
    known = replace(REGISTRY, triggers={"rapina": Trigger("rapina", "Pulsante", PHARMACY, "T")})
    assert views.alarm_view(record, known, may_close=True, viewable=False).zone_name == "Pulsante"


def test_markup_in_a_name_leaves_as_text():
    """A hostile name is carried as it is in JSON; the pages make text of it, never markup."""
    name = "<img src=x onerror=alert(1)>"
    camera = replace(REGISTRY.cameras[PHARMACY], name=name)
    card = views.camera_view(
        camera, StreamStatus(StreamState.IDLE), REGISTRY, disclosure="", open_alarm=""
    )
    assert card.name == name


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (views.SignInBody, {"user": "anna", "password": "x", "role": "sysadmin"}),
        (views.SignInBody, {"user": "a" * 65, "password": "x"}),
        (views.SignInBody, {"user": "anna", "password": "x" * 1025}),
        (views.PasswordBody, {"password": "troppo breve"[:11]}),
        (views.CloseBody, {"verdict": "nessuno"}),
    ],
)
def test_bodies_refuse_what_they_do_not_know(body, fields):
    """Unknown fields, too long names and unknown words do not enter."""
    with pytest.raises(ValidationError):
        body.model_validate(fields)


def test_a_password_is_not_shown_by_accident():
    """A body that is printed or logged hides it."""
    body = views.SignInBody.model_validate({"user": "anna", "password": "segretissima"})
    assert "segretissima" not in f"{body!r} {body} {body.model_dump_json()}"


def test_times_are_utc_with_milliseconds():
    """RFC 3339, Z at the end."""
    assert views.iso(EPOCH_US) == "2026-09-21T14:13:20.000Z"


def test_names_of_organisations_and_of_the_box():
    """Recipients and controllers have names; an unknown id stands for itself."""
    assert views.organisation_name(REGISTRY, ROOM) == "Sala operativa Polizia Locale"
    assert views.organisation_name(REGISTRY, "ignota") == "ignota"
    box = Box("Box", "Comune", "1.2", exercise=True)
    assert views.box_view(box, scenes=True).model_dump() == {
        "name": "Box",
        "organisation": "Comune",
        "version": "1.2",
        "exercise": True,
        "scenes": True,
        "language": "it",
    }


def test_a_foreign_camera_reads_as_none_in_ones_own_ledger():
    """A reader of one house does not learn from its own people's refusals what others have."""
    asked = LedgerEvent(
        "live.deny",
        Operation.NONE,
        Regime.GDPR,
        result="denied",
        error="role-may-not",
        org="farmacia",
        object_type="camera",
        object_id="piazza-1",
        controller="comune",
    )
    nothing = replace(asked, object_id="x", controller="", error="unknown-camera")

    def shown(event, own):
        view = views.ledger_entry_view(Entry(1, 1, event), REGISTRY, own)
        return view.error, view.controller, view.object_name == event.object_id

    assert shown(asked, "farmacia") == shown(nothing, "farmacia") == ("unknown-camera", "", True)
    assert shown(asked, "comune") == ("role-may-not", "Comune di Borgo Apuano", False)
    assert shown(asked, "") == ("role-may-not", "Comune di Borgo Apuano", False)
    assert shown(asked, ROOM)[0] == "role-may-not"
