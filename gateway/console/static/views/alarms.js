// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The list of alarms: newest first, arriving by itself, what waits for a verdict on top.

import { h, icon, reconcile } from "../dom.js";
import { ago, clock, day, full, t, word } from "../i18n.js";
import { severity } from "../severity.js";
import { alarmsNewestFirst, state, watch } from "../state.js";

/** Shows the page. */
export function alarms(container) {
  const waiting = h("ul", { class: "alarms", "aria-label": t("alarms.waiting") });
  const done = h("ul", { class: "alarms alarms-done", "aria-label": t("alarms.done") });
  const nothing = h("p", { class: "notice" });
  const doneTitle = h("h2", {}, t("alarms.done"));
  container.append(
    h("div", { class: "page-head" }, h("h1", { tabindex: "-1" }, t("alarms.title"))),
    h("h2", {}, t("alarms.waiting")), nothing, waiting, doneTitle, done);
  const draw = () => {
    const all = alarmsNewestFirst();
    const open = all.filter((alarm) => alarm.state !== "chiuso");
    const closed = all.filter((alarm) => alarm.state === "chiuso");
    nothing.hidden = open.length > 0;
    nothing.textContent = state.alarms === null ? t("app.loading") : all.length === 0 ? t("alarms.none") : t("alarms.all-done");
    doneTitle.hidden = closed.length === 0;
    reconcile(waiting, open, keyOf, row, refresh);
    reconcile(done, closed, keyOf, row, refresh);
  };
  draw();
  const stop = watch((what) => { if (what === "alarms") draw(); });
  const timer = setInterval(() => { for (const item of container.querySelectorAll("[data-since]")) item.textContent = t("cameras.since", { span: ago(item.dataset.since) }); }, 1000);
  return { title: t("alarms.title"), leave() { stop(); clearInterval(timer); } };
}

/** One row per alarm; a row of another state is a new row. */
const keyOf = (alarm) => `${alarm.id} ${alarm.state} ${alarm.verdict}`;
const refresh = () => {};

function row(alarm) {
  const time = clock(alarm.raised);
  const href = `#/allarmi/${alarm.id}`;
  const isOpen = alarm.state !== "chiuso";
  const label = t("alarms.open.of", { name: alarm.camera_name, time });
  return h("li", { class: "alarm-row", data: { state: alarm.state, level: alarm.severity } },
    h("div", { class: "alarm-when" }, h("time", { datetime: alarm.raised, title: full(alarm.raised) }, time), h("span", { class: "muted" }, day(alarm.raised))),
    h("div", { class: "alarm-what" },
      h("p", { class: "alarm-name" }, word("rule", alarm.rule), " · ", alarm.camera_name),
      h("p", { class: "muted" }, [alarm.site_name, alarm.zone_name].filter(Boolean).join(" · "))),
    h("div", { class: "alarm-tags" }, severity(alarm.severity), stateTag(alarm), alarm.exercise && h("span", { class: "stamp stamp-inline" }, t("alarms.exercise"))),
    h("div", { class: "alarm-do" }, isOpen && alarm.viewable
      ? h("a", { class: `button ${alarm.state === "aperto" ? "alarm" : "primary"}`, href, "aria-label": label }, icon("eye"), t("alarms.open"))
      : h("a", { class: "button quiet", href, "aria-label": `${t("alarms.details")}: ${label}` }, t("alarms.details"))));
}

function stateTag(alarm) {
  if (alarm.state === "chiuso") return h("span", { class: "chip chip-calm" }, icon(alarm.verdict === "falso" ? "cross" : alarm.verdict === "esercitazione" ? "drill" : "check"), word("verdict", alarm.verdict));
  const since = h("span", { class: "chip-since", data: { since: alarm.raised } }, t("cameras.since", { span: ago(alarm.raised) }));
  return alarm.state === "aperto"
    ? h("span", { class: "chip chip-bad" }, icon("bell"), h("span", {}, t("alarm-state.aperto")), since)
    : h("span", { class: "chip chip-warn" }, icon("wait"), h("span", {}, t("alarm-state.cessato")));
}
