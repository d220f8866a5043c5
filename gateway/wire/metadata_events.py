# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Events in a camera's metadata track, and the sieve that no biometric element passes (B-24).

A tt:MetadataStream (ONVIF Streaming §5.2.1; common.xsd) carries analytics frames, PTZ positions
and events. Events are kept; the rest is read only to count what identifies or describes a person.
The AI Act's ban (art. 5(1)) is kept here and nowhere later: what this module does not return no
other part of the gateway ever sees.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from lxml import etree

from gateway.model.errors import WireError
from gateway.model.event import CameraEvent, Item
from gateway.model.media import MetadataDocument
from gateway.model.time import Moment
from gateway.wire import xml
from gateway.wire.onvif_events import MOST_BYTES, local_name, parse_notification

MOST_EVENTS = 256
"""In one document; a synchronisation point of a 64-channel recorder brings about 200."""

MOST_TAGS = 1 << 14
"""In one document: a frame with a hundred objects has about 3000, those events 6000. Small tags
pack a thousandfold, and documents come many times a second."""

OTHER: Final = "face"
"""Label of what only its name gives away; labels are a closed set, for metrics."""
BIOMETRIC: Final[dict[str, str]] = {
    "humanface": "HumanFace",  # humanface.xsd, in tt:Appearance (ONVIF Analytics §5.3)
    "humanbody": "HumanBody",  # humanbody.xsd, likewise
    "enrollmentid": "EnrollmentID",  # events of RuleEngine/Recognition/Face (ONVIF Analytics)
    "enrolmentid": "EnrollmentID",
    "facedescriptor": "FaceDescriptor",  # vendors' vectors
    "featurevector": "FeatureVector",
    "embedding": "FeatureVector",
    "biometrictemplate": "FeatureVector",
    "personid": "PersonID",  # vendors' results of a comparison with a list of people
    "personname": "PersonID",
    "personinfo": "PersonID",
    "peopleid": "PersonID",
    "peoplename": "PersonID",
    "humanid": "PersonID",
    "fingerprint": "FeatureVector",
    "gait": "FeatureVector",
    "voiceprint": "FeatureVector",
    # Categories and moods of people: art. 5(1)(f) and (g); names of humanface.xsd.
    "gender": "Category",
    "sex": "Category",
    "nation": "Category",
    "nationality": "Category",
    "skincolor": "Category",
    "skincolour": "Category",
    "beard": "Category",
    "glasses": "Category",
    "smile": "Category",
    "mood": "Category",
    "age": "Category",
    "agegroup": "Category",
    "agerange": "Category",
    "race": "Category",
    "ethnicity": "Category",
    "complexion": "Category",
    "hair": "Category",
    "expression": "Category",
    "emotion": "Category",
}
"""Local names in lower case without separators, and the label under which each is counted."""
_NAMESPACES: Final = {
    "http://www.onvif.org/ver20/analytics/humanface": "HumanFace",
    "http://www.onvif.org/ver20/analytics/humanbody": "HumanBody",
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NO_FACE = frozenset({"interface", "surface", "preface", "facet", "facets", "faceplate"})
_HINTS: Final = tuple(
    hint.encode()
    for hint in (
        *("notificationmessage", "face", "facial", "humanbody", "enrol", "biometr", "embedding"),
        *("featurevector", "feature_vector", "personid", "personname", "personinfo", "gender"),
        *(":age", "<age", "ethnic", "complexion", "hair", "expression", "emotion"),
    )
)
"""In lower case; a document without any of them is not parsed."""
_MOST_CACHED_CHARS = 128


@dataclass(frozen=True, slots=True)
class MetadataReading:
    """What may be kept of a document, and what was not."""

    events: tuple[CameraEvent, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Biometric elements, topics and items by label of `BIOMETRIC`; counts only, no content."""
    malformed: int = 0
    """Notifications that could not be read, or came after the first `MOST_EVENTS`."""


def read(document: MetadataDocument) -> MetadataReading:
    """Return the events of one metadata document; WireError if it is not small, plain XML.

    A document in which nothing hints at an event or a person is not parsed: analytics frames
    come many times a second.
    """
    data = document.data
    folded = data.lower()
    if b"\0" not in data[:4] and not any(hint in folded for hint in _HINTS):
        return MetadataReading()
    root = xml.parse(data, most_tags=MOST_TAGS)
    dropped = _biometric_elements(root)
    events: list[CameraEvent] = []
    malformed = 0
    for element in _notifications(root):
        if len(events) == MOST_EVENTS:
            malformed += 1
            continue
        try:
            event = parse_notification(element, document.received)
        except WireError:
            malformed += 1
            continue
        kept = _sieve(event, dropped)
        events += [kept] if kept is not None else []
    return MetadataReading(tuple(events), dict(dropped), malformed)


def read_notification(data: bytes, received: Moment) -> MetadataReading:
    """Return what may be kept of one wsnt:NotificationMessage of a pull point; WireError."""
    root = xml.parse(data, MOST_BYTES)
    dropped = _biometric_elements(root)
    kept = _sieve(parse_notification(root, received), dropped)
    return MetadataReading((kept,) if kept is not None else (), dict(dropped))


def without_biometrics(event: CameraEvent) -> CameraEvent | None:
    """Return the event without items about a person's body; None if the event itself is one."""
    return _sieve(event, Counter())


def biometric_label(name: str) -> str:
    """Return the label under which a name is dropped; empty if it may pass.

    By the list, else by its words: a vendor's `FaceSnap` is one, an `Interface` is not.
    """
    return _cached_label(name) if len(name) <= _MOST_CACHED_CHARS else _label(name)


@lru_cache(maxsize=1024)
def _cached_label(name: str) -> str:
    return _label(name)


def _label(name: str) -> str:
    squashed = re.sub(r"[^a-z]", "", name.casefold())
    if squashed in BIOMETRIC:
        return BIOMETRIC[squashed]
    words = {word.casefold() for word in _WORD.findall(name)} - _NO_FACE
    if any(
        word.startswith(("face", "facial", "biometr")) or word.endswith("face") for word in words
    ):
        return OTHER
    known = ("humanface", "humanbody", "enrollmentid", "featurevector", "personid")
    return next((BIOMETRIC[one] for one in known if one in squashed), "")


def _sieve(event: CameraEvent, dropped: Counter[str]) -> CameraEvent | None:
    """Return what passes, and count what does not."""
    for segment in event.topic.split("/"):
        label = biometric_label(segment.rpartition("}")[2])
        if label:
            dropped[label] += 1
            return None
    return replace(
        event,
        source=_passing(event.source, dropped),
        key=_passing(event.key, dropped),
        data=_passing(event.data, dropped),
    )


def _passing(items: tuple[Item, ...], dropped: Counter[str]) -> tuple[Item, ...]:
    labels = [biometric_label(name) for name, _ in items]
    dropped.update(label for label in labels if label)
    return tuple(item for item, label in zip(items, labels, strict=True) if not label)


def _biometric_elements(root: etree._Element) -> Counter[str]:
    """Count the topmost biometric elements; what stands below one belongs to it."""
    found: Counter[str] = Counter()
    waiting = [root]
    while waiting:
        element = waiting.pop()
        namespace = str(element.tag).rpartition("}")[0].removeprefix("{")
        label = _NAMESPACES.get(namespace) or biometric_label(local_name(element))
        if label:
            found[label] += 1
        else:
            waiting.extend(element)
    return found


def _notifications(root: etree._Element) -> Iterator[etree._Element]:
    """Yield every notification that stands in an Event element."""
    for element in root.iter("{*}NotificationMessage"):
        parent = element.getparent()
        if parent is not None and local_name(parent) == "Event":
            yield element
