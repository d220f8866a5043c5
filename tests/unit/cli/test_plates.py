# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco plates`: what was read is shown, and how well."""

import json

import cv2
import pytest

from gateway.cli.main import main
from gateway.cli.plates import words, write
from gateway.cli.plates_film import Seen
from gateway.cli.speech import say_english, say_italian
from gateway.model.errors import StoreError
from gateway.model.plate import Alternative, PlateRead
from tests.unit.analytics.plates.nets import folder, plate, scene


@pytest.fixture(autouse=True)
def italian(monkeypatch):
    """The terminal of whoever tests may speak English."""
    monkeypatch.setenv("LC_ALL", "it_IT.UTF-8")


def test_a_picture_is_read_and_drawn(tmp_path, capsys):
    """The table on the terminal, the page readable by its owner alone."""
    picture, _ = scene("AB123CD")
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    page, image = tmp_path / "page.html", tmp_path / "drawn.png"
    asked = ["plates", "read", str(tmp_path / "a.png"), "--nets", str(folder())]
    assert main([*asked, "--sheet", str(page), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert all({"text", "certain", "country", "first", "second", "box"} <= set(one) for one in told)
    assert page.stat().st_mode & 0o777 == 0o600
    assert "<script" not in page.read_text()
    assert main([*asked, "--sheet", str(image), "--no-second"]) == 0
    assert "Manca il secondo lettore" in capsys.readouterr().out
    assert cv2.imread(str(image)).shape[1] == 640


def test_a_folder_is_evaluated(tmp_path, capsys):
    """For people and as JSON; what is wrong is named."""
    cv2.imwrite(str(tmp_path / "it_ab123cd.png"), plate("AB123CD", 48))
    cv2.imwrite(str(tmp_path / "fr_zz999zz.png"), plate("AB123CD", 48))
    asked = ["plates", "evaluate", str(tmp_path), "--nets", str(folder())]
    assert main(asked) == 0
    text = capsys.readouterr().out
    assert "2 targhe" in text
    assert "fr_zz999zz.png: ZZ999ZZ →" in text
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["all"]["n"] == 2
    assert (told["by_country"]["IT"]["exact"], told["by_country"]["FR"]["exact"]) == (1.0, 0.0)


def test_what_cannot_be_read_is_said(tmp_path, capsys):
    """A file that is not there, one that is neither picture nor film, nets that are not there."""
    nets = ["--nets", str(folder())]
    assert main(["plates", "read", str(tmp_path / "none.mp4"), *nets]) == 78
    assert "none.mp4" in capsys.readouterr().err
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    assert main(["plates", "read", str(tmp_path / "a.jpg"), *nets]) == 78
    assert main(["plates", "evaluate", str(tmp_path), "--nets", str(tmp_path)]) == 78
    assert "weights.json" in capsys.readouterr().err
    with pytest.raises(StoreError):
        write(tmp_path / "no" / "page.html", b"")


def test_the_table_says_who_read_what():
    """In the reader's language; nothing found is said too."""
    read = PlateRead(
        "AB123CD", 0.98, (0.9,) * 7, (Alternative("AB128CD", 0.02),), "IT", certain=True
    )
    one = Seen(
        plate("A"), plate("A")[:, :, 0], (1, 2, 3, 4), 0.9, "AB123CD", "IAB123CD", read, 2.5, 3
    )
    head, row = words([one], say_italian)
    assert head.split()[:3] == ["quando", "targa", "paese"]
    for part in ("2.5 s", "AB123CD", "IT", "98%", "certa", "IAB123CD", "AB128CD"):
        assert part in row
    assert "certain" in words([one], say_english)[1]
    assert words([], say_italian) == ["Nessuna targa."]
