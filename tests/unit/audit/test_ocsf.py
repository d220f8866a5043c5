# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Lines for security monitors: the classes of OCSF, pseudonyms, nothing that was erased."""

import json
from dataclasses import replace

import pytest

from gateway.audit.catalogue import CATALOGUE
from gateway.audit.entry import PERSONAL
from gateway.audit.ocsf import ACCOUNT, API, ENTITY, FINDING, LOGON, class_of, lines, pseudonym
from gateway.model.access import BREAK_GLASS, Regime
from gateway.model.audit import LedgerEvent, Operation
from tests.unit.audit.logbook import LOOK
from tests.unit.audit.papers import CAMERA, NOON_US, entries

KEY = b"k" * 32
SIGNED = LedgerEvent("auth.login", Operation.NONE, Regime.GDPR, actor_id="anna")


def read(*events):
    return [json.loads(line) for line in lines(entries(*events), KEY)]


def test_a_look_is_a_reading_of_a_camera():
    """Every part that OCSF requires of API Activity, and who, when, from where."""
    (made,) = read(replace(LOOK, object_id=CAMERA, duration_ms=1500))
    assert (made["class_uid"], made["category_uid"], made["activity_id"]) == (API, 6, 2)
    assert (made["type_uid"], made["activity_name"]) == (API * 100 + 2, "Read")
    assert (made["time"], made["severity_id"], made["status_id"]) == (NOON_US // 1000, 1, 1)
    assert made["metadata"] == {
        "version": "1.3.0", "uid": "x", "sequence": 0, "event_code": "live.open",
        "product": {"name": "Varco", "vendor_name": "Varco", "version": "0"},
    }  # fmt: skip
    assert made["actor"]["user"]["uid"] == pseudonym("anna", KEY)
    assert made["actor"]["user"]["org"] == {"uid": "sala-pl"}
    assert made["src_endpoint"] == {"ip": "192.0.2.7"}
    assert made["api"] == {"operation": "live.open"}
    assert made["resources"] == [{"uid": CAMERA, "type": "camera"}]
    assert (made["duration"], made["unmapped"]["case"]) == (1500, "OdS 4")


@pytest.mark.parametrize(
    ("code", "operation", "expected"),
    [
        ("auth.login", Operation.NONE, (LOGON, 1)),
        ("auth.fail", Operation.NONE, (LOGON, 1)),
        ("auth.logout", Operation.NONE, (LOGON, 2)),
        ("auth.lock", Operation.NONE, (ACCOUNT, 9)),
        ("user.create", Operation.NONE, (ACCOUNT, 1)),
        ("user.role", Operation.NONE, (ACCOUNT, 99)),
        ("camera.add", Operation.NONE, (ENTITY, 1)),
        ("mask.remove", Operation.MODIFICATION, (ENTITY, 4)),
        ("config.deny", Operation.NONE, (ENTITY, 3)),
        ("alarm.raise", Operation.COMMUNICATION, (FINDING, 1)),
        ("alarm.ack", Operation.CONSULTATION, (FINDING, 2)),
        ("alarm.close", Operation.NONE, (FINDING, 3)),
        ("live.deny", Operation.NONE, (API, 2)),
        ("retention.delete", Operation.DELETION, (API, 4)),
        ("message.out", Operation.COMMUNICATION, (API, 99)),
        ("log.export", Operation.COMMUNICATION, (API, 2)),
    ],
)
def test_classes(code, operation, expected):
    """By what happened."""
    assert class_of(replace(LOOK, event=code, operation=operation)) == expected


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_has_a_class_with_its_parts(code):
    """Nothing in the catalogue makes a line that its class does not allow."""
    (made,) = read(replace(LOOK, event=code, operation=CATALOGUE[code].operations[0]))
    own = {FINDING: "finding_info", ACCOUNT: "user", LOGON: "user", ENTITY: "entity", API: "api"}
    assert made[own[made["class_uid"]]]
    assert made["type_uid"] == made["class_uid"] * 100 + made["activity_id"]
    assert made["category_uid"] == made["class_uid"] // 1000
    assert made["activity_name"]


def test_no_name_leaves():
    """Actor, second person and the account that was changed are pseudonyms; reasons stay."""
    changed = replace(
        LOOK, event="user.create", object_type="user", object_id="berta", delegated_by="carlo",
        reason_text="parola di anna a berta",
    )  # fmt: skip
    reset = replace(changed, event="user.role", object_type="configuration", object_id="user/berta")
    look, made, command = read(LOOK, changed, reset)
    text = json.dumps([look, made, command])
    assert [name for name in ("anna", "berta", "carlo", "parola") if name in text] == []
    assert made["user"]["uid"] == pseudonym("berta", KEY) != pseudonym("anna", KEY)
    assert command["user"] == made["user"]
    assert made["unmapped"]["second"] == pseudonym("carlo", KEY)
    assert look["actor"]["user"]["uid"] == made["actor"]["user"]["uid"]
    assert pseudonym("anna", b"o" * 32) != pseudonym("anna", KEY)


def test_what_was_erased_has_no_key():
    """Neither empty nor as the pseudonym of nobody."""
    gone = replace(LOOK, **dict.fromkeys(PERSONAL, ""))
    (made,) = read(gone)
    assert "uid" not in made["actor"]["user"]
    assert "src_endpoint" not in made
    assert not {"case", "second"} & made["unmapped"].keys()
    assert made["unmapped"]["erased"] == ["actor_id"]


def test_what_went_wrong_stands_out():
    """Refused is a failure with its reason; an emergency is more than that."""
    denied = replace(LOOK, event="live.deny", result="denied", error="paused")
    (refused, broken, alarm) = read(
        denied, replace(LOOK, flags=BREAK_GLASS), replace(LOOK, event="alarm.close")
    )
    assert (refused["status_id"], refused["status_code"], refused["severity_id"]) == (
        2, "paused", 2
    )  # fmt: skip
    assert broken["severity_id"] == 3
    assert alarm["status_id"] == 4


def test_a_sign_in_says_whose_and_how():
    """And the entry that closes number 0 says so."""
    login, closing = read(replace(SIGNED, auth_method="oidc"), replace(LOOK, closes=0))
    assert login["user"]["uid"] == pseudonym("anna", KEY)
    assert login["auth_protocol"] == "oidc"
    assert closing["unmapped"]["closes"] == 0


def test_a_line_is_a_line():
    """Line ends and quotes in a value open no other one."""
    data = b"".join(lines(entries(replace(LOOK, case_ref='a"\n{"b":1}')), KEY))
    assert data.count(b"\n") == 1
    assert json.loads(data)["unmapped"]["case"] == 'a"\n{"b":1}'
