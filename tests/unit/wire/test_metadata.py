# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.metadata."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire import metadata
from gateway.wire.metadata import MOST_BYTES, MetadataDepacketizer
from gateway.wire.packetize import fragment_metadata
from gateway.wire.sdp import MetadataTrack
from tests.goldens import golden
from tests.rtp_camera import Camera, feed

DOCUMENT = golden("varco-metadata-motion.xml")
OTHER = b"<MetadataStream>other</MetadataStream>"


def joiner(*, packed=False):
    return MetadataDepacketizer(MetadataTrack(96, "", gzip=packed))


@given(most_bytes=st.integers(64, 1500), packed=st.booleans())
@settings(max_examples=20)
def test_documents_survive_the_way_through_packets(most_bytes, packed):
    """Whatever the packet size, plain or gzip: the same documents, each with its time."""
    camera, depacketizer = Camera(timestamp=9), joiner(packed=packed)
    sent = []
    for document in (DOCUMENT, OTHER, DOCUMENT):
        data = gzip.compress(document) if packed else document
        sent += camera.payloads(fragment_metadata(data, most_bytes))
    arrived = feed(depacketizer, sent)
    assert [one.data for one in arrived] == [DOCUMENT, OTHER, DOCUMENT]
    assert [one.timestamp for one in arrived] == [9, 3609, 7209]
    assert (depacketizer.documents, depacketizer.problem) == (3, "")


@given(lost=st.sets(st.integers(0, 30), max_size=8))
def test_a_loss_costs_the_document_that_it_hits(lost):
    """What arrives was sent like that; what is missing was counted."""
    documents = [DOCUMENT + b"<!-- %d -->" % number for number in range(6)]
    camera, depacketizer = Camera(), joiner()
    sent = [one for each in documents for one in camera.payloads(fragment_metadata(each, 250))]
    sizes = [len(fragment_metadata(each, 250)) for each in documents]
    kept = [packet for number, packet in enumerate(sent) if number not in lost]
    arrived = [one.data for one in feed(depacketizer, kept)]
    at, whole = 0, []
    for each, size in zip(documents, sizes, strict=True):
        if not lost & set(range(at, at + size)):
            whole.append(each)
        at += size
    assert arrived == whole
    if kept[-1:] == sent[-1:] and 0 not in lost and len(kept) < len(sent):
        assert depacketizer.lost_packets
        assert depacketizer.damaged_documents


def test_joining_in_the_middle_gives_the_next_document_first():
    """What began before us is not taken for a document, and is no loss."""
    camera, depacketizer = Camera(), joiner()
    sent = camera.payloads(fragment_metadata(DOCUMENT, 300))[1:] + camera.payloads([OTHER])
    assert [one.data for one in feed(depacketizer, sent)] == [OTHER]
    assert (depacketizer.damaged_documents, depacketizer.lost_packets) == (0, 0)


def test_after_a_loss_a_document_that_begins_is_taken():
    """The first packet says so by itself: one lost document does not cost the next."""
    camera, depacketizer = Camera(), joiner()
    feed(depacketizer, camera.payloads([OTHER]))
    camera.sequence += 1
    (document,) = feed(depacketizer, camera.payloads(fragment_metadata(DOCUMENT, 300)))
    assert document.data == DOCUMENT
    assert (depacketizer.lost_packets, depacketizer.damaged_documents) == (1, 1)


def test_a_camera_without_marker_is_understood_one_document_late():
    """Where another document begins with another time, the one before has ended."""
    camera, depacketizer = Camera(), joiner()
    sent = []
    for _ in range(3):
        sent += camera.payloads(fragment_metadata(DOCUMENT, 300), marker=False)
    assert [one.data for one in feed(depacketizer, sent)] == [DOCUMENT] * 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x1f\x8b\x08no gzip", "no gzip"),
        (gzip.compress(DOCUMENT)[:-20], "cut short"),
        (gzip.compress(bytes(MOST_BYTES + 1)), "larger than"),
    ],
)
def test_broken_and_swollen_gzip_is_dropped(data, words):
    """A kilobyte that unpacks to more than the bound costs no more than the bound."""
    camera, depacketizer = Camera(), joiner(packed=True)
    assert feed(depacketizer, camera.payloads(fragment_metadata(data))) == []
    assert words in depacketizer.problem
    assert depacketizer.damaged_documents == 1
    good = fragment_metadata(gzip.compress(OTHER))
    assert [one.data for one in feed(depacketizer, camera.payloads(good))] == [OTHER]


def test_a_document_beyond_the_bound_is_dropped(monkeypatch):
    """Packets without an end do not grow memory."""
    monkeypatch.setattr(metadata, "MOST_BYTES", 1000)
    camera, depacketizer = Camera(), joiner()
    for number in range(100):
        depacketizer.receive(camera.packet(bytes(100) if number else b"<?xml"))
        assert len(depacketizer._data) <= 1000
    assert "larger than 1000 bytes" in depacketizer.problem
    depacketizer.receive(camera.packet(b"end", marker=True))
    camera.timestamp += 1
    assert len(feed(depacketizer, camera.payloads([OTHER]))) == 1


def test_empty_documents_are_none():
    """Markers on nothing, or on white space."""
    camera, depacketizer = Camera(), joiner()
    assert feed(depacketizer, camera.payloads([b""]) + camera.payloads([b" \r\n"])) == []
    assert depacketizer.documents == 0


@given(
    st.lists(st.tuples(st.binary(max_size=30), st.booleans(), st.booleans()), max_size=20),
    st.booleans(),
)
def test_no_packets_whatsoever_make_it_raise(stream, packed):
    """Any contents give documents or a counted problem."""
    camera, depacketizer = Camera(), joiner(packed=packed)
    for content, marker, begins in stream:
        data = (gzip.compress(content) if packed else b"<?xml" + content) if begins else content
        depacketizer.receive(camera.packet(data, marker=marker))
        depacketizer.receive(content)
    assert depacketizer.documents + depacketizer.damaged_documents <= 2 * len(stream)
