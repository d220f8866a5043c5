# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Of three hundred cars at a gate those that nobody seeks leave nothing behind (D.9)."""

import hashlib
import os
import subprocess

import pytest

from tests.e2e import plates_kept

pytestmark = pytest.mark.peer
CARS, SOUGHT = 300, 3


@pytest.fixture
def everything(program, broker, tmp_path):
    """Return what a subscriber of every topic got so far, as one text."""
    out = tmp_path.parent / f"{tmp_path.name}-broker.txt"
    with out.open("wb") as file:
        process = subprocess.Popen(
            [program("mosquitto_sub"), "-V", "5", "-p", str(broker.port), "-t", "#",
             "-F", "%t %p"],
            stdout=file,
        )  # fmt: skip
    yield out.read_text
    process.kill()
    process.wait()


@pytest.mark.timeout(400)
def test_of_three_hundred_cars_only_the_sought_ones_are_anywhere(broker, everything, tmp_path):
    """State, log, answers and broker have no text of the others and no plain hash of one."""
    folder = tmp_path / "box"
    folder.mkdir()
    found = plates_kept.play(folder, CARS, SOUGHT, broker.port, everything, 240)
    assert found.passages >= CARS
    assert found.hits >= SOUGHT
    assert found.on_disk == []
    print(f"residue 5 s later: box {found.box_residue}, children {found.child_residue} of {CARS}")
    assert found.child_residue <= CARS // 20
    assert found.box_residue <= CARS // 6


def test_the_search_finds_what_is_there(tmp_path):
    """A text in a file, its hash in a log, both in an answer, and texts in process memory."""
    plates = plates_kept.texts(40)
    digest = hashlib.sha256(plates[2].encode())
    (tmp_path / "a.db").write_bytes(b"\0" + plates[0].encode() + b"\0" + digest.digest())
    (tmp_path / "b.log").write_text(f"passage {digest.hexdigest().upper()}")
    found = dict(plates_kept._search(tmp_path, plates[1] + digest.hexdigest(), "", plates))
    assert found == {"a.db": 2, "b.log": 1, "answers": 2}
    assert plates_kept.residue(os.getpid(), plates) == len(plates)
    assert plates_kept._search(tmp_path, "", "", plates_kept.texts(60)[40:]) == []
