// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// One row of the desk: an alarm or an incident of several; who answers it, how long until others are told.

import { answer, isPending, refusalOf } from "../answer.js";
import { fill, h, icon, reconcile } from "../dom.js";
import { ago, clock, day, full, t, word } from "../i18n.js";
import { isHoldUp, isStale, isUnanswered, minutes, nextEscalation, secondsTo } from "../queue.js";
import { severity, shape } from "../severity.js";
import { now, state } from "../state.js";

/** Returns what a countdown says: who is told next, and when. */
export const countdownWords = (alarm, at = now()) => {
  const rest = secondsTo(alarm.escalates, at);
  const far = alarm.camera.includes("."); // its edge does not tell whom it asks next
  if (!alarm.escalates_to?.length && !far) return rest ? t("desk.last", { rest: minutes(rest) }) : t("desk.nobody");
  const to = alarm.escalates_to?.length ? alarm.escalates_to.join(", ") : t("desk.others");
  return rest ? t("desk.escalates", { to, rest: minutes(rest) }) : t("desk.escalating", { to });
};

/** Returns the sign of who answers an alarm. */
export function answerChip(alarm) {
  if (alarm.state === "chiuso") return verdictChip(alarm);
  if (isPending(alarm.id)) return h("span", { class: "chip chip-warn" }, icon("wait"), h("span", {}, t("desk.pending")));
  if (!alarm.taken) return h("span", { class: "chip chip-bad" }, icon("bell"), h("span", {}, t("desk.unanswered")));
  const mine = alarm.taken_by && alarm.taken_by === state.user.name;
  const words = mine ? t("desk.taken.mine") : alarm.taken_by ? t("desk.taken.by", { who: alarm.taken_by }) : t("desk.taken");
  return h("span", { class: "chip chip-ok", title: full(alarm.taken) }, icon("person"), h("span", {}, words));
}

const verdictChip = (alarm) => h("span", { class: "chip chip-calm" },
  icon(alarm.verdict === "falso" ? "cross" : alarm.verdict === "esercitazione" ? "drill" : "check"), h("span", {}, word("verdict", alarm.verdict)));

const exerciseStamp = (alarm) => alarm.exercise && h("span", { class: "stamp stamp-inline" }, t("alarms.exercise"));

/** Returns the link of an alarm: its words are what stands on the screen, with what a reader needs around them. */
function link(alarm, open) {
  return h("a", { class: "desk-link", href: `#/allarmi/${alarm.id}`, data: { alarm: alarm.id }, onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || !open(alarm.id)) return;
    event.preventDefault();
  } }, linkWords(alarm));
}

const linkWords = (alarm) => [h("span", { class: "unseen" }, `${t("alarms.open.word")} `), word("rule", alarm.rule), " · ", alarm.camera_name,
  h("span", { class: "unseen" }, ` ${t("alarms.open.at", { time: clock(alarm.raised) })}`)];

/** A row that keeps its link and its button, so that whoever stands on them is not thrown off. */
export class Row {
  constructor(entry, open) {
    this.open = open;
    this.link = link(entry.lead, (id) => open(id));
    this.mark = h("div", { class: "desk-mark" });
    this.where = h("p", { class: "muted" });
    this.tags = h("div", { class: "alarm-tags" });
    this.when = h("div", { class: "desk-when" });
    this.age = h("span", { class: "desk-age" });
    this.count = h("p", { class: "desk-count" }, icon("clock"), h("span", {}));
    this.problem = h("p", { class: "field-problem" });
    this.take = h("button", { type: "button", class: "alarm desk-take", onclick: () => this.answer() }, icon("check"), h("span", {}));
    this.members = h("ul", { class: "desk-members" });
    this.more = h("details", { class: "desk-group" }, h("summary", {}), this.members);
    this.element = h("li", { class: "alarm-row desk-row" }, this.mark,
      h("div", { class: "desk-what" }, h("p", { class: "alarm-name" }, this.link), this.where),
      this.when, this.tags, h("div", { class: "desk-foot" }, this.count, this.problem, this.take), this.more);
    this.update(entry);
  }

  /** Draws what became of the alarm; nothing that has the focus is replaced. */
  update(entry) {
    this.entry = entry;
    const { lead, members } = entry;
    const waiting = members.filter(isUnanswered);
    const drawn = JSON.stringify([members, members.map((one) => [isPending(one.id), refusalOf(one.id)]), state.line, [...(entry.cut ?? [])], day(lead.raised)]);
    this.element.dataset.selected = String(members.some((one) => one.id === entry.selected));
    if (this.drawn !== drawn) this.draw(entry, waiting);
    this.drawn = drawn;
    for (const one of this.element.querySelectorAll(".desk-link")) {
      if (one.dataset.alarm === entry.selected) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
    this.tick();
  }

  draw({ lead, members, cut }, waiting) {
    if (this.link.dataset.alarm !== lead.id) {
      const fresh = link(lead, (id) => this.open(id));
      const had = document.activeElement === this.link;
      this.link.replaceWith(fresh);
      this.link = fresh;
      if (had) fresh.focus();
    } else fill(this.link, linkWords(lead));
    const stale = state.line === "waiting" || isStale(lead, cut ?? new Set());
    Object.assign(this.element.dataset, { state: lead.state, level: lead.severity, answer: waiting.length ? "none" : "taken", holdup: String(isHoldUp(lead)) });
    fill(this.mark, shape(lead.severity, isHoldUp(lead)));
    this.where.textContent = [lead.site_name, lead.zone_name].filter(Boolean).join(" · ");
    fill(this.tags, isHoldUp(lead) && h("span", { class: "hold-up" }, t("desk.hold-up")), severity(lead.severity), answerChip(lead),
      lead.state === "cessato" && h("span", { class: "chip" }, icon("wait"), h("span", {}, t("alarm-state.cessato"))),
      lead.unanswered && h("span", { class: "chip chip-bad" }, icon("fault"), h("span", {}, t("desk.nobody"))),
      lead.repeats > 0 && h("span", { class: "chip" }, h("span", {}, t(lead.repeats === 1 ? "desk.repeats.one" : "desk.repeats", { n: lead.repeats }))),
      !lead.delivered_all && h("span", { class: "chip" }, icon("send"), h("span", {}, t("desk.undelivered"))),
      stale && h("span", { class: "chip chip-warn" }, icon("fault"), h("span", {}, t(state.line === "waiting" ? "desk.stale.here" : "desk.stale.edge"))),
      exerciseStamp(lead));
    fill(this.when, h("time", { datetime: lead.raised, title: full(lead.raised) }, clock(lead.raised)), h("span", { class: "muted" }, day(lead.raised), " · ", this.age));
    this.drawTake(waiting);
    this.drawMembers(members);
  }

  drawTake(waiting) {
    const mine = waiting.filter((one) => one.may_take);
    const pending = mine.length > 0 && mine.every((one) => isPending(one.id));
    this.take.querySelector("span").textContent = mine.length > 1 ? t("desk.take.n", { n: mine.length }) : t("desk.take");
    const hidden = !mine.length || pending;
    if (hidden && document.activeElement === this.take) this.link.focus();
    this.take.hidden = hidden;
    const name = this.entry.lead;
    this.take.setAttribute("aria-label", `${this.take.textContent}: ${word("rule", name.rule)}, ${name.camera_name}`);
    this.problem.textContent = this.entry.members.map((one) => refusalOf(one.id)).find(Boolean) ?? "";
  }

  drawMembers(members) {
    this.more.hidden = members.length < 2;
    if (members.length < 2) return;
    this.more.querySelector("summary").textContent = t(members.length === 2 ? "desk.group.one" : "desk.group", { n: members.length - 1 });
    reconcile(this.members, members.slice(1), (one) => one.id, (one) => h("li", {}, shape(one.severity, isHoldUp(one)),
      h("div", {}, link(one, (id) => this.open(id)), h("p", { class: "muted" }, `${clock(one.raised)} · ${one.site_name}`)), h("div", { class: "member-answer" }, answerChip(one))),
    (child, one) => fill(child.querySelector(".member-answer"), answerChip(one)));
  }

  /** Moves the clockwork: the age and the countdown, unread by screen readers. */
  tick() {
    const { lead, members } = this.entry;
    this.age.textContent = t("cameras.since", { span: ago(lead.raised, now()) });
    const next = nextEscalation(members);
    this.count.hidden = !next;
    if (next) {
      this.count.lastElementChild.textContent = countdownWords(next);
      this.count.dataset.soon = String(secondsTo(next.escalates, now()) <= 30);
    }
  }

  /** Answers the alarm, or every alarm of the incident. */
  answer() {
    const ids = this.entry.members.filter((one) => isUnanswered(one) && one.may_take).map((one) => one.id);
    if (!ids.length) return;
    this.link.focus();
    answer(ids);
    this.open(ids[0]);
  }
}

/** Returns the row of an alarm that is over. */
export function doneRow(alarm, open) {
  return h("li", { class: "alarm-row desk-done", data: { state: alarm.state, level: alarm.severity } },
    h("div", { class: "desk-mark" }, shape(alarm.severity, isHoldUp(alarm))),
    h("div", { class: "desk-what" }, h("p", { class: "alarm-name" }, link(alarm, open)), h("p", { class: "muted" }, [alarm.site_name, alarm.closed_by].filter(Boolean).join(" · "))),
    h("div", { class: "alarm-tags" }, verdictChip(alarm), exerciseStamp(alarm)),
    h("div", { class: "desk-when" }, h("time", { datetime: alarm.raised, title: full(alarm.raised) }, clock(alarm.raised)), h("span", { class: "muted" }, day(alarm.raised))));
}
