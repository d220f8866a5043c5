// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The service order of a shift: asked once, kept by the gateway, shown in the header until it ends.

import { get, post, request } from "./api.js";
import { ask } from "./dialog.js";
import { clock, full, t } from "./i18n.js";
import { changed, state } from "./state.js";
import { fill, h, icon, say } from "./dom.js";

const HOURS = ["4", "6", "8"];

/** Returns whether this person works on service orders. */
export const hasShifts = () => Boolean(state.user?.purposes.includes("servizio"));

/** Asks the gateway which order is open; none if it cannot say. */
export async function learnShift() {
  if (!hasShifts()) return;
  setOrder(await get("/api/shift").catch(() => null));
}

function setOrder(found) {
  state.order = found?.order ? { order: found.order, until: found.until } : null;
  changed("shift");
}

/** Returns the open order, or null once its time is over. */
export function order() {
  if (state.order?.until && new Date(state.order.until) <= new Date()) state.order = null;
  return state.order ?? null;
}

/** Opens a shift; throws a Problem if the gateway refuses. */
export async function openShift(number, hours = 8) {
  setOrder(await post("/api/shift", { order: number, hours }));
  say(t("shift.opened", { order: number }));
}

/** Ends it. */
export async function closeShift() {
  await request("/api/shift", { method: "DELETE" });
  setOrder(null);
  say(t("shift.closed"));
}

/** Asks for order and length. */
export const askShift = () => ask({
  title: t("shift.title"), lead: t("shift.lead"), submit: t("shift.submit"),
  fields: [
    { name: "order", label: t("why.case.servizio"), required: true, maxlength: 100 },
    { name: "hours", label: t("shift.hours"), options: HOURS.map((n) => [n, t("shift.hours.n", { n })]), value: "8" },
  ],
  run: ({ order: number, hours }) => openShift(number, Number(hours)),
});

/** Returns the button of the header: the order and when it ends, or nothing. */
export function shiftButton() {
  const now = order();
  if (!now) return null;
  const words = now.until ? t("shift.until", { time: clock(now.until).slice(0, 5) }) : "";
  return h("button", { type: "button", class: "ghost shift-now", data: { shift: "" }, "aria-label": `${t("shift.now", { order: now.order })} ${words}`, onclick: leave },
    icon("badge"), h("span", {}, h("strong", {}, now.order), h("small", {}, words)));
}

function leave() {
  const now = order();
  if (!now) return null;
  return ask({
    title: t("shift.now", { order: now.order }), lead: now.until ? t("shift.until.full", { when: full(now.until) }) : "",
    body: [h("p", {}, t("shift.close.lead"))], submit: t("shift.close"), cancel: t("shift.keep"), run: closeShift,
  });
}

/** Draws the line above the cameras: which order, or the button that opens one. */
export function drawOrder(line, extra) {
  const now = order();
  line.hidden = !hasShifts();
  if (line.hidden) return;
  fill(line, icon("badge"), now
    ? h("span", {}, `${t("shift.order")}: `, h("strong", {}, now.order), now.until && ` · ${t("shift.until", { time: clock(now.until).slice(0, 5) })}`)
    : [h("span", {}, t("shift.none")), h("button", { type: "button", class: "link", onclick: askShift }, t("shift.open"))], extra);
}
