# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The words and icons of the pages."""

import json
import re
import subprocess
from pathlib import Path

import playwright

from gateway.assembly.alarms import EVENT_RULE
from gateway.assembly.room_alarms import RULE_LINE
from gateway.assembly.room_witness import RULE_FORK
from gateway.assembly.which_stream import Rendition
from gateway.console.app import STATIC
from gateway.console.visibility import AIMS, PURPOSES
from gateway.ingest.events import SubscriptionState
from gateway.model.access import Refusal
from gateway.model.alarm import AlarmState, AlarmVerdict, DeliveryState
from gateway.model.holdup import RULE
from gateway.model.media import Codec, StreamState
from gateway.model.registry import Analytic, AreaKind, DeviceKind, Role, SiteKind, SiteState
from gateway.relay.alarms.sia_codes import codes
from gateway.relay.video.hub import B_FRAMES
from gateway.wire import sdp_fragment

WORDS = {name: json.loads((STATIC / "i18n" / f"{name}.json").read_text()) for name in ("it", "en")}
SCRIPTS = "\n".join(file.read_text() for file in STATIC.rglob("*.js"))
FAMILIES = {
    "stream": StreamState,
    "area": AreaKind,
    "site": SiteKind,
    "site-state": SiteState,
    "alarm-state": AlarmState,
    "verdict": AlarmVerdict,
    "delivery": DeliveryState,
    "role": Role,
    "refusal": Refusal,
    "device-kind": DeviceKind,
    "subscription": SubscriptionState,
}


def test_both_languages_have_the_same_keys_and_fields():
    """Every sentence exists in Italian and English, with the same {fields}, none empty."""
    assert set(WORDS["it"]) == set(WORDS["en"])
    for key, italian in WORDS["it"].items():
        english = WORDS["en"][key]
        assert italian.strip()
        assert english.strip()
        assert set(re.findall(r"{\w+}", italian)) == set(re.findall(r"{\w+}", english)), key


def test_every_code_of_the_vocabulary_has_a_word():
    """States, roles, purposes and refusals never reach a person as codes."""
    for family, members in FAMILIES.items():
        for member in members:
            assert f"{family}.{member.value}" in WORDS["it"], f"{family}.{member.value}"
    for purpose in {*AIMS, *(one for row in PURPOSES.values() for one in row)}:
        assert f"purpose.{purpose.value}" in WORDS["it"]
        if purpose not in AIMS and purpose.value != "titolare":
            assert f"why.case.{purpose.value}" in WORDS["it"]
    assert all(f"severity.{level}" in WORDS["it"] for level in range(1, 6))
    assert all(f"codec.{codec.name}" in WORDS["it"] for codec in Codec)
    assert {f"near.{look}" for look in ("vede", "guarda-verso")} <= set(WORDS["it"])


def test_no_sentence_is_written_twice():
    """Of two lines with one key the reader would get the last, whatever the first says."""
    for name in ("it", "en"):
        text = (STATIC / "i18n" / f"{name}.json").read_text()
        keys = [key for key, _ in json.loads(text, object_pairs_hook=list)]
        assert len(keys) > 500
        assert sorted(keys) == sorted(set(keys))


def test_every_rule_that_an_alarm_can_have_has_a_word():
    """Zones, devices, lines, witnesses, hold-ups, and whatever a panel may say."""
    panels = {one.rule for one in codes().by_sia.values() if one.rule}
    rules = {RULE, RULE_LINE, RULE_FORK, EVENT_RULE, *(one.value for one in Analytic), *panels}
    assert len(panels) > 10
    for words in WORDS.values():
        assert {f"rule.{one}" for one in rules} <= set(words)


def test_every_key_used_by_a_script_exists():
    """No script asks for a sentence that is not there."""
    used = set(re.findall(r"\bt\(\"([a-z.\-]+)\"", SCRIPTS))
    assert len(used) > 60
    assert used <= set(WORDS["it"])


def test_every_icon_used_is_drawn():
    """Each icon name in the scripts is a symbol of the sprite."""
    drawn = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "icons.svg").read_text()))
    used = set(re.findall(r'\bicon\("(\w+)"', SCRIPTS))
    assert used
    assert used <= drawn


ENDS = {
    "b-frames", "codec-not-offered", "grant-expired", "handshake-failed", "idle", "lease-expired",
    "media-process-ended", "media-unavailable", "never-connected", "peer-closed", "peer-silent",
    "replaced", "revoked", "shutdown", "signed-out", "viewer-left",
}  # fmt: skip
"""Why a picture may end without a refusal of the gate."""


def test_every_end_of_a_picture_has_words():
    """A dark tile says why; so do the names of what it carries."""
    for words in WORDS.values():
        assert {f"end.{one}" for one in ENDS | {B_FRAMES}} <= set(words)
        assert {f"rendition.{one.value}" for one in Rendition} <= set(words)


ICE = """
globalThis.localStorage = {};
const { answerWith, fragmentOf, serversOf } = await import("./ice.js");
const sdp = (...lines) => [...lines, ""].join("\\r\\n");
const line = "m=video 9 UDP/TLS/RTP/SAVPF 96";
const host = (port) => `a=candidate:1 1 udp 1 192.0.2.1 ${port} typ host`;
const mine = ["a=ice-ufrag:mine", "a=ice-pwd:secret"];
const offer = sdp("v=0", line, ...mine, "a=mid:0", host(1), line, ...mine, "a=mid:1");
const before = ["a=ice-ufrag:old", "a=ice-pwd:old"];
const old = sdp("v=0", line, host(9), ...before, line, ...before);
const fresh = sdp("a=ice-ufrag:new", "a=ice-pwd:n+/=", line, host(10));
const known = 'username="1:a,b"; credential="c;d="; credential-type="password"';
const turn = `<turn:t.example:3478?transport=udp>; rel="ice-server"; ${known}`;
const servers = serversOf(`${turn}, <https://x.example>; rel="other"`);
const found = [fragmentOf(offer), answerWith(old, fresh), servers, serversOf(null)];
console.log(JSON.stringify(found));
"""


def test_another_ice_session_needs_no_other_sdp(tmp_path):
    """The fragment of a restart, the answer that results, and the servers of a Link header."""
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "api.js").write_text("export const request = null;")
    (tmp_path / "ice.js").write_text((STATIC / "ice.js").read_text())
    (tmp_path / "run.js").write_text(ICE)
    node = Path(playwright.__file__).parent / "driver" / "node"
    done = subprocess.run(
        [node, "run.js"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    fragment, answer, servers, none = json.loads(done.stdout)
    read = sdp_fragment.read(fragment)
    assert (read.ufrag, read.password, read.mids, len(read.candidates)) == (
        "mine", "secret", ("0",), 1,
    )  # fmt: skip
    assert answer.count("a=ice-ufrag:new") == answer.count("a=ice-pwd:n+/=") == 2
    assert "old" not in answer
    assert answer.count("a=candidate") == 1
    assert " 10 typ host" in answer
    assert servers == [
        {"urls": "turn:t.example:3478?transport=udp", "username": "1:a,b", "credential": "c;d="}
    ]
    assert none == []


KEPT = """
const store = { other: "{}" };
const seen = (hours) => new Date(Date.now() - hours * 3600e3).toISOString();
const kept = (key, hours) => ({ key, body: { text: "Via Roma 1", seen: seen(hours) } });
store["varco.reports.ivo"] = JSON.stringify([kept("a", 25), kept("b", 23)]);
globalThis.localStorage = Object.defineProperties({ ...store }, {
  getItem: { value(name) { return this[name] ?? null; } },
  setItem: { value(name, value) { this[name] = value; } },
  removeItem: { value(name) { delete this[name]; } } });
const { forgetOld } = await import("./kept.js");
forgetOld();
console.log(localStorage["varco.reports.ivo"]);
"""


def test_a_phone_that_is_passed_on_forgets_what_others_wrote(tmp_path):
    """After a day nothing of an unsent report is left but when it was and why it failed."""
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "api.js").write_text("export const post = null;")
    (tmp_path / "i18n.js").write_text("export const t = (key) => key;")
    (tmp_path / "kept.js").write_text((STATIC / "kept.js").read_text())
    (tmp_path / "run.js").write_text(KEPT)
    node = Path(playwright.__file__).parent / "driver" / "node"
    done = subprocess.run(
        [node, "run.js"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    old, new = json.loads(done.stdout)
    assert (set(old["body"]), old["problem"]) == ({"seen"}, "reports.failed.old")
    assert new["body"]["text"] == "Via Roma 1"
