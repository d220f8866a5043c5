# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What may stand in a seed, table by table."""

import pytest

from gateway.model.errors import ConfigErrors
from gateway.registry.schema import File
from gateway.registry.seed import parse_seed
from tests.unit.registry.worlds import SEED


def swapped(old, new):
    assert SEED.count(old) >= 1, old
    return SEED.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'url = "rtsp://192.0.2.1/1"',
            'url = "rtsp://admin:hunter2@192.0.2.1/1"',
            "seed.toml:17: camera[banco].url: contains credentials "
            '(remove them and write credential = "file:/absolute/path")',
        ),
        (
            'url = "rtsp://192.0.2.1/1"',
            'url = "rtsp://192.0.2.1/1?user=admin&password=hunter2"',
            "seed.toml:17: camera[banco].url: contains credentials "
            '(remove them and write credential = "file:/absolute/path")',
        ),
        (
            "rtsp://192.0.2.1/1",
            "http://192.0.2.1/1",
            "seed.toml:17: camera[banco].url: is not a camera's URL "
            '(write for example "rtsp://192.0.2.20:554/stream1")',
        ),
        (
            "rtsp://192.0.2.1/1",
            "rtsp:///1",
            "seed.toml:17: camera[banco].url: is not a camera's URL "
            '(write for example "rtsp://192.0.2.20:554/stream1")',
        ),
        (
            "rtsp://192.0.2.1/1",
            "rtsp://192.0.2.1:99999/1",
            "seed.toml:17: camera[banco].url: is not a camera's URL "
            '(write for example "rtsp://192.0.2.20:554/stream1")',
        ),
        (
            'area = "aperta-al-pubblico"',
            'area = "aperta-al-pubblico"\ncredential = "hunter2"',
            "seed.toml:19: camera[banco].credential: is not a reference to a secret "
            "(write credential:NAME, env:NAME or file:/absolute/path)",
        ),
        (
            "azimuth_deg = 210",
            "azimuth_deg = 361",
            "seed.toml:21: camera[banco].azimuth_deg: must be less than or equal to 360 "
            "(write degrees clockwise from north, 0 to 360)",
        ),
        (
            "latitude = 44.0354",
            "latitude = 91",
            "seed.toml:19: camera[banco].latitude: must be less than or equal to 90 "
            "(write degrees, -90 to 90)",
        ),
        (
            "azimuth_deg",
            "azimut_deg",
            "seed.toml:21: camera[banco].azimut_deg: unknown key (did you mean azimuth_deg?)",
        ),
        (
            'kind = "farmacia"',
            'kind = "negozio"',
            "seed.toml:9: site[sede].kind: must be 'banca', 'farmacia', 'gioielleria', "
            "'tabaccheria', 'condominio', 'impresa', 'scuola', 'piazza', 'varco' or 'altro' "
            '(write for example "farmacia")',
        ),
        (
            "[0.5, 0.9]]",
            "[0.5, 1.9]]",
            "seed.toml:27: zone[dietro].polygon: leaves the picture (write 3 to 64 corners in "
            "order as fractions, [[0.1, 0.2], [0.9, 0.2], …])",
        ),
        (
            "since = 20:00:00, until = 07:30:00",
            "since = 20:00:00, until = 20:00:00",
            "seed.toml:28: zone[dietro].armed[#1]: begins and ends at the same time "
            "(leave `armed` out for around the clock)",
        ),
        (
            "since = 20:00:00",
            'since = "20:00+01:00"',
            "seed.toml:28: zone[dietro].armed[#1].since: has a time zone "
            "(write the local time alone, 22:00:00)",
        ),
        (
            'kind = "sala-operativa"',
            'kind = "sala-operativa"\ntopic_prefix = "a/#"',
            "seed.toml:39: recipient[sala].topic_prefix: is not a topic "
            '(write for example "varco/questura", without + # $)',
        ),
        (
            "valid_until = 2027-12-31",
            "valid_until = 2025-12-31",
            "seed.toml:46: act[patto].valid_until: is before valid_from "
            "(write the last day on which it is in force)",
        ),
        (
            "valid_until = 2027-12-31",
            "valid_until = 2027-12-31\ndpia_date = 2026-01-01",
            "seed.toml:40: act[patto].dpia: is missing "
            "(write which assessment dpia_date belongs to)",
        ),
        (
            "retention_before_s = 10",
            "retention_before_s = 31",
            "seed.toml:53: act[patto].scope[#1].retention_before_s: "
            "must be less than or equal to 30 (write seconds, 0 to 30)",
        ),
        (
            'parties = ["Prefettura", "Farmacia"]',
            "parties = []",
            "seed.toml:44: act[patto].parties: is empty (write at least one)",
        ),
        (
            'cameras = ["banco"]',
            'cameras = ["Banco"]',
            "seed.toml:49: act[patto].scope[#1].cameras[#1]: is not an id (write 1 to 64 of "
            "a-z, 0-9 and -, beginning and ending with a-z or 0-9)",
        ),
        (
            'number = "1/2026"',
            'number = "1/2026"\ndocument_sha256 = "abc"',
            "seed.toml:44: act[patto].document_sha256: is not a SHA-256 "
            "(write 64 hexadecimal digits, as sha256sum prints them)",
        ),
        (
            'organisation = "sala"',
            'organisation = "sala"\npassword = "hunter2"',
            "seed.toml:60: user[verdi].password: unknown key "
            "(known keys: enabled, id, name, organisation, role)",
        ),
        (
            'id = "verdi"',
            'id = "Verdi"',
            "seed.toml:56: user[Verdi].id: is not an id (write 1 to 64 of a-z, 0-9 and -, "
            "beginning and ending with a-z or 0-9)",
        ),
    ],
)
def test_each_fault_names_line_key_and_what_to_write(old, new, fault):
    """One wrong thing gives one line, which never repeats a value."""
    with pytest.raises(ConfigErrors) as caught:
        parse_seed(swapped(old, new), "seed.toml")
    assert str(caught.value) == fault
    assert "hunter2" not in fault


def test_every_table_of_the_model_can_be_written():
    """A new kind of entity cannot be forgotten in the schema."""
    from gateway.registry.entities import KINDS

    assert set(File.model_fields) == set(KINDS)
