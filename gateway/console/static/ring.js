// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// What every page says of alarms that nobody answered: a banner, the bell, a word before others are told.

import { fill, h, icon, say } from "./dom.js";
import { t, word } from "./i18n.js";
import { onKey } from "./keys.js";
import { WARN_S, isAudible, isHoldUp, isUnanswered, nextEscalation, queue, secondsTo } from "./queue.js";
import { bell } from "./sound.js";
import { quietButton } from "./sound-bar.js";
import { alarmsNewestFirst, now, state, watch } from "./state.js";
import { countdownWords } from "./views/desk-row.js";

const DESK = "#/allarmi";
let warned = new Set();
let shown = "";

const place = () => document.getElementById("ring");

/** Begins; `goFirst()` shows the desk with the focus on the first alarm nobody answered. */
export function beginRing(goFirst) {
  watch((what, detail) => {
    if (what === "alarms") bell.hear(alarmsNewestFirst(), state.user);
    if (what === "escalated") say(t("desk.escalated", { name: detail.camera_name, to: detail.recipients.join(", ") }));
    if (what === "alarms" || what === "answers") drawRing();
  });
  bell.watch(drawRing);
  onKey("a", goFirst);
  onKey("s", () => (bell.status().state === "ringing" ? bell.quiet() : false));
  setInterval(tick, 1000);
}

/** Draws the banner: the gravest alarm that waits, on every page but the desk, which shows it anyway. */
export function drawRing() {
  const user = state.user?.views.includes("alarms") ? state.user : null;
  const waiting = user && !location.hash.startsWith(DESK) ? queue(alarmsNewestFirst()).flatMap(({ members }) => members).filter((one) => isUnanswered(one) && isAudible(one, user)) : [];
  const { state: sound, level } = bell.status();
  const drawn = JSON.stringify([waiting.map(({ id }) => id), sound, level, document.documentElement.lang]);
  if (drawn === shown) return;
  shown = drawn;
  const at = place().contains(document.activeElement);
  if (!waiting.length) {
    fill(place());
    return;
  }
  const [first] = waiting;
  fill(place(), h("div", { class: "ring", data: { holdup: String(isHoldUp(first)) } }, icon(isHoldUp(first) ? "holdup" : "bell"),
    h("p", {}, h("strong", {}, t(waiting.length === 1 ? "desk.sum.unanswered.one" : "desk.sum.unanswered", { n: waiting.length })), `: ${word("rule", first.rule)} · ${first.camera_name} `, h("span", { class: "ring-count", data: { of: first.id } })),
    sound === "ringing" && quietButton(level), (sound === "off" || sound === "blocked") && h("span", { class: "ring-mute" }, icon("mute"), t("app.sound.off")),
    h("a", { class: "button alarm", href: DESK }, t("desk.go"))));
  if (at) place().querySelector("a").focus();
  tick();
}

/** Counts in the banner, and says it aloud once, shortly before others are told. */
function tick() {
  if (!state.user) {
    warned = new Set();
    return;
  }
  bell.update();
  const next = nextEscalation(queue(alarmsNewestFirst()).flatMap(({ members }) => members));
  const count = place().querySelector(".ring-count");
  const words = next && count ? `${next.id === count.dataset.of ? "" : `${next.camera_name}: `}${countdownWords(next)}` : "";
  if (count && count.textContent !== words) count.textContent = words;
  for (const alarm of alarmsNewestFirst()) warn(alarm);
}

function warn(alarm) {
  if (!isUnanswered(alarm) || !alarm.escalates || secondsTo(alarm.escalates, now()) > WARN_S) return;
  const key = `${alarm.id} ${alarm.escalates}`;
  if (warned.has(key)) return;
  warned.add(key);
  say(`${word("rule", alarm.rule)}, ${alarm.camera_name}: ${countdownWords(alarm)}`);
}
