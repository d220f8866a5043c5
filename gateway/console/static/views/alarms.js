// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The alarm desk: one queue by severity and age; the chosen alarm, before and live, beside it where there is room.

import { h, icon, reconcile } from "../dom.js";
import { t } from "../i18n.js";
import { help, keyName, onKey } from "../keys.js";
import { cutEdges, isOpen, isUnanswered, queue, toAnswer } from "../queue.js";
import { SoundBar } from "../sound-bar.js";
import { alarmsNewestFirst, state, watch } from "../state.js";
import { AlarmView } from "./alarm.js";
import { Row, doneRow } from "./desk-row.js";
import { Today } from "./desk-today.js";
import { readsPrecision } from "./precision.js";

const CHOSEN_KEY = "varco.chosen";
const WIDE = "(min-width: 1181px)";
const MOST_DONE = 30;

/** Shows the page. */
export function alarms(container) {
  const desk = new Desk(container);
  desk.enter();
  return { title: t("alarms.title"), leave: () => desk.leave(), first: () => desk.focusFirst() };
}

class Desk {
  constructor(container) {
    this.rows = new Map();
    this.chosen = null;
    this.preview = null;
    this.waiting = h("ul", { class: "alarms desk-queue", "aria-label": t("alarms.waiting") });
    this.done = h("ul", { class: "alarms alarms-done", "aria-label": t("alarms.done") });
    this.nothing = h("div", { class: "notice desk-empty" }, icon("check"), h("p", {}));
    this.sum = h("p", { class: "muted desk-sum" });
    this.doneTitle = h("h2", {}, t("alarms.done"));
    this.sound = new SoundBar();
    this.today = new Today();
    this.side = h("aside", { class: "desk-side", "aria-label": t("desk.chosen") });
    this.list = h("div", { class: "desk-list" }, h("h2", { class: "unseen" }, t("alarms.waiting")), this.nothing, this.waiting, this.doneTitle, this.done);
    container.append(
      h("div", { class: "page-head desk-head" }, h("div", {}, h("h1", { tabindex: "-1" }, t("alarms.title")), this.sum, readsPrecision() && h("p", {}, h("a", { class: "precision-link", href: "#/precisione" }, t("precision.link")))), this.sound.element),
      this.today.element, h("div", { class: "desk" }, this.list, this.side));
    this.wide = matchMedia(WIDE);
  }

  enter() {
    this.stops = [
      watch((what) => { if (["alarms", "answers", "line"].includes(what)) this.draw(); }),
      ...["ArrowDown", "ArrowUp", "Home", "End"].map((key) => onKey(key, (event) => this.move(key, event))),
    ];
    this.onWide = () => this.show(this.chosen);
    this.wide.addEventListener("change", this.onWide);
    this.timer = setInterval(() => { for (const row of this.rows.values()) row.tick(); }, 1000);
    this.chosen = sessionStorage.getItem(CHOSEN_KEY);
    this.drawHint();
    this.draw();
    this.sound.enter();
    this.today.enter();
  }

  leave() {
    for (const stop of this.stops) stop();
    this.wide.removeEventListener("change", this.onWide);
    clearInterval(this.timer);
    this.sound.leave();
    this.today.leave();
    this.preview?.leave();
  }

  draw() {
    const all = alarmsNewestFirst();
    const cut = cutEdges(all);
    const entries = queue(all).map((entry) => ({ ...entry, cut, selected: this.wide.matches ? this.chosen : null }));
    const closed = all.filter((alarm) => !isOpen(alarm)).slice(0, MOST_DONE);
    this.nothing.hidden = entries.length > 0;
    this.nothing.lastElementChild.textContent = state.alarms === null ? t("app.loading") : all.length === 0 ? t("alarms.none") : t("alarms.all-done");
    this.drawSum(all);
    this.side.hidden = !entries.length && !this.preview;
    this.doneTitle.hidden = closed.length === 0;
    const at = document.activeElement;
    reconcile(this.waiting, entries, ({ key }) => key, (entry) => this.build(entry), (_, entry) => this.rows.get(entry.key).update(entry));
    for (const key of this.rows.keys()) if (!entries.some((entry) => entry.key === key)) this.rows.delete(key);
    reconcile(this.done, closed, (one) => `${one.id} ${one.verdict}`, (one) => doneRow(one, (id) => this.open(id)), () => {});
    if (at !== document.activeElement && at?.isConnected) at.focus({ preventScroll: true }); // a row that moved up or down
    if (!this.restored && state.alarms) this.restore();
  }

  /** After a reload the alarm that was chosen is chosen again, while it is open. */
  restore() {
    this.restored = true;
    const kept = state.alarms.get(this.chosen);
    if (!kept || !isOpen(kept)) this.chosen = null;
    this.show(this.chosen);
  }

  drawSum(all) {
    const open = all.filter(isOpen);
    const unanswered = open.filter(isUnanswered).length;
    this.sum.hidden = !open.length;
    this.sum.textContent = [unanswered ? t(unanswered === 1 ? "desk.sum.unanswered.one" : "desk.sum.unanswered", { n: unanswered }) : t("desk.sum.answered"),
      open.length > unanswered && t(open.length - unanswered === 1 ? "desk.sum.taken.one" : "desk.sum.taken", { n: open.length - unanswered })].filter(Boolean).join(" · ");
  }

  build(entry) {
    const row = new Row(entry, (id) => this.open(id));
    this.rows.set(entry.key, row);
    return row.element;
  }

  /** Chooses an alarm; says whether it is shown here (else its page is opened). */
  open(id) {
    this.chosen = id;
    sessionStorage.setItem(CHOSEN_KEY, id);
    if (!this.wide.matches) return false;
    this.show(id);
    return true;
  }

  show(id) {
    const shown = this.wide.matches ? id : null;
    if (this.preview?.id !== shown) {
      this.preview?.leave();
      this.preview = null;
      this.side.replaceChildren();
      if (shown) {
        this.preview = new AlarmView(this.side, shown, { beside: true });
        this.preview.enter();
      } else this.drawHint();
    }
    this.draw();
  }

  drawHint() {
    const key = keyName("A");
    this.side.replaceChildren(h("div", { class: "desk-hint" }, icon("eye"), h("p", {}, t("desk.hint")),
      key && h("p", { class: "muted" }, h("kbd", {}, key), ` ${t("desk.hint.first")} `, h("kbd", {}, t("desk.enter")), ` ${t("desk.hint.take")}`),
      h("button", { type: "button", class: "link", onclick: help }, t("keys.title"))));
  }

  /** Puts the focus on the button that answers the first alarm nobody answered. */
  focusFirst() {
    const [first] = toAnswer(alarmsNewestFirst());
    const row = first && [...this.rows.values()].find(({ entry }) => entry.members.some((one) => one.id === first.id));
    if (!row || row.take.hidden) return false;
    row.take.focus();
    row.element.scrollIntoView({ block: "nearest" });
    return true;
  }

  /** Arrows walk through the queue while the focus is in it. */
  move(key, event) {
    if (!this.list.contains(event.target) && event.target !== document.body && event.target.tagName !== "H1") return false;
    const links = [...this.list.querySelectorAll(".desk-link")].filter((one) => one.checkVisibility());
    if (!links.length) return false;
    const row = event.target.closest?.(".desk-members li, .alarm-row");
    const at = links.indexOf(row?.querySelector(".desk-link"));
    const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: links.length - 1 }[key];
    links[Math.min(Math.max(next, 0), links.length - 1)].focus();
    return true;
  }
}
