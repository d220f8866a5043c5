# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco audit match` on the exports of two real logs, written by a room and an edge."""

import zipfile
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.export import Keys, export_zip
from gateway.audit.ledger import open_ledger
from gateway.cli.main import main
from gateway.model.audit import LedgerQuery
from gateway.model.errors import RefusedError
from gateway.model.registry import Pause
from gateway.wire.checkpoint import VerifierKey
from tests.fakes import FakeClock
from tests.unit.assembly.federated import World

KEYS = {name: Ed25519PrivateKey.from_private_bytes(bytes([at] * 32)) for at, name in
        enumerate(("sala", "nord"), 1)}  # fmt: skip


async def exported(folder, name, events):
    """The export of a log with these entries."""
    path, key = folder / f"{name}.db", KEYS[name]
    path.unlink(missing_ok=True)
    clock = FakeClock()
    async with open_ledger(path, origin=f"varco/{name}", key=key, clock=clock) as ledger:
        for one in events:
            await ledger.append(one)
    keys = Keys(VerifierKey(f"varco/{name}", key.public_key().public_bytes_raw()))
    out = folder / f"{name}.zip"
    with out.open("w+b") as file:
        export_zip(path, file, keys, LedgerQuery())
    return out


@pytest.fixture
async def looked(tmp_path):
    """What a room and an edge wrote: two looks, and one that the edge refused."""
    world = World(tmp_path / "offers")
    await world.offered()
    world.advance(10)
    for camera in ("nord.piazza", "nord.banco"):
        grant = await world.look(camera)
        world.advance(5)
        await world.end(f"s-{grant.id}", "viewer-left")
        await world.settle()
    world.edge_town = replace(world.edge_town, pauses={"p": Pause("p", "comune", (), "u", 0)})
    with pytest.raises(RefusedError):
        await world.look()
    return world.room_ledger.events, world.edge_ledger.events


async def test_two_logs_that_agree(looked, tmp_path, capsys):
    """Counts, in Italian, and status 0."""
    room = await exported(tmp_path, "sala", looked[0])
    edge = await exported(tmp_path, "nord", looked[1])
    assert main(["audit", "match", str(room), str(edge)]) == 0
    said = capsys.readouterr().out
    assert "2 visioni in entrambi i registri" in said
    assert "1 negate dalla sede" in said
    assert "i due registri concordano" in said
    assert main(["audit", "match", str(room), str(edge), "--edge-id", "nord"]) == 0


async def test_two_logs_that_do_not_agree(looked, tmp_path, capsys):
    """What only one knows and what is told differently, each with its entry; status 1."""
    room_events, edge_events = looked
    changed = [
        replace(one, case_ref="altro") if one.object_id == "banco" else one
        for one in edge_events
        if one.object_id != "piazza" or one.result != "ok"
    ]
    room = await exported(tmp_path, "sala", room_events)
    edge = await exported(tmp_path, "nord", changed)
    status = main(["audit", "match", str(room), str(edge), "--edge-id", "nord"])
    said = capsys.readouterr().out
    assert status == 1
    assert "DIVERSE: voce" in said
    assert "caso: sala «OdS 4», sede «altro»" in said
    assert "I DUE REGISTRI NON CONCORDANO" in said
    own = [replace(one, object_id="piazza") for one in room_events[:2]]
    hidden = await exported(tmp_path, "sala", [*own, *room_events[2:]])
    whole = await exported(tmp_path, "nord", edge_events)
    assert main(["audit", "match", str(hidden), str(whole)]) == 1
    assert "SOLO NELLA SEDE: voce" in capsys.readouterr().out


async def test_an_export_that_was_altered_is_not_matched(looked, tmp_path, capsys):
    """Its own proofs come first; and so does a key that the auditor holds."""
    room = await exported(tmp_path, "sala", looked[0])
    edge = await exported(tmp_path, "nord", looked[1])
    wrong = VerifierKey("varco/nord", KEYS["sala"].public_key().public_bytes_raw()).vkey()
    assert main(["audit", "match", str(room), str(edge), "--edge-key", wrong]) == 1
    capsys.readouterr()
    spoilt = tmp_path / "spoilt.zip"
    with zipfile.ZipFile(edge) as source, zipfile.ZipFile(spoilt, "w") as target:
        for one in source.infolist():
            data = source.read(one)
            if one.filename.endswith("entries.jsonl"):
                data = data.replace(b'"banco\\"', b'"bacno\\"').replace(b"banco", b"bacno")
            target.writestr(one.filename, data)
    assert main(["audit", "match", str(room), str(spoilt)]) == 1
    assert "ALTERAT" in capsys.readouterr().out.upper()


def test_what_is_no_export_is_unusable(tmp_path, capsys):
    """Status 2, with the reason."""
    (tmp_path / "a.zip").write_bytes(b"PK no")
    assert main(["audit", "match", str(tmp_path / "a.zip"), str(tmp_path / "b.zip")]) == 2
    assert "inutilizzabile" in capsys.readouterr().err
