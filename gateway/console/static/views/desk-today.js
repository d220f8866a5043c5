// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// How soon this room answered today, beside what EN 50518 asks (B-45). Times of alarms, of no person.

import { get, query } from "../api.js";
import { fill, h } from "../dom.js";
import { number, t } from "../i18n.js";
import { now, state, watch } from "../state.js";

const POLL_MS = 60_000;
/** EN 50518:2019: the share that is answered within so many seconds. */
const HOLD_UP = { within_s: 30, share: 0.8 };
const OTHER = { within_s: 90, share: 0.8 };
/** Whoever answers for how soon a room answers; the gateway tells nobody else (no watching of operators). */
const READERS = ["ps.supervisor", "dpo"];

/** Returns the day that it is in Europe/Rome: 2026-11-22. */
const today = () => new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Rome" }).format(now());

/** The strip under the head of the desk; hidden where there is nothing to tell or nobody may know. */
export class Today {
  constructor() {
    this.element = h("dl", { class: "today", hidden: true, "aria-label": t("today.title") });
  }

  enter() {
    if (!READERS.includes(state.user.role)) return;
    this.refresh();
    this.timer = setInterval(() => { if (!document.hidden) this.refresh(); }, POLL_MS);
    this.stop = watch((what, alarm) => { if (what === "alarms" && alarm?.taken) this.soon(); });
  }

  leave() {
    clearInterval(this.timer);
    clearTimeout(this.later);
    this.stop?.();
    this.gone = true;
  }

  soon() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.refresh(), 1500);
  }

  async refresh() {
    const times = await get(`/api/alarms/times?${query({ from: today(), to: today() })}`).catch(() => null);
    if (this.gone || !times) return;
    const own = times.recipients.find((one) => one.recipient === state.user.organisation);
    this.draw(times, own);
  }

  draw(times, own) {
    const rows = [
      [t("today.alarms"), number(own?.alarms ?? times.alarms)],
      ...this.answers(own?.holdups, HOLD_UP, "today.hold-up"),
      ...this.answers(own?.others, OTHER, "today.other"),
      own?.to_verdict.count > 0 && [t("today.verdict"), seconds(own.to_verdict.p50)],
    ].filter(Boolean);
    this.element.hidden = !(own?.alarms ?? times.alarms);
    fill(this.element, h("div", { class: "today-head" }, h("dt", {}, t("today.title"))), rows.map(([label, value, tone]) => h("div", { data: { tone: tone ?? "" } }, h("dt", {}, label), h("dd", {}, value))));
  }

  answers(found, { within_s: within, share }, label) {
    if (!found?.asked) return [];
    const reached = found.within[within] ?? 0;
    const words = [found.answered > 0 && t("today.median", { span: seconds(found.seconds.p50) }), t("today.within", { share: number(Math.floor(reached * 100)), n: within })].filter(Boolean).join(" · ");
    return [[t(label), reached < share ? `${words} ${t("today.below", { share: number(share * 100) })}` : words, reached < share ? "warn" : "ok"]];
  }
}

const seconds = (value) => (value < 120 ? t("span.seconds", { n: number(value) }) : t("span.minutes", { n: number(value / 60) }));
