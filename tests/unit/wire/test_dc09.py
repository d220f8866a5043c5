# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.wire.dc09. Frames that name a make were seen at panels of that make."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import WireError
from gateway.wire import dc09
from gateway.wire.dc09 import CidEvent, Content, Sender, SiaEvent, Token

KEY = b"AAAAAAAAAAAAAAAA"
PAD = "K3J5H6G7F8D9S0A"
T0 = 1_594_310_642_000_000
"""2020-07-09 16:04:02 UTC."""

PLAIN = [
    ('85420026"NULL"0000L0#000[]_21:58:31,08-08-2019', Token.NULL, "000", ""),
    ('B0970029"NULL"0000L000#0809[]_21:00:01,02-20-2024', Token.NULL, "0809", ""),
    ('59630027"NULL"0000L1#699F[]_23:50:57,02-20-2024', Token.NULL, "699F", ""),
    (
        'F92F0043"ADM-CID"0020R7896L7896#3456[#3456|1407 00 001]_17:01:14,07-26-2024',
        Token.CID, "3456", "1407 00 001",
    ),
    (
        '1F180041"ADM-CID"0003R1L0#111111[#111111|1306 01 000]_16:58:04,09-04-2026',
        Token.CID, "111111", "1306 01 000",
    ),
    (
        '39660039"SIA-DCS"0512L1#9764[#9764|Nri1/OP03]_00:41:51,06-13-2000',
        Token.SIA, "9764", "Nri1/OP03",
    ),
    (
        '3F60003C"SIA-DCS"0001L0#51449[#51449|Nri0000/LR]_21:26:19,12-20-2023',
        Token.SIA, "51449", "Nri0000/LR",
    ),
    ('7B620035"SIA-DCS"0005L000#3044[3044|NOP1]_00:03:31,12-21-2023', Token.SIA, "3044", "NOP1"),
    ('43580023"SIA-DCS"0084L0#AAA[#AAA|Nri1/XC12]', Token.SIA, "AAA", "Nri1/XC12"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "token", "account", "data"), PLAIN)
def test_frames_of_panels_are_read(line, token, account, data):
    """CRC and length of others are right by our count, and the block is found."""
    frame = dc09.parse(line.encode())
    assert (frame.token, frame.account, frame.encrypted) == (token, account, False)
    assert dc09.parse_content(dc09.open_body(frame, None), padded=False).data == data


def test_the_checksum_is_the_one_of_the_catalogue():
    """CRC-16/ARC, and a keep-alive of a panel."""
    assert dc09.crc16(b"123456789") == 0xBB3D
    assert dc09.crc16(b'"NULL"0000R000001L010000#2104814[]_09:31:47,05-27-2026') == 0x13B1


def test_coordinates_and_texts_beside_the_block_are_kept():
    """A frame with receiver, line and two blocks, as another program writes it."""
    line = (
        b'73580056"SIA-DCS"0002R1L232#78919[#78919|Nri1/BA012][X012W34.1][Y045N12.2]'
        b"_14:12:04,09-25-2026"
    )
    frame = dc09.parse(line)
    assert (frame.receiver, frame.line, frame.sequence) == ("1", "232", 2)
    content = dc09.parse_content(frame.body, padded=False)
    assert content.extended == (("X", "012W34.1"), ("Y", "045N12.2"))
    assert dc09.parse_sia(content.data) == (SiaEvent("BA", "012", "1"),)


def test_what_another_program_encrypted_is_opened():
    """Padding of zeros in front of the bar, no account in the block, and its time."""
    body = (
        "C07DA1EB73C617857476EE5D79436CEE5E0084485E79EC56B0D5D1F3F6E648B2"
        "78050BBCCBC8FE5DCA7E3C80DBDD4945"
    )
    frame = dc09.Frame(Token.SIA, True, 7654, "1111", body)
    content = dc09.parse_content(dc09.open_body(frame, KEY), padded=True)
    assert content == Content("Nri1/WA000", (), T0)


@pytest.mark.parametrize(
    ("data", "events"),
    [
        ("Nri1/BA03", (SiaEvent("BA", "03", "1"),)),
        ("NBA001", (SiaEvent("BA", "001"),)),
        ("Nri0OP4^Sirena Interna  ^", (SiaEvent("OP", "4", "0", "Sirena Interna"),)),
        ("Nti19:44/id1/ri4/RP", (SiaEvent("RP", "", "4"),)),
        ("Nri1/BA01/BA02", (SiaEvent("BA", "01", "1"), SiaEvent("BA", "02", "1"))),
        ("NUA021*'detector hall'NM", (SiaEvent("UA", "021", "", "detector hall"),)),
        ("NNL2", (SiaEvent("NL", "2"),)),
        ("NL2", (SiaEvent("NL", "2"),)),
    ],
)
def test_sia_blocks_in_the_ways_that_panels_write_them(data, events):
    """With and without area, slash and text."""
    assert dc09.parse_sia(data)[: len(events)] == events


def test_contact_id_is_read():
    """Qualifier, event, partition and zone."""
    assert dc09.parse_cid("3130 01 015") == CidEvent(3, "130", "01", "015")
    for bad in ("1130 01", "4130 01 015", "1130 01 0015", "", "1130_01_015"):
        with pytest.raises(WireError):
            dc09.parse_cid(bad)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'85430026"NULL"0000L0#000[]_21:58:31,08-08-2019', "CRC 8543 is said, 8542 is right"),
        (b'85420027"NULL"0000L0#000[]_21:58:31,08-08-2019', "length 39 is said, 38 came"),
        (b"hello", "missing"),
        (b"", "missing"),
    ],
)
def test_damaged_frames_are_refused_with_the_reason(line, words):
    """What is said, and what is right."""
    with pytest.raises(WireError, match=words):
        dc09.parse(line)


@pytest.mark.parametrize("key", [b"k" * 16, b"k" * 24, b"k" * 32, None])
@given(
    zone=st.integers(0, 999), sequence=st.integers(0, 9999), text=st.text(max_size=300),
    pad=st.text("0123456789ABCDEF", min_size=15, max_size=15),
)  # fmt: skip
def test_what_is_written_is_read(key, zone, sequence, text, pad):
    """In clear and with each length of key, whatever the text; and no text breaks out of it."""
    sender = Sender("1A2B", "1", "7", key)
    said = Content(dc09.format_sia("BA", zone), (("H", "16:04:02,07-09-2020"), ("I", text)), T0)
    whole = dc09.message(Token.SIA, sender, sequence, said, padding=pad)
    (line,) = dc09.FrameReader().receive(whole)
    frame = dc09.parse(line)
    assert (frame.sequence, frame.account, frame.receiver) == (sequence, "1A2B", "7")
    content = dc09.parse_content(dc09.open_body(frame, key), padded=key is not None)
    assert (content.data, content.utc_us) == (said.data, T0)
    assert [name for name, _ in content.extended] == ["H", "I"]


def test_a_wrong_key_gives_no_content():
    """Of a thousand wrong keys none finds something that could be taken for a message."""
    sender = Sender("1A2B", key=KEY)
    said = Content(dc09.format_sia("HA", 1), (), T0)
    (line,) = dc09.FrameReader().receive(dc09.message(Token.SIA, sender, 1, said, padding=PAD))
    frame = dc09.parse(line)
    for number in range(1000):
        with pytest.raises(WireError):
            dc09.parse_content(dc09.open_body(frame, b"%016d" % number), padded=True)


def test_in_cipher_a_time_is_a_must():
    """Without one whoever heard it could send it again next year."""
    sender = Sender("1A2B", key=KEY)
    (line,) = dc09.FrameReader().receive(
        dc09.message(Token.SIA, sender, 1, Content("Nri1/BA001"), padding=PAD)
    )
    with pytest.raises(WireError, match="without a time"):
        dc09.parse_content(dc09.open_body(dc09.parse(line), KEY), padded=True)


def test_the_padding_makes_equal_messages_differ():
    """The vector is zero by the standard: what differs is what stands in front."""
    sender, said = Sender("1A2B", key=KEY), Content("Nri1/BA001", (), T0)
    one = dc09.message(Token.SIA, sender, 1, said, padding=PAD)
    assert one != dc09.message(Token.SIA, sender, 1, said, padding=PAD[::-1])
    with pytest.raises(ValueError, match="padding"):
        dc09.message(Token.SIA, sender, 1, said)


def test_answers_have_the_form_of_the_standard():
    """A NAK tells the time and names nobody; the others repeat who is answered."""
    frame = dc09.parse(PLAIN[3][0].encode())
    ack = dc09.answer(Token.ACK, frame, T0)
    assert ack[9:-1] == b'"ACK"0020R7896L7896#3456[]'
    assert dc09.answer(Token.NAK, frame, T0)[9:-1] == b'"NAK"0000R0L0A0[]_16:04:02,07-09-2020'
    nak = dc09.parse(dc09.answer(Token.NAK, frame, T0)[1:-1])
    assert (nak.token, nak.account) == (Token.NAK, "")
    assert dc09.parse_content(nak.body, padded=False).utc_us == T0


def test_an_answer_in_cipher_is_opened():
    """Padding and time, and nothing to say."""
    sealed = dc09.Frame(Token.SIA, True, 12, "1A2B", "", line="0")
    frame = dc09.parse(dc09.answer(Token.ACK, sealed, T0, key=KEY, padding=PAD)[1:-1])
    assert (frame.token, frame.encrypted, frame.sequence) == (Token.ACK, True, 12)
    assert dc09.parse_content(dc09.open_body(frame, KEY), padded=True) == Content("", (), T0)


@given(st.binary(max_size=200), st.integers(1, 40))
def test_a_stream_is_cut_the_same_in_pieces(noise, step):
    """Frames between noise are found however the bytes arrive."""
    whole = b"\n" + PLAIN[0][0].encode() + b"\r" + noise.replace(b"\r", b"") + b"\r"
    reader, pieces = dc09.FrameReader(), []
    for at in range(0, len(whole), step):
        pieces += reader.receive(whole[at : at + step])
    assert pieces == dc09.FrameReader().receive(whole)
    assert pieces[0] == PLAIN[0][0].encode()


def test_a_frame_without_an_end_is_bounded():
    """More than 4 KiB are no frame, with an end or without."""
    with pytest.raises(WireError, match="without an end"):
        dc09.FrameReader().receive(b"x" * 4097)
    with pytest.raises(WireError, match="5000 bytes"):
        dc09.FrameReader().receive(b"x" * 5000 + b"\r")


@pytest.mark.parametrize(
    "text", ["_24:00:00,01-01-2026", "_10:00:00,02-30-2026", "10:00", "_１0:00:00,01-01-2026"]
)
def test_times_that_do_not_exist_are_refused(text):
    """Also in digits of another script."""
    with pytest.raises(WireError, match="time"):
        dc09.parse_time(text)


def test_an_old_beginning_with_a_fresh_end_is_noticed():
    """Spliced without the key: the old event with the new time, and a block of noise between."""
    text = (("I", "Porta principale del magazzino, lato strada, sopra la rampa di carico"),)
    made = [
        dc09.parse(
            dc09.message(
                Token.SIA, Sender("1A2B", key=KEY), number, Content(data, text, at_us), padding=PAD
            ).strip()
        )
        for number, data, at_us in (
            (1, "Nri1/BR003", 1_700_000_000_000_000),
            (2, "Nri1/BA003", 1_800_000_000_000_000),
        )
    ]
    old, new = (one.body for one in made)
    assert len(old) == len(new)
    noticed = 0
    for at in range(64, len(old) - 64, 32):
        # the same words stand in both, so that but for the noise all of it can be read
        forged = replace(made[0], body=old[:at] + new[at:])
        with suppress(WireError):
            dc09.parse_content(dc09.open_body(forged, KEY), padded=True)
            continue
        noticed += 1
    assert noticed >= 2
    for kept in ("perch\u00e9 \u00e8 l\u00e0", "perch\u00e9 \u00c9".encode().decode("latin-1")):
        frame = dc09.message(
            Token.SIA, Sender("1A2B", key=KEY), 3,
            Content("Nri1/BA003", (("I", kept),), 1_800_000_000_000_000), padding=PAD,
        )  # fmt: skip
        opened = dc09.parse_content(dc09.open_body(dc09.parse(frame.strip()), KEY), padded=True)
        assert opened.extended[0][0] == "I"
