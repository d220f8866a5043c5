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
from gateway.console.app import STATIC
from gateway.console.visibility import AIMS, PURPOSES
from gateway.ingest.events import SubscriptionState
from gateway.model.access import Refusal
from gateway.model.alarm import AlarmState, AlarmVerdict, DeliveryState
from gateway.model.holdup import RULE
from gateway.model.media import Codec, StreamState
from gateway.model.registry import Analytic, AreaKind, DeviceKind, Role, SiteKind, SiteState
from gateway.relay.alarms.sia_codes import codes

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
