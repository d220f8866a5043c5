// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// One alarm: the seconds before and the live picture side by side, then the verdict.

import { get, post, query, request } from "../api.js";
import { fill, h, icon, say } from "../dom.js";
import { full, language, t, word } from "../i18n.js";
import { Player } from "../player.js";
import { severity, shape } from "../severity.js";
import { state, watch } from "../state.js";
import { answer, isPending, refusalOf } from "../answer.js";
import { take } from "../events.js";
import { onKey } from "../keys.js";
import { isHoldUp, isUnanswered } from "../queue.js";
import { alarmButton } from "./incidents.js";
import { answerChip, countdownWords } from "./desk-row.js";
import { Near } from "./near.js";
import { ShopWall } from "./shop-wall.js";

const VERDICTS = [["confermato", "check", "alarm"], ["falso", "cross", "quiet"], ["esercitazione", "drill", "quiet"]];
/** The gateway cuts the session itself, with the right reason; this is only the safety net. */
const CUT_MS = 3000;
/** A letter proposes a verdict, Enter gives it: a slip does nothing. */
const VERDICT_KEYS = [["c", "confermato"], ["f", "falso"], ["e", "esercitazione"]];

/** Shows the page of an alarm. */
export function alarm(container, id) {
  const view = new AlarmView(container, id);
  view.enter();
  return { title: t("alarms.title"), leave: () => view.leave() };
}

/** An alarm on its own page or, `beside` the queue, on the desk. */
export class AlarmView {
  constructor(container, id, { beside = false } = {}) {
    this.id = id;
    this.beside = beside;
    this.alarm = null;
    this.player = null;
    this.urls = [];
    this.gone = new AbortController();
    const head = beside ? "h3" : "h2";
    this.title = h(beside ? "h2" : "h1", { tabindex: "-1" }, t("app.loading"));
    this.mark = h("div", { class: "desk-mark" });
    this.answer = h("section", { class: "answer", hidden: true, "aria-label": t("desk.answer") });
    this.tags = h("div", { class: "alarm-tags" });
    this.before = h("div", { class: "pane-body" });
    this.now = h("div", { class: "pane-body" });
    this.beforeTitle = h(head, {}, t("alarm.before"));
    this.dark = h("div", { class: "dark-note", role: "status", hidden: true });
    this.panes = h("div", { class: "panes", hidden: true },
      h("section", { class: "pane" }, this.beforeTitle, this.before),
      h("section", { class: "pane" }, h(head, {}, t("alarm.now")), this.now));
    this.verdict = h("section", { class: "verdict", hidden: true });
    this.facts = h("section", { class: "panel" });
    this.incident = state.user.views.includes("incidents") && alarmButton(() => this.alarm);
    this.near = new Near(id);
    container.append(
      beside ? h("a", { class: "back", href: `#/allarmi/${id}` }, icon("wide"), t("desk.page")) : h("a", { class: "back", href: "#/allarmi" }, icon("back"), t("alarm.back")),
      h("div", { class: "page-head" }, h("div", { class: "alarm-title" }, this.mark, this.title), this.tags), this.answer, this.dark, this.panes, this.verdict, ...(this.incident ? [this.incident] : []), this.near.element, this.facts);
  }

  async enter() {
    const stops = [
      watch((what, changed) => {
        if (what === "alarms") this.renew(changed);
        if (what === "answers" && this.alarm) this.drawAnswer(this.alarm);
        if (what === "line" && state.line === "live" && this.missing) {
          this.missing = false;
          this.dark.hidden = true;
          this.learn();
        }
      }),
      ...VERDICT_KEYS.map(([key, code]) => onKey(key, () => this.propose(code))),
    ];
    this.stopWatching = () => { for (const stop of stops) stop(); };
    this.ticking = setInterval(() => this.tick(), 1000);
    const known = state.alarms?.get(this.id);
    if (known) this.update(known); // words at once, even while the gateway does not answer
    await this.learn();
  }

  /** Asks for everything about the alarm; again when a lost line is back. */
  async learn() {
    try {
      const { alarm, deliveries } = await get(`/api/alarms/${encodeURIComponent(this.id)}`, { signal: this.gone.signal });
      this.deliveries = deliveries;
      this.update(alarm);
      if (alarm.state !== "chiuso" && alarm.viewable && !this.player) this.openPictures();
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.missing = problem.status === 0;
      if (this.missing && this.alarm?.viewable) this.note(icon("fault"), t("desk.no-pictures"));
      if (!this.missing || !this.alarm) this.title.textContent = problem.status === 404 ? t("alarm.missing") : problem.message;
    }
  }

  leave() {
    this.gone.abort();
    clearTimeout(this.cut);
    clearInterval(this.ticking);
    this.stopWatching();
    this.player?.stop();
    this.wall?.leave();
    this.near.leave();
    this.dropClip();
  }

  /** Takes a change of this alarm, or what the list says of it after a gap. */
  renew(changed) {
    const found = changed ?? state.alarms?.get(this.id);
    if (found?.id === this.id && this.alarm) this.update(found);
  }

  update(alarm) {
    if ((alarm.version ?? 0) < (this.alarm?.version ?? 0)) return; // it crossed a newer one on its way
    const wasOpen = this.alarm && this.alarm.state !== "chiuso";
    this.alarm = alarm;
    const name = t("alarm.title", { rule: word("rule", alarm.rule), name: alarm.camera_name });
    if (this.title.textContent !== name) this.title.textContent = name;
    fill(this.tags, severity(alarm.severity), alarm.exercise && h("span", { class: "stamp stamp-inline" }, t("alarms.exercise")));
    fill(this.mark, shape(alarm.severity, isHoldUp(alarm)));
    this.drawAnswer(alarm);
    this.drawFacts(alarm);
    this.drawVerdict(alarm);
    if (!alarm.camera) this.note(icon("dark"), t("alarm.no-camera"));
    else if (alarm.state === "chiuso") this.goDark(alarm, wasOpen);
    else if (!alarm.viewable) this.note(icon("dark"), t("alarm.text-only"));
  }

  openPictures() {
    const { alarm } = this;
    const reasons = { purpose: "allarme", case: alarm.id };
    this.panes.hidden = false;
    this.player = new Player({ camera: alarm.camera, name: alarm.camera_name, reasons, exercise: alarm.exercise || state.box.exercise });
    this.now.append(this.player.element);
    this.player.start();
    this.loadBefore(reasons);
    if (alarm.silent) this.beforeTitle.textContent = t("holdup.before");
    if (alarm.also?.length) {
      this.wall = new ShopWall(alarm, this.beside ? "h3" : "h2");
      this.panes.after(this.wall.element);
      this.wall.enter();
    }
    this.near.enter();
  }

  async loadBefore(reasons) {
    fill(this.before, h("div", { class: "screen" }, h("div", { class: "veil" }, icon("wait"), h("p", {}, t("alarm.loading-before")))));
    const name = this.alarm.camera_name;
    try {
      const url = await this.fetchPicture("before.mp4", reasons);
      const video = h("video", { class: "screen-video", controls: true, autoplay: true, playsinline: true, loop: true, "aria-label": t(this.alarm.silent ? "holdup.before.of" : "alarm.before.of", { name }), src: url });
      video.muted = true;
      this.showBefore(video);
      if (this.alarm.boxes.length) this.before.append(h("button", { type: "button", class: "quiet", onclick: () => this.loadStill(reasons) }, icon("camera"), t("alarm.decided")));
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (problem.code === "no-clip") this.loadStill(reasons);
      else this.beforeProblem(problem.message);
    }
  }

  async loadStill(reasons) {
    try {
      const url = await this.fetchPicture("still.jpg", reasons);
      this.beforeTitle.textContent = t("alarm.still");
      this.showBefore(h("img", { class: "screen-video", alt: t("alarm.still.of", { name: this.alarm.camera_name }), src: url }));
    } catch (problem) {
      if (problem.name !== "AbortError") this.beforeProblem(problem.code === "no-still" ? t("alarm.nothing-before") : problem.message);
    }
  }

  async fetchPicture(what, reasons) {
    const response = await request(`/api/alarms/${encodeURIComponent(this.id)}/${what}?${query(reasons)}`, { signal: this.gone.signal });
    const blob = await response.blob();
    if (this.alarm.state === "chiuso" || this.gone.signal.aborted) throw new DOMException("closed", "AbortError");
    const url = URL.createObjectURL(blob);
    this.urls.push(url);
    return url;
  }

  showBefore(element) {
    fill(this.before, h("div", { class: "screen" }, element, (this.alarm.exercise || state.box.exercise) && h("span", { class: "stamp" }, t("app.exercise"))));
  }

  beforeProblem(sentence) {
    fill(this.before, h("div", { class: "screen" }, h("div", { class: "veil" }, icon("dark"), h("p", {}, sentence))));
  }

  dropClip() {
    for (const url of this.urls.splice(0)) URL.revokeObjectURL(url);
  }

  goDark(alarm, wasOpen) {
    const verdict = word("verdict", alarm.verdict).toLocaleLowerCase();
    const sentence = alarm.verdict === "nessuno" ? t("alarm.dark.no-verdict") : t("alarm.dark", { verdict });
    this.note(icon("dark"), sentence);
    this.panes.hidden = true;
    this.wall?.leave();
    this.near.leave();
    if (this.player) this.player.quiet = true;
    this.before.replaceChildren();
    this.dropClip();
    clearTimeout(this.cut);
    this.cut = setTimeout(() => { this.player?.stop(); this.now.replaceChildren(); }, CUT_MS);
    if (wasOpen) say(sentence, { urgent: true });
  }

  note(mark, sentence) {
    this.dark.hidden = false;
    fill(this.dark, mark, h("p", {}, sentence));
  }

  /** Who answers it; the button, if nobody does yet. */
  drawAnswer(alarm) {
    this.answer.hidden = alarm.state === "chiuso";
    const had = this.answer.contains(document.activeElement);
    const ask = isUnanswered(alarm) && alarm.may_take && !isPending(alarm.id);
    this.count = alarm.escalates && isUnanswered(alarm) && h("p", { class: "desk-count" }, icon("clock"), h("span", {}));
    fill(this.answer, answerChip(alarm), this.count, refusalOf(alarm.id) && h("p", { class: "field-problem" }, refusalOf(alarm.id)),
      ask && h("button", { type: "button", class: "alarm large", onclick: () => answer([this.id]) }, icon("check"), t("desk.take")));
    if (had) (this.answer.querySelector("button") ?? this.title).focus();
    this.tick();
  }

  tick() {
    if (this.count) this.count.lastElementChild.textContent = countdownWords(this.alarm);
  }

  /** Asks whether to close it with a verdict that a key named; says false if there is nothing to close. */
  propose(code) {
    const { alarm } = this;
    if (!alarm?.may_close || this.proposing) return false;
    const verdict = word("verdict", code);
    const back = document.activeElement;
    const leave = () => {
      this.proposing = null;
      this.drawVerdict(this.alarm, { anew: true });
      (back?.isConnected && back !== document.body ? back : this.title).focus();
    };
    const problem = h("p", { class: "field-problem", role: "alert" });
    const yes = h("button", { type: "button", class: "alarm large", onclick: () => this.close(code, [yes], problem) }, icon("check"), t("desk.propose.yes", { verdict }));
    this.proposing = h("div", { class: "propose", role: "group", "aria-label": t("desk.propose", { verdict }), onkeydown: (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      leave();
    } }, h("p", {}, h("strong", {}, t("desk.propose", { verdict }))), yes, h("button", { type: "button", class: "quiet large", onclick: leave }, t("dialog.cancel")), problem);
    fill(this.verdict, this.proposing);
    yes.focus();
    this.proposing.scrollIntoView({ block: "nearest" });
    return true;
  }

  drawVerdict(alarm, { anew = false } = {}) {
    if (anew || !alarm.may_close) this.verdict.replaceChildren();
    if (!alarm.may_close) this.proposing = null;
    this.verdict.hidden = !alarm.may_close;
    if (!alarm.may_close) {
      this.verdict.replaceChildren();
      return;
    }
    if (this.verdict.childElementCount) return;
    const problem = h("p", { class: "field-problem", role: "alert" });
    const buttons = VERDICTS.map(([code, mark, tone]) =>
      h("button", { type: "button", class: `${tone} large`, onclick: () => this.close(code, buttons, problem) }, icon(mark), t(`alarm.verdict.${code}`)));
    fill(this.verdict, h("div", {}, h(this.beside ? "h3" : "h2", {}, t("alarm.verdict.title")), h("p", { class: "muted" }, t(alarm.asked ? "holdup.verify.lead" : alarm.state === "chiuso" ? "alarm.verdict.late" : "alarm.verdict.lead"))),
      h("div", { class: "verdict-buttons", role: "group", "aria-label": t("alarm.verdict.title") }, buttons), problem);
  }

  async close(code, buttons, problem) {
    for (const button of buttons) button.disabled = true;
    try {
      take(await post(`/api/alarms/${encodeURIComponent(this.id)}/close`, { verdict: code }));
      this.title.focus();
    } catch (error) {
      problem.textContent = error.status === 0 ? t("desk.not-done") : error.message;
      for (const button of buttons) button.disabled = false;
    }
  }

  drawFacts(alarm) {
    const row = (label, ...value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
    const closed = alarm.closed && (alarm.closed_by ? t("alarm.by", { when: full(alarm.closed), who: alarm.closed_by }) : full(alarm.closed));
    const outcome = alarm.state === "chiuso" ? `${t("alarm-state.chiuso")}: ${word("verdict", alarm.verdict).toLocaleLowerCase()}` : t(`alarm-state.${alarm.state}`);
    fill(this.facts, h(this.beside ? "h3" : "h2", {}, t("alarm.facts")), h("dl", { class: "facts-grid" },
      row(t("alarm.state"), outcome),
      alarm.why && row(t("alarm.why"), language() === "it" ? alarm.why.text_it : alarm.why.text_en),
      alarm.rule === "targa-cercata" && state.user.views.includes("plates") && row(t("nav.plates"), h("a", { href: "#/targhe" }, t("plates.goto"))),
      row(t("alarm.raised"), h("time", { datetime: alarm.raised }, full(alarm.raised))),
      alarm.taken && row(t("desk.taken"), alarm.taken_by ? t("alarm.by", { when: full(alarm.taken), who: alarm.taken_by }) : full(alarm.taken)),
      alarm.ended && row(t("alarm.ended"), full(alarm.ended)),
      closed && row(t("alarm.closed"), closed),
      row(t("alarm.where"), [alarm.site_name, alarm.camera_name].filter(Boolean).join(" · ")),
      alarm.zone_name && row(t("alarm.zone"), alarm.zone_name),
      row(t("alarm.severity"), severity(alarm.severity)),
      alarm.act_title && row(t("alarm.act"), alarm.act_title),
      this.recipients(alarm, row)));
  }

  recipients(alarm, row) {
    const rows = this.deliveries ?? [];
    if (!rows.length) return alarm.recipients.length ? row(t("alarm.recipients"), alarm.recipients.join(", ")) : null;
    return row(t("alarm.recipients"), h("ul", { class: "plain" }, rows.map((one) =>
      h("li", {}, icon(one.state === "consegnato" ? "check" : one.state === "rifiutato" ? "cross" : "send"), ` ${one.recipient_name}: ${word("delivery", one.state)}`, one.problem && h("span", { class: "muted" }, ` · ${one.problem}`)))));
  }
}
