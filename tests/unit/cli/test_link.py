# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco link` as people type it: against a daemon of answers, and a room that enrols for real."""

import asyncio
import json
import os
import stat
import threading

import pytest

from gateway.cli.link import REFUSALS, STATES
from gateway.model.room import LINE_CERTIFICATE, LINE_ROOM, LineState
from gateway.runtime.clock import SystemClock
from tests.unit.room.enrolling import Room

UP = {
    "id": "nord", "name": "Varco Nord", "side": "edge", "state": "attiva",
    "since_utc": "2026-11-22T10:00:00.000Z", "round_trip_ms": 41.6, "clock_offset_ms": -3.2,
    "address": "198.51.100.7:40000", "streams": 2, "reduced": [{"camera": "a", "name": "Banco"}],
    "certificate_until": "2028-11-21T10:00:00.000Z",
}  # fmt: skip
DOWN = {
    "id": "questura", "name": "Questura", "side": "room", "state": "interrotta",
    "problem": "sala.example:8445: connection refused",
}  # fmt: skip
GONE = {"id": "sud", "name": "Sud", "side": "edge", "state": "rifiutata", "enabled": False}
NEW = {
    "id": "est", "name": "Est", "side": "edge", "state": "da-associare",
    "invited_until": "2026-11-23T10:00:00.000Z",
}  # fmt: skip
INVITE = "POST /control/lines/invitations"
REVOKE = "POST /control/lines/nord/revoke"


@pytest.mark.parametrize(
    ("locale", "lines"),
    [
        (
            "it_IT.UTF-8",
            [
                "✓ nord (sede, Varco Nord): attivo, dal 2026-11-22 10:00:00",
                "  198.51.100.7:40000, ritardo 42 ms, orologio -3 ms, 2 flussi",
                "  flusso ridotto: Banco",
                "  certificato fino al 2028-11-21",
                "✗ questura (sala, Questura): interrotto",
                "  sala.example:8445: connection refused",
                "✗ sud (sede, Sud): revocato",
                "· est (sede, Est): da associare",
                "  invito aperto fino al 2026-11-23 10:00:00",
            ],
        ),
        (
            "en_IE.UTF-8",
            [
                "✓ nord (edge, Varco Nord): up, since 2026-11-22 10:00:00",
                "  198.51.100.7:40000, delay 42 ms, clock -3 ms, 2 streams",
                "  small stream: Banco",
                "  certificate until 2028-11-21",
                "✗ questura (room, Questura): down",
                "  sala.example:8445: connection refused",
                "✗ sud (edge, Sud): revoked",
                "· est (edge, Est): not enrolled",
                "  invited until 2026-11-23 10:00:00",
            ],
        ),
    ],
)
def test_lines_are_told_in_words(varco, daemon, locale, lines):
    """A sign and a word for each state; what is not there is not told."""
    daemon.answer("GET /control/lines", 200, {"lines": [UP, DOWN, GONE, NEW]})
    done = varco("link", "list", "--socket", daemon.path, LANG=locale, TZ="UTC")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == lines


def test_a_box_without_lines_says_where_they_are_described(varco, daemon):
    """Not an empty screen."""
    daemon.answer("GET /control/lines", 200, {"lines": []})
    assert "[[uplink]]" in varco("link", "list", "--socket", daemon.path).stdout


def test_every_state_and_refusal_has_words():
    """A new one cannot be forgotten."""
    assert STATES.keys() == {one.value for one in LineState}
    assert all(it and en for it, en in (*STATES.values(), *REFUSALS.values()))


def test_a_person_invites_and_the_code_is_printed_once(varco, daemon):
    """Who answers for it goes along; what is printed is what the edge types."""
    made = {"edge": "nord", "code": "AAAAA-BBBBB", "expires": "2026-11-23T10:00:00.000Z"}
    daemon.answer(INVITE, 201, made)
    done = varco(
        "link", "invite", "nord", "--name", "Varco Nord", "--organisations", "sala, comune",
        "--user", "capo", "--stdin", "--socket", daemon.path, stdin="segreto\n",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("AAAAA-BBBBB") == 1
    assert "varco link join --as" in done.stdout
    ((_, _, body),) = daemon.asked
    assert json.loads(body) == {
        "edge": "nord", "name": "Varco Nord", "organisations": ["sala", "comune"],
        "user": "capo", "password": "segreto",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kept", "said"), [(0, ""), (1, "Un'altra organizzazione"), (3, "Altre 3 organizzazioni")]
)
def test_who_knows_of_an_edge_unasked_is_told_after_the_code(varco, daemon, kept, said):
    """A supervisor cannot leave others out, and would think so."""
    made = {"edge": "nord", "code": "A-B", "expires": "2026-11-23T10:00:00.000Z", "kept": kept}
    daemon.answer(INVITE, 201, made)
    words = ("link", "invite", "nord", "--name", "Nord", "--user", "capo", "--stdin")
    done = varco(*words, "--socket", daemon.path, stdin="segreto\n")
    assert done.returncode == 0
    last = done.stdout.rstrip().splitlines()[-1]
    assert last.startswith(said) if said else last.strip() == "A-B"


def test_a_person_revokes(varco, daemon):
    """And is told that the pictures are dark."""
    daemon.answer(REVOKE, 204)
    words = ("link", "revoke", "nord", "--user", "capo", "--stdin", "--socket", daemon.path)
    done = varco(*words, stdin="segreto\n")
    assert (done.returncode, done.stdout) == (0, "nord: revocata; le sue immagini sono spente\n")
    ((_, _, body),) = daemon.asked
    assert json.loads(body) == {"user": "capo", "password": "segreto"}


@pytest.fixture
def room(tmp_path):
    """A room that enrols, on a thread of its own; return it and how to have it invite."""
    (tmp_path / "room").mkdir()
    made = Room(tmp_path / "room", ("nord",), clock=SystemClock())
    loop = asyncio.new_event_loop()
    ready, done = threading.Event(), asyncio.Event()

    async def serve():
        async with made.door():
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)

    def invite():
        asked = made.enrolment.invite(made.edges["nord"], "capo")
        return asyncio.run_coroutine_threadsafe(asked, loop).result(30)[0]

    yield made, invite
    loop.call_soon_threadsafe(done.set)
    thread.join(30)
    loop.close()


@pytest.fixture
def box(tmp_path):
    """A box that was started once, as its configuration file."""
    (tmp_path / "state").mkdir()
    path = tmp_path / "gateway.toml"
    path.write_text('[box]\nid = "nord"\nname = "Nord"\nstate_dir = "state"\n')
    return path


def test_a_box_joins_with_the_service_stopped(varco, room, box, tmp_path):
    """The code by hand, with blanks; then the files are there, and what is missing is told."""
    made, invite = room
    code = invite().lower().replace("-", " ")
    done = varco("link", "join", *code.split(), "--as", "questura", "--config", box)
    assert (done.returncode, done.stderr) == (0, "")
    assert "associato a Sala (sala) come nord; collegamento questura: 127.0.0.1:" in done.stdout
    assert '[[uplink]]\nname = "questura"' in done.stdout
    folder = tmp_path / "state" / "lines" / "questura"
    assert stat.S_IMODE((folder / LINE_CERTIFICATE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert json.loads((folder / LINE_ROOM).read_text())["edge"] == "nord"
    assert made.edges["nord"].certificate_sha256


def test_the_code_may_be_typed_and_a_configured_line_needs_nothing_more(varco, room, box):
    """So that it stands in no history of a shell."""
    _, invite = room
    box.write_text(box.read_text() + '[[uplink]]\nname = "questura"\nrecipient = "sala"\n')
    words = ("link", "join", "--as", "questura", "--config", box)
    done = varco(*words, stdin=invite() + "\n", LANG="en_IE.UTF-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The service dials by itself." in done.stdout
    assert "[[uplink]]" not in done.stdout


def test_a_used_code_is_refused_in_words_and_changes_nothing(varco, room, box, tmp_path):
    """The second box with the same code gets nothing."""
    _, invite = room
    code = invite()
    varco("link", "join", code, "--as", "questura", "--config", box)
    before = (tmp_path / "state/lines/questura" / LINE_CERTIFICATE).read_bytes()
    done = varco("link", "join", code, "--as", "questura", "--config", box)
    assert done.returncode == 1
    assert done.stderr == "rifiutato: il codice è già stato usato [code-used]\n"
    assert (tmp_path / "state/lines/questura" / LINE_CERTIFICATE).read_bytes() == before


def test_a_code_for_another_box_is_not_even_tried(varco, room, box):
    """Its one use is not spent, nobody is asked."""
    made, invite = room
    code = invite()
    box.write_text(box.read_text().replace('"nord"', '"sud"'))
    done = varco("link", "join", code, "--as", "questura", "--config", box)
    assert done.returncode == 78
    assert "the invitation is for nord, this box is sud" in done.stderr
    assert made.enrolment.waiting()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("AAAAA", "--as", "questura"), "is not a whole invitation"),
        (("AAAAA", "--as", "../x"), "is not a name of a line"),
    ],
)
def test_what_is_no_code_or_no_name_is_told(varco, box, words, said):
    """78, and the code is not repeated."""
    done = varco("link", "join", *words, "--config", box)
    assert done.returncode == 78
    assert said in done.stderr
    assert "AAAAA" not in done.stderr


def test_nobody_there_is_told_with_the_address(varco, room, box):
    """1, and the files of before stay."""
    made, invite = room
    good = made.addresses
    made.addresses = ("127.0.0.1:1",)
    code = invite()
    made.addresses = good
    done = varco("link", "join", code, "--as", "questura", "--config", box)
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_belongs_to_the_service(varco, room, box, tmp_path):
    """The daemon runs under an account of its own and has to read it."""
    _, invite = room
    os.chown(tmp_path / "state", 4242, 4243)
    done = varco("link", "join", invite(), "--as", "questura", "--config", box)
    assert done.returncode == 0
    folder = tmp_path / "state" / "lines" / "questura"
    for one in (folder.parent, folder, *folder.iterdir()):
        assert (one.stat().st_uid, one.stat().st_gid) == (4242, 4243)
