// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// How grave an alarm is: a word, a shape, and five bars for the glance. Never colour alone.

import { h, icon, s } from "./dom.js";
import { t } from "./i18n.js";

/** Returns bars and word. */
export function severity(level) {
  const bars = [1, 2, 3, 4, 5].map((n) =>
    s("rect", { x: (n - 1) * 5, y: 15 - n * 3, width: 3.6, height: n * 3, rx: 0.8, class: n <= level ? "bar-on" : "bar-off" }));
  const meter = s("svg", { viewBox: "0 0 24 15", class: "severity-bars", "aria-hidden": "true", focusable: "false" }, ...bars);
  return h("span", { class: "severity", data: { level }, title: t("severity.label", { n: level }) }, meter, h("span", {}, h("span", { class: "unseen" }, `${t("alarm.severity")}: `), t(`severity.${level}`)));
}

/** Returns the shape of a severity: circle, square, diamond, triangle, octagon; a hold-up has its own. */
export const shape = (level, holdUp = false) => h("span", { class: "shape", data: { level } }, icon(holdUp ? "holdup" : `severity${level}`));
