# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The second reader's head is cut down without changing what it decides between."""

import numpy as np
import onnxruntime
import pytest

from gateway.analytics.plates import models, second
from gateway.model.errors import ConfigError
from tests.unit.analytics.plates.nets import plate


@pytest.fixture(scope="module")
def whole():
    """Return the file as it was installed."""
    place = models.installed_second()
    assert place is not None, "make setup installs requirements-models.txt"
    return place.read_bytes()


def session(data):
    """Return a session of one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options)


def test_pruned_and_whole_net_agree_on_the_kept_characters(whole):
    """Odds between any two kept characters are the same, and so is every read."""
    cut = second.pruned(whole, "file")
    assert len(cut) < 0.65 * len(whole)
    full, small = session(whole), session(cut)
    named = full.get_modelmeta().custom_metadata_map["character"].split("\n")
    columns = [0] + [len(named) + 1 if c == " " else named.index(c) + 1 for c in second.KEPT[1:]]
    line = second.lines(plate("AB123CD", 48)[:, :, 1])
    one = full.run(None, {"x": line})[0][0][:, columns]
    two = small.run(None, {"x": line})[0][0]
    assert two.shape == (40, len(second.KEPT))
    assert np.allclose(one / one.sum(1, keepdims=True), two / two.sum(1, keepdims=True), atol=2e-3)
    assert (one.argmax(1) == two.argmax(1)).all()


def test_another_file_is_refused_by_name():
    """Whatever its bytes are."""
    for data in (b"", b"\xff" * 40, b"\x3a\x05abc", bytes(range(256))):
        with pytest.raises(ConfigError, match=r"other\.onnx"):
            second.pruned(data, "other.onnx")


def test_small_letters_are_capitals_and_marks_are_blank():
    """The columns still sum to one."""
    told = np.zeros((2, len(second.KEPT)), np.float32)
    told[0, second.KEPT.index("b")] = told[0, second.KEPT.index("B")] = 0.4
    told[0, second.KEPT.index("-")] = 0.2
    told[1, second.KEPT.index("7")] = 0.5
    folded = second.fold(told)
    assert folded.shape == (2, 37)
    assert folded[0, 11] == pytest.approx(0.8)
    assert folded[0, 36] == pytest.approx(0.2)
    assert folded[1, 7] == pytest.approx(1.0)


def test_a_narrow_line_is_padded_and_a_wide_one_squeezed():
    """48 x 320 in any case; the padding is the middle of the range."""
    narrow = second.lines(np.full((24, 50), 255, np.uint8))
    assert narrow.shape == (1, 3, 48, 320)
    assert (narrow[..., :100] == 1).all()
    assert (narrow[..., 100:] == 0).all()
    assert (second.lines(np.zeros((24, 900), np.uint8)) == -1).all()
