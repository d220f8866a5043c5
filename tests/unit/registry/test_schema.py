# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What may stand in a seed, table by table."""

from dataclasses import fields
from datetime import time

import pytest

from gateway.model import registry as m
from gateway.model.errors import ConfigErrors
from gateway.model.registry import empty_registry
from gateway.registry.schema import CameraKeys, CameraRow, File
from gateway.registry.seed import merge, parse_seed
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
            "ftp://192.0.2.1/1",
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
            "'tabaccheria', 'condominio', 'dormitorio', 'servizi-sociali', 'impresa', 'scuola', "
            "'piazza', 'varco' or 'altro' "
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
            "(known keys: certificate_sha256, enabled, id, name, oidc_subject, organisation, role, "
            "second_factor)",
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


MORE = """
[[device]]
id = "nvr"
name = "Registratore"
site = "sede"
url = "http://192.0.2.30/onvif/device_service"
credential = "credential:nvr"
make = "hikvision"
rtsp_port = 554
most_sessions = 6
tls_sha256 = "AA:bb:%s"
hosts = ["NVR.example", "2001:DB8:0:0::1"]
most_gop_s = 2
events = true

[[camera]]
id = "cortile"
name = "Cortile"
site = "sede"
area = "privata"
device = "nvr"
channel = 3
sub_url = "rtsp://192.0.2.30/sub"
transport = "udp"
density_class = "identify"

[[trigger]]
id = "movimento"
name = "Movimento"
camera = "cortile"
topic = "RuleEngine/CellMotionDetector/Motion"
source = [["Rule", "MyRule"]]
item = "IsMotion"
armed = [{ since = 20:00:00, until = 07:30:00 }]
off_after_s = 20
severity = 4

[[risk_area]]
id = "piazza"
name = "Piazza"
polygon = [[10.0, 44.0], [10.0, 44.001], [10.001, 44.001], [10.0, 44.0]]
priority = 5
hours = [{ since = 22:00:00, until = 04:00:00 }]
reason = "risse"
""" % ("cc:" * 29 + "dd")


def test_devices_triggers_and_areas_mean_what_the_model_means():
    """Every key of a hand-written seed reaches its field, pins, hosts and corners in one form."""
    world = merge(empty_registry(), parse_seed(SEED + MORE, "s"))
    hours = m.ArmedHours
    assert world.devices["nvr"] == m.Device(
        id="nvr",
        name="Registratore",
        site="sede",
        url="http://192.0.2.30/onvif/device_service",
        kind=m.DeviceKind.RECORDER,
        credential="credential:nvr",
        make="hikvision",
        rtsp_port=554,
        most_sessions=6,
        tls_sha256="aabb" + "cc" * 29 + "dd",
        hosts=("nvr.example", "2001:db8::1"),
        most_gop_s=2.0,
        events=True,
    )
    camera = world.cameras["cortile"]
    assert (camera.url, camera.device, camera.channel) == ("", "nvr", 3)
    assert (camera.sub_url, camera.transport) == ("rtsp://192.0.2.30/sub", m.Transport.UDP)
    assert camera.density_class == "identify"
    assert world.triggers["movimento"] == m.Trigger(
        "movimento",
        "Movimento",
        "cortile",
        "RuleEngine/CellMotionDetector/Motion",
        (("Rule", "MyRule"),),
        "IsMotion",
        (hours(time(20), time(7, 30)),),
        20.0,
        4,
    )
    assert world.risk_areas["piazza"] == m.RiskArea(
        "piazza",
        "Piazza",
        ((10.0, 44.0), (10.001, 44.001), (10.0, 44.001)),
        5,
        (hours(time(22), time(4)),),
        "risse",
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'url = "http://192',
            'url = "http://a:hunter2@192',
            "s:6: device[nvr].url: contains credentials "
            '(remove them and write credential = "file:/absolute/path")',
        ),
        (
            'url = "http://192',
            'url = "rtsp://192',
            "s:6: device[nvr].url: is not a device's URL "
            '(write for example "http://192.0.2.30/onvif/device_service")',
        ),
        (
            'url = "http://192.0.2.30/onvif/device_service"\n',
            "",
            "s:13: device[nvr].events: needs ONVIF "
            "(write `url`, the address of its device service)",
        ),
        (
            "AA:",
            "xx:",
            "s:11: device[nvr].tls_sha256: is not the SHA-256 of a certificate (write 64 "
            "hexadecimal digits, as openssl x509 -noout -fingerprint -sha256 prints them)",
        ),
        (
            '"NVR.example"',
            '"192.0.2.31:554"',
            "s:12: device[nvr].hosts[#1]: is not a host "
            '(write a name or an address without port, for example "192.0.2.30")',
        ),
        (
            "rtsp_port = 554",
            "rtsp_port = 65536",
            "s:9: device[nvr].rtsp_port: must be less than or equal to 65535 (write a port, or 0)",
        ),
        (
            "channel = 3\n",
            "",
            "s:16: camera[cortile].channel: is missing "
            "(write the recorder's channel, from 1, or a url)",
        ),
        (
            'device = "nvr"\n',
            "",
            "s:21: camera[cortile].channel: belongs to no device "
            '(write device = "…", the id of a recorder)',
        ),
        (
            'device = "nvr"\nchannel = 3\n',
            "",
            "s:16: camera[cortile].url: is missing "
            '(write url = "rtsp://…", or device and channel of a recorder)',
        ),
        (
            'sub_url = "rtsp://192.0.2.30/sub"',
            'sub_url = "file://server/a.mp4"',
            "s:23: camera[cortile].sub_url: is not a file's URL "
            '(write for example "file:///var/footage.mp4")',
        ),
        (
            'transport = "udp"',
            'transport = "multicast"',
            "s:24: camera[cortile].transport: must be 'tcp' or 'udp' "
            '(write "tcp", or "udp" where the camera knows no other)',
        ),
        (
            "RuleEngine/Cell",
            "tns1:RuleEngine/Cell",
            "s:31: trigger[movimento].topic: is not a topic "
            '(write it without prefix, for example "RuleEngine/CellMotionDetector/Motion")',
        ),
        (
            '[["Rule", "MyRule"]]',
            '[["Rule"]]',
            "s:32: trigger[movimento].source[#1][#2]: is missing "
            '(write pairs of name and value, [["Rule", "MyMotionDetectorRule"]])',
        ),
        (
            "[10.0, 44.001]",
            "[10.0, 94.001]",
            "s:41: risk_area[piazza].polygon: leaves the earth "
            "(write 3 to 256 corners as [longitude, latitude] in degrees)",
        ),
        (
            "priority = 5",
            "priority = 0",
            "s:42: risk_area[piazza].priority: must be greater than or equal to 1 "
            "(write 1 (low) to 5 (high))",
        ),
    ],
)
def test_each_fault_of_the_new_tables_says_what_to_write(old, new, fault):
    """One wrong thing gives one line, which never repeats a value."""
    assert old in MORE
    with pytest.raises(ConfigErrors) as caught:
        parse_seed(MORE.replace(old, new, 1), "s")
    assert str(caught.value) == fault
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    "url", ["rtsps://a/1", "http://192.0.2.9/mjpg", "https://b:8443/", "file:///var/a.mp4"]
)
def test_cameras_may_be_reached_in_every_way_that_is_read(url):
    """TLS, MJPEG over HTTP, and footage (which only an exercise plays)."""
    seed = parse_seed(swapped("rtsp://192.0.2.1/1", url), "s")
    assert seed.entities["camera", "banco"].url == url


def test_every_table_of_the_model_can_be_written():
    """A new kind of entity cannot be forgotten in the schema."""
    from gateway.registry.entities import KINDS

    assert set(File.model_fields) == set(KINDS)


def test_a_row_says_what_a_camera_says():
    """A new key of cameras cannot be forgotten in maps and spreadsheets."""
    assert CameraRow.model_fields.keys() == CameraKeys.model_fields.keys()
    assert set(CameraKeys.model_fields) == {f.name for f in fields(m.Camera)}


@pytest.mark.parametrize(
    ("kind", "hours", "reason", "fault"),
    [
        ("esercizio", 24, "", ""),
        ("esercizio", 25, "", "is more than 24, the most for its kind (write 24 hours"),
        ("esercizio", 25, "perché sì", "retention_h: is more than 24, the most for its kind"),
        ("scuola", 72, "", "retention_h: is more than 24"),
        ("comune", 72, "", ""),
        ("comune", 73, "", "retention_h: is more than 72 without a reason (write retention_reason"),
        ("comune", 168, "ordinanza 3/2026", ""),
        ("comune", 169, "ordinanza 3/2026", "retention_h"),
        ("ente-pubblico", 100, " ", "without a reason"),
    ],
)
def test_nobody_asks_for_more_hours_than_the_law_gives(kind, hours, reason, fault):
    """B-01 for private controllers and schools, B-03 for public ones."""
    text = (
        f'[[controller]]\nid = "a"\nname = "A"\nkind = "{kind}"\nretention_h = {hours}\n'
        f'retention_reason = "{reason}"\n'
    )
    if not fault:
        assert parse_seed(text, "s").entities["controller", "a"].retention_h == hours
        return
    with pytest.raises(ConfigErrors) as caught:
        parse_seed(text, "s")
    assert fault in str(caught.value)
