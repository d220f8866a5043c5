# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.leftovers: what is there is found, in each form."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.simulator import leftovers, traffic

PLATES = traffic.others(11, 40)
ONE = PLATES[3]
DIGEST = hashlib.sha256(ONE.encode())


@pytest.mark.parametrize(
    "data",
    [
        ONE.encode(), ONE.lower().encode(), b"x" + ONE.encode("utf-16-le") + b"y",
        DIGEST.digest(), b"\0" + DIGEST.hexdigest().upper().encode() + b"0",
    ],
)  # fmt: skip
def test_one_plate_is_found_in_each_form(data):
    """As text in capital and small letters, in 16 bits, as a plain hash in bytes and digits."""
    assert leftovers.finds(b"before" + data + b"after", PLATES) == 1
    assert leftovers.finds(b"before" + data + b"after", PLATES[10:]) == 0


def test_places_are_named_and_the_control_is_found(tmp_path):
    """Files in any folder, answers too; what is spared is not read; nothing stays behind."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.db").write_bytes(ONE.encode() + DIGEST.digest())
    (tmp_path / "units.bin").write_bytes(ONE.encode())
    report = leftovers.search(
        PLATES, [tmp_path], {"/metrics": PLATES[0], "/api": "-"}, [], {"units.bin"}
    )
    assert report.found == (("a.db", 2), ("/metrics", 1))
    assert (report.sought, report.files, report.bytes, report.control) == (40 - 1, 1, 39, True)
    assert sorted(one.name for one in tmp_path.rglob("*") if one.is_file()) == ["a.db", "units.bin"]


def test_a_search_that_cannot_find_says_so(tmp_path, monkeypatch):
    """Blind to a form, it does not pass for one that found nothing."""
    monkeypatch.setattr(leftovers, "finds", lambda data, texts: 0)
    assert not leftovers.search(PLATES, [tmp_path], {}, []).control


HOLDER = """
import sys
kept = [sys.argv[1].encode("utf-16-le"), bytearray(sys.argv[2].encode())]
del sys.argv[1:]
print("ready", flush=True)
sys.stdin.read()
"""


def test_what_a_process_holds_is_found_in_its_memory_and_no_more():
    """In 8 and 16 bits; another plate is not there."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, PLATES[5], PLATES[6]], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with child:
        assert child.stdout.readline() == b"ready\n"
        assert child.pid in leftovers.below(os.getpid())
        with leftovers.opened({child.pid: "a child", 1 << 22: "nobody"}) as memories:
            assert [one.name for one in memories] == ["a child"]
            report = leftovers.search(PLATES[:5], [Path(__file__).parent], {}, memories)
            assert (report.memory, report.left) == ((("a child", 0),), 0)
            assert leftovers.written(memories[0], PLATES) == {PLATES[5], PLATES[6]}
        child.stdin.close()


def test_the_program_takes_open_memory_and_knows_the_plates_from_the_number(tmp_path):
    """It is told no plate: only the number that they are drawn from."""
    (tmp_path / "log").write_text(ONE)
    asked = {
        "seed": 11, "count": 40, "folders": [str(tmp_path)], "answers": {}, "spared": [],
        "memories": [],
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "gateway.simulator.leftovers"], input=json.dumps(asked),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["found"] == [["log", 1]]
    assert report["control"]
    assert not any(plate in done.stdout for plate in PLATES)


def test_a_text_over_the_edge_of_two_parts_is_found(monkeypatch, tmp_path):
    """Memory is read in parts that overlap."""
    monkeypatch.setattr(leftovers, "_PART", 100)
    path = tmp_path / "memory"
    path.write_bytes(b"." * 96 + ONE.encode() + b"." * 200)
    with path.open("rb", buffering=0) as file:
        parts = list(leftovers._parts(file.fileno(), 0, 303))
    assert any(ONE.encode() in part for part in parts)
    assert b"".join([parts[0], *(part[leftovers._OVERLAP :] for part in parts[1:])]) == (
        path.read_bytes()
    )


def test_processes_have_names():
    """Id and what runs; of one that is gone the id."""
    assert leftovers.name_of(os.getpid()).startswith(str(os.getpid()))
    assert leftovers.name_of(1 << 22) == str(1 << 22)
