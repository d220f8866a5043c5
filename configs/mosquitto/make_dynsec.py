#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Print the first dynamic-security.json of a mosquitto: one role per box and recipient.

    python3 make_dynsec.py --box box-1 --room sala-pl --institute istituto --admin varco-admin

Names are the common names of client certificates; topics are `varco/<box>/<recipient>/...`, as
boxes use them unless `topic_prefix` says otherwise. Needs nothing but Python.
"""

import argparse
import json
import sys
from collections.abc import Sequence

EVENT = "onvif-ej/RuleEngine"
ZONES, PLATES = f"{EVENT}/FieldDetector/#", f"{EVENT}/Recognition/#"
CONTROL = "$CONTROL/dynamic-security/#"
SEND, RECEIVE, SUBSCRIBE = "publishClientSend", "publishClientReceive", "subscribePattern"


Part = dict[str, object]


def acl(kind: str, topic: str) -> Part:
    """Return one permission; everything else is denied."""
    return {"acltype": kind, "topic": topic, "priority": 0, "allow": True}


def sends(box: str, recipient: str, *, plates: bool) -> Part:
    """Return what a box may do towards one recipient."""
    prefix = f"varco/{box}/{recipient}"
    topics = [ZONES, PLATES] if plates else [ZONES]
    acls = [acl(SEND, f"{prefix}/{topic}") for topic in (*topics, f"gw/{box}/health")]
    acls += [acl(kind, f"{prefix}/ack/{box}") for kind in (SUBSCRIBE, RECEIVE)]
    return {"rolename": f"{box}.invia.{recipient}", "acls": acls}


def receives(recipient: str, *, plates: bool) -> Part:
    """Return what a recipient may read, from every box, and where it acknowledges."""
    prefix = f"varco/+/{recipient}"
    topics = [ZONES, PLATES, "gw/#"] if plates else [ZONES, "gw/#"]
    acls = [acl(kind, f"{prefix}/{topic}") for topic in topics for kind in (SUBSCRIBE, RECEIVE)]
    acls.append(acl(SEND, f"{prefix}/ack/+"))
    return {"rolename": f"{recipient}.riceve", "acls": acls}


def administers() -> Part:
    """Return what the administrator may do: change this, and read no alarm."""
    return {
        "rolename": "amministra",
        "acls": [acl(kind, CONTROL) for kind in (SEND, RECEIVE, SUBSCRIBE)],
    }


def client(name: str, *roles: str) -> Part:
    """Return who signs in with a certificate for `name`; there are no passwords."""
    return {"username": name, "roles": [{"rolename": role, "priority": 0} for role in roles]}


def document(
    boxes: Sequence[str], rooms: Sequence[str], institutes: Sequence[str], admins: Sequence[str]
) -> Part:
    """Return the whole file; what it does not allow is denied."""
    recipients = [(name, True) for name in rooms] + [(name, False) for name in institutes]
    pairs = [(box, one, plates) for box in boxes for one, plates in recipients]
    roles = [sends(box, one, plates=plates) for box, one, plates in pairs]
    roles += [receives(one, plates=plates) for one, plates in recipients]
    clients = [client(box, *(f"{box}.invia.{one}" for one, _ in recipients)) for box in boxes]
    clients += [client(one, f"{one}.riceve") for one, _ in recipients]
    clients += [client(name, "amministra") for name in admins]
    return {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": clients,
        "groups": [],
        "roles": [*roles, administers()],
    }


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, what in (
        ("box", "a box that sends"),
        ("room", "an operations room that receives"),
        ("institute", "a vigilance institute that receives: never plates"),
        ("admin", "who changes these rights with mosquitto_ctrl"),
    ):
        parser.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=what)
    told = parser.parse_args()
    made = document(told.box, told.room, told.institute, told.admin)
    sys.stdout.write(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
