# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Notifications as cameras write them, for tests."""

NAMESPACES = (
    'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:tns1="http://www.onvif.org/ver10/topics" '
    'xmlns:tnshik="http://www.hikvision.com/2011/event/topics" '
    'xmlns:tnsaxis="http://www.axis.com/2009/event/topics"'
)
DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"


def items(**values):
    """Return SimpleItems."""
    return "".join(f'<tt:SimpleItem Name="{name}" Value="{v}"/>' for name, v in values.items())


def message(source=None, data=None, key=None, operation="Changed", utc="2026-11-22T14:00:00Z"):
    """Return a tt:Message."""
    operation = f' PropertyOperation="{operation}"' if operation else ""
    groups = {"Source": source, "Key": key, "Data": data}
    body = "".join(
        f"<tt:{name}>{values if isinstance(values, str) else items(**values)}</tt:{name}>"
        for name, values in groups.items()
        if values is not None
    )
    return f'<tt:Message {NAMESPACES} UtcTime="{utc}"{operation}>{body}</tt:Message>'


def notification(topic="tns1:RuleEngine/CellMotionDetector/Motion", **of_message):
    """Return a whole wsnt:NotificationMessage."""
    of_message.setdefault("source", {"VideoSourceConfigurationToken": "vs0", "Rule": "r1"})
    of_message.setdefault("data", {"IsMotion": "true"})
    return (
        f'<wsnt:NotificationMessage {NAMESPACES}><wsnt:Topic Dialect="{DIALECT}">{topic}'
        f"</wsnt:Topic><wsnt:Message>{message(**of_message)}</wsnt:Message>"
        "</wsnt:NotificationMessage>"
    ).encode()


def stream(*notifications, extra=""):
    """Return a tt:MetadataStream with events, and analytics before them."""
    events = b"".join(notifications).decode()
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><tt:MetadataStream {NAMESPACES}>{extra}'
        f"<tt:Event>{events}</tt:Event></tt:MetadataStream>"
    ).encode()
