# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The page and the drawing show what was read."""

import cv2
import numpy as np

from gateway.cli.plates_film import Seen
from gateway.cli.plates_sheet import CERTAIN, UNCERTAIN, drawn, sheet
from gateway.cli.speech import say_italian
from gateway.model.plate import Alternative, PlateRead
from tests.unit.analytics.plates.nets import plate

PICTURE = np.full((360, 640, 3), 90, np.uint8)


def seen(text, *, certain, box=(100.0, 100.0, 220.0, 130.0), picture=PICTURE):
    """Return a plate."""
    read = PlateRead(
        text, 0.9, (0.9,) * len(text), (Alternative("XX000XX", 0.1),), "IT", certain=certain
    )
    return Seen(picture, plate("AB")[:, :, 0], box, 0.8, "EINS", "ZWEI", read, 1.0, 2.0)


def test_the_page_tells_text_readers_and_vote():
    """In one file without scripts; what a plate says is escaped."""
    page = sheet("<film>.mp4", [seen("AB123CD", certain=True)], say_italian)
    for part in ("AB123CD", "EINS", "ZWEI", "XX000XX", "certa", "&lt;film&gt;", "1.0–2.0 s"):
        assert part in page
    assert "<script" not in page
    assert "http:" not in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert page.count("<meter") == 7


def test_boxes_are_drawn_where_plates_are():
    """Green around what is certain, orange around the rest; each picture once."""
    other = np.full((360, 640, 3), 30, np.uint8)
    plates = [
        seen("AB123CD", certain=True),
        seen("EF456GH", certain=False, box=(300.0, 200.0, 420.0, 230.0)),
        seen("IJ789KL", certain=False, picture=other),
    ]
    pixels = cv2.imdecode(np.frombuffer(drawn(plates), np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (720, 640, 3)
    assert tuple(pixels[115, 98].tolist()) == CERTAIN
    assert tuple(pixels[215, 298].tolist()) == UNCERTAIN
    assert tuple(pixels[360 + 115, 98].tolist()) == UNCERTAIN
    assert cv2.imdecode(np.frombuffer(drawn([]), np.uint8), cv2.IMREAD_COLOR) is not None
