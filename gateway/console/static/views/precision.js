// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// How right each rule is, week by week, by the verdicts that were given; and what people may do about it.

import { get, query } from "../api.js";
import { fill, h, icon, s } from "../dom.js";
import { number, shortDay, t, word } from "../i18n.js";
import { now, state } from "../state.js";

/** Whoever answers for what a rule does; the gateway tells nobody else. */
const READERS = ["ps.supervisor", "owner.private"];
const WEEKS = 12;
const DAY_MS = 86_400_000;
const [WIDE, HIGH, BAR] = [WEEKS * 30, 72, 20];

/** Whether somebody may read how right the rules are. */
export const readsPrecision = () => READERS.includes(state.user.role);

/** Shows the page. */
export function precision(container) {
  const notice = h("p", { class: "notice" }, t("app.loading"));
  const rules = h("div", { class: "precision-rules" });
  container.append(
    h("a", { class: "back", href: "#/allarmi" }, icon("back"), t("alarm.back")),
    h("div", { class: "page-head" }, h("div", {}, h("h1", { tabindex: "-1" }, t("precision.title")), h("p", { class: "muted" }, t("precision.lead")))),
    notice, rules);
  draw(notice, rules);
  return { title: t("precision.title"), leave() {} };
}

/** Returns the Mondays of the last weeks in Europe/Rome, oldest first. */
function mondays() {
  const today = new Date(`${new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Rome" }).format(now())}T12:00:00Z`);
  const monday = today.getTime() - ((today.getUTCDay() + 6) % 7) * DAY_MS;
  return Array.from({ length: WEEKS }, (_, at) => new Date(monday - (WEEKS - 1 - at) * 7 * DAY_MS).toISOString().slice(0, 10));
}

async function draw(notice, rules) {
  const weeks = mondays();
  const last = new Date(new Date(`${weeks.at(-1)}T12:00:00Z`).getTime() + 6 * DAY_MS).toISOString().slice(0, 10);
  try {
    const found = await get(`/api/rules/feedback?${query({ from: weeks[0], to: last })}`);
    notice.hidden = found.rules.length > 0 && !found.truncated;
    notice.textContent = t(found.rules.length ? "precision.truncated" : "precision.none");
    fill(rules, found.rules.map((one) => card(one, weeks)));
  } catch (problem) {
    notice.textContent = problem.message;
  }
}

function card(one, weeks) {
  const id = `rule-${one.rule}-${one.camera}-${one.zone}`;
  return h("article", { class: "panel precision", "aria-labelledby": id },
    h("h2", { id }, [word("rule", one.rule), one.camera_name, one.zone_name].filter(Boolean).join(" · ")),
    h("p", {}, figure(one)),
    plot(one, weeks),
    one.suggestions.length > 0 && h("div", { class: "precision-advice" }, h("h3", {}, t("precision.advice")),
      h("ul", {}, one.suggestions.map((told) => h("li", {}, t(`precision.advice.${told.advice}`, told), told.key && told.proposed && h("code", {}, ` ${told.key} = ${told.proposed}`))))));
}

/** The share and what it may be in truth: of four verdicts nothing is known. */
function figure(one) {
  const rest = one.unjudged ? ` ${t(one.unjudged === 1 ? "precision.unjudged.one" : "precision.unjudged", { n: number(one.unjudged) })}` : "";
  if (!one.precision) return t("precision.unknown") + rest;
  const percent = (share) => number(share * 100);
  const { judged, share, least, most } = one.precision;
  return t("precision.figure", { right: number(one.confirmed), judged: number(judged), share: percent(share), least: percent(least), most: percent(most) }) + rest;
}

/** A column per week: right ones below, false ones on them; every number stands in the table as well. */
function plot(one, weeks) {
  const by = new Map(one.weeks.map((week) => [week.monday, week]));
  const shown = weeks.map((monday) => by.get(monday) ?? { monday, confirmed: 0, false: 0, unjudged: 0 });
  const most = Math.max(1, ...shown.map((week) => week.confirmed + week.false));
  const columns = shown.flatMap((week, at) => {
    const high = (count) => (count / most) * HIGH;
    const x = at * (WIDE / WEEKS) + 5;
    return [
      s("rect", { x, width: BAR, y: HIGH - high(week.confirmed), height: high(week.confirmed), class: "right" }),
      s("rect", { x, width: BAR, y: HIGH - high(week.confirmed + week.false), height: high(week.false), class: "wrong" }),
    ];
  });
  const row = (week) => h("tr", {}, h("th", { scope: "row" }, shortDay(week.monday)), [week.confirmed, week.false, week.unjudged].map((n) => h("td", {}, number(n))));
  return h("figure", { class: "precision-plot" },
    s("svg", { viewBox: `0 0 ${WIDE} ${HIGH + 2}`, "aria-hidden": "true", focusable: "false" }, ...columns, s("line", { x1: 0, x2: WIDE, y1: HIGH + 1, y2: HIGH + 1 })),
    h("figcaption", { class: "muted" }, t("precision.plot", { from: shortDay(weeks[0]), to: shortDay(weeks.at(-1)), most: number(most) })),
    h("details", {}, h("summary", {}, t("precision.table")),
      h("table", {}, h("thead", {}, h("tr", {}, ["week", "right", "wrong", "open"].map((name) => h("th", { scope: "col" }, t(`precision.column.${name}`))))),
        h("tbody", {}, shown.map(row)))));
}
