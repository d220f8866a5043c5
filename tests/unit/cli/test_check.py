# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco check`, as a user types it."""

import contextlib
import io
import json
from pathlib import Path

from gateway.cli.check import check
from gateway.cli.speech import say_english, say_italian
from tests.unit.registry.worlds import SEED

CONFIGS = Path(__file__).parents[3] / "configs"
BOX = '[box]\nid = "nord"\nname = "Nord"\n'


def test_a_good_configuration_is_summed_up(varco, tmp_path):
    """What would listen where, with and without TLS."""
    text = BOX + (
        '[console]\nhost = "0.0.0.0"\ntls_certificate = "c"\ntls_key = "k"\n'
        'public_url = "https://varco.example"\n'
        '[[broker]]\nname = "q"\nhost = "mqtt.example"\n[broker.tls]\n'
        '[machines]\ntls_certificate = "c"\ntls_key = "k"\nclient_ca = "a"\n'
    )
    (tmp_path / "gateway.toml").write_text(text)
    done = varco("check", "gateway.toml")
    assert done.returncode == 0, done.stderr
    assert "configurazione corretta" in done.stdout
    assert "https://varco.example <- 0.0.0.0:8443 (TLS)" in done.stdout
    assert "q: mqtt.example:8883 (TLS)" in done.stdout
    assert "127.0.0.1:8444" in done.stdout


def test_a_bad_configuration_lists_every_fault_and_exits_78(varco, tmp_path):
    """Nothing on standard output, one line for each fault on the other."""
    (tmp_path / "gateway.toml").write_text(BOX + "[ring]\nseconds = 1\n[stills]\nkeep_hours = 99\n")
    done = varco("check", "gateway.toml")
    assert (done.returncode, done.stdout) == (78, "")
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["gateway.toml:5", "ring.seconds"],
        ["gateway.toml:7", "stills.keep_hours"],
    ]


def test_a_typo_in_the_first_table_is_answered_with_the_box(varco, tmp_path):
    """A file without any known table is taken for a configuration."""
    (tmp_path / "x.toml").write_text(BOX.replace("[box]", "[bpx]"))
    done = varco("check", "x.toml")
    assert done.returncode == 78
    assert "x.toml:1: bpx: unknown key (did you mean box?)" in done.stderr


def test_a_good_seed_is_counted(varco, tmp_path):
    """In the words of the registry."""
    (tmp_path / "seed.toml").write_text(SEED)
    done = varco("check", "seed.toml")
    assert done.returncode == 0, done.stderr
    assert "titolari 1, siti 1, telecamere 1, zone 1" in done.stdout
    assert "cameras 1" in varco("check", "seed.toml", LC_ALL="en_US.UTF-8").stdout


def test_a_partial_seed_is_good_only_if_it_is_said_to_be_one(varco, tmp_path):
    """References out of the file are faults, unless --partial."""
    (tmp_path / "seed.toml").write_text(SEED[SEED.index("[[camera]]") :])
    done = varco("check", "seed.toml")
    assert done.returncode == 78
    assert done.stderr.startswith("seed.toml:1: camera[banco].site: there is no site sede")
    assert varco("check", "--partial", "seed.toml").returncode == 0


def test_a_map_of_cameras_is_checked_too(varco, tmp_path):
    """GeoJSON is partial by nature."""
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [10.0, 44.0]},
        "properties": {"id": "a", "name": "A", "site": "s", "url": "rtsp://a/", "area": "privata"},
    }
    text = json.dumps({"type": "FeatureCollection", "features": [feature]})
    (tmp_path / "map.geojson").write_text(text)
    done = varco("check", "map.geojson")
    assert done.returncode == 0, done.stderr
    assert "telecamere 1" in done.stdout


def test_a_table_of_cameras_is_checked_too(varco, tmp_path):
    """CSV as an Italian spreadsheet saves it; a fault names its line."""
    text = "\ufeffid;name;latitude\r\nbanco;Banco;44,5\r\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    done = varco("check", "t.csv")
    assert done.returncode == 0, done.stderr
    assert "telecamere 1" in done.stdout
    (tmp_path / "t.csv").write_text(text.replace("44,5", "44.500,0"), encoding="utf-8")
    done = varco("check", "t.csv")
    assert done.returncode == 78
    assert done.stderr.startswith("t.csv:2: camera.latitude: cannot be read (write a number")


def test_every_kind_of_entity_has_a_word():
    """Devices, triggers and risk areas are counted like the rest, in both languages."""
    seed = CONFIGS / "seed-registratore.toml"
    for say, words in (
        (
            say_italian,
            "apparati 1, telecamere 4, zone 1, eventi 1, maschere 1, centraline 1, "
            "aree a rischio 1",
        ),
        (say_english, "devices 1, cameras 4, zones 1, triggers 1, masks 1, panels 1, risk areas 1"),
    ):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert check(seed, say, partial=False) == 0
        assert words in out.getvalue()


def test_every_shipped_seed_can_be_checked():
    """Each sample is good, whatever kinds of entity it holds."""
    for seed in sorted(CONFIGS.glob("seed-*.toml")):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            assert check(seed, say_english, partial=True) == 0
        assert "good seed" in printed.getvalue()


def test_a_file_that_is_not_there_is_one_line(varco):
    """Status 78: the command line names a wrong file."""
    done = varco("check", "nix.toml")
    assert done.returncode == 78
    assert done.stderr.startswith("nix.toml: no such file or directory")
