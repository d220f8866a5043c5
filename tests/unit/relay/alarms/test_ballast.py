# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.ballast."""

from gateway.relay.alarms.ballast import Ballast


def test_it_is_made_given_back_once_and_made_anew(tmp_path):
    """Of the size that was asked for; a second release has nothing to give."""
    ballast = Ballast(tmp_path / "alarms.ballast", 1 << 16)
    assert ballast.restore()
    assert (tmp_path / "alarms.ballast").stat().st_blocks * 512 >= 1 << 16
    assert ballast.restore()
    assert ballast.release()
    assert (ballast.is_out, list(tmp_path.iterdir())) == (True, [])
    assert not ballast.release()
    assert ballast.restore()
    assert not ballast.is_out


def test_on_a_disk_without_room_there_is_none(tmp_path, monkeypatch):
    """It takes nothing that others need, and what is left then is not for new alarms."""
    ballast = Ballast(tmp_path / "alarms.ballast", 1 << 20)
    monkeypatch.setattr(Ballast, "free_bytes", lambda self: (1 << 19) - 1)
    assert not ballast.restore()
    assert (ballast.is_out, ballast.is_scarce()) == (True, True)
    monkeypatch.setattr(Ballast, "free_bytes", lambda self: 1 << 19)
    assert not ballast.is_scarce()
    monkeypatch.undo()
    assert ballast.restore()
    assert not ballast.is_scarce()


def test_none_is_asked_for(tmp_path):
    """Nothing is written, nothing is scarce, and an old one goes."""
    (tmp_path / "alarms.ballast").write_bytes(b"x")
    ballast = Ballast(tmp_path / "alarms.ballast", 0)
    assert not ballast.restore()
    assert not ballast.release()
    assert not ballast.is_scarce()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_and_ends_nothing(tmp_path):
    """The alarms go on without it."""
    ballast = Ballast(tmp_path / "no" / "alarms.ballast", 1 << 12)
    assert not ballast.restore()
    assert not ballast.release()
