# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.jfif; OpenCV's encoder (libjpeg) is the other opinion."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire import jfif
from tests.footage import rgb


def coded(quality=92, **options):
    pixels = rgb(0, size=(160, 80), visitor=False)
    choices = [cv2.IMWRITE_JPEG_QUALITY, quality]
    for name, value in options.items():
        choices += [getattr(cv2, f"IMWRITE_JPEG_{name.upper()}"), value]
    return bytes(cv2.imencode(".jpg", pixels, choices)[1])


@pytest.mark.parametrize("quality", range(1, 100, 7))
def test_tables_are_those_of_libjpeg(quality):
    """The formula of RFC 2435 gives what libjpeg writes for the same quality."""
    assert jfif.parse(coded(quality)).tables == dict(enumerate(jfif.quantisation(quality)))


def test_huffman_tables_are_those_of_libjpeg():
    """The standard's tables, class and number first."""
    assert tuple(jfif.parse(coded()).huffman[number] for number in (0, 16, 1, 17)) == jfif.HUFFMAN


@pytest.mark.parametrize("options", [{}, {"rst_interval": 4}, {"sampling_factor": 0x211111}])
def test_a_file_put_together_again_shows_the_same(options):
    """Parsed and written anew, every pixel is the same."""
    data = coded(**options)
    file = jfif.parse(data)
    assert file.frame.size_px == (160, 80)
    assert bool(file.restart) == ("rst_interval" in options)
    again = jfif.header(file.frame, file.tables, file.restart) + file.scan + jfif.EOI
    one, two = (cv2.imdecode(np.frombuffer(each, np.uint8), 1) for each in (data, again))
    assert np.array_equal(one, two)


def test_tables_of_sixteen_bits_are_kept():
    """A table of 128 octets is written as one of 16 bits an entry."""
    file = jfif.parse(coded())
    wide = b"".join(b"\0" + bytes((entry,)) for entry in file.tables[0])
    head = jfif.header(file.frame, {0: wide, 1: file.tables[1]}, 0)
    assert jfif.parse(head + b"x").tables == {0: wide, 1: file.tables[1]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes that are no JPEG"),
        (b"\xff\xd8" + bytes(jfif.MOST_BYTES), "that are no JPEG"),
        (b"\xff\xd8abc", "without a marker at byte 2"),
        (b"\xff\xd8\xff\xdb\x00", "beyond the end"),
        (b"\xff\xd8\xff\xdb\x00\x01", "beyond the end"),
        (b"\xff\xd8\xff\xd9", "without a frame or a scan"),
        (b"\xff\xd8" + b"\xff\xfe\x00\x02" * 300, "more than 256 segments"),
        (b"\xff\xd8\xff\xda\x00\x02scan", "without a frame"),
        (b"\xff\xd8" + jfif.segment(0xC0, b"\x08\x00\x10\x00\x10\x03"), "cut short"),
        (b"\xff\xd8" + jfif.segment(0xC0, b"\x08\x00\x00\x00\x10\x01abc"), "of 16 x 0 pixels"),
        (b"\xff\xd8" + jfif.segment(0xDB, b"\x00abc"), "quantisation table cut short"),
        (b"\xff\xd8" + jfif.segment(0xC4, b"\x00abc"), "Huffman table cut short"),
    ],
)
def test_what_is_no_jpeg_is_refused(data, words):
    """With the byte or the bound that is wrong."""
    with pytest.raises(WireError, match=words):
        jfif.parse(data)


def test_progressive_files_are_refused_by_name():
    """RFC 2435 and every camera send baseline."""
    with pytest.raises(WireError, match="SOF2, only baseline"):
        jfif.parse(coded(progressive=1))


@given(st.binary(max_size=80), st.integers(0, 700))
def test_any_bytes_give_a_file_or_a_wire_error(noise, at):
    """Noise anywhere in a real file."""
    data = coded()
    for one in (noise, b"\xff\xd8" + noise, data[:at] + noise + data[at + len(noise) :]):
        try:
            file = jfif.parse(one)
        except WireError:
            continue
        assert min(file.frame.size_px) > 0
