// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// One alarm: the seconds before and the live picture side by side, then the verdict.

import { get, post, query, request } from "../api.js";
import { fill, h, icon, say } from "../dom.js";
import { full, t, word } from "../i18n.js";
import { Player } from "../player.js";
import { severity } from "../severity.js";
import { state, watch } from "../state.js";
import { take } from "../events.js";
import { alarmButton } from "./incidents.js";
import { Near } from "./near.js";

const VERDICTS = [["confermato", "check", "alarm"], ["falso", "cross", "quiet"], ["esercitazione", "drill", "quiet"]];
/** The gateway cuts the session itself, with the right reason; this is only the safety net. */
const CUT_MS = 3000;

/** Shows the page of an alarm. */
export function alarm(container, id) {
  const view = new AlarmView(container, id);
  view.enter();
  return { title: t("alarms.title"), leave: () => view.leave() };
}

class AlarmView {
  constructor(container, id) {
    this.id = id;
    this.alarm = null;
    this.player = null;
    this.urls = [];
    this.gone = new AbortController();
    this.title = h("h1", { tabindex: "-1" }, t("app.loading"));
    this.tags = h("div", { class: "alarm-tags" });
    this.before = h("div", { class: "pane-body" });
    this.now = h("div", { class: "pane-body" });
    this.beforeTitle = h("h2", {}, t("alarm.before"));
    this.dark = h("div", { class: "dark-note", role: "status", hidden: true });
    this.panes = h("div", { class: "panes", hidden: true },
      h("section", { class: "pane" }, this.beforeTitle, this.before),
      h("section", { class: "pane" }, h("h2", {}, t("alarm.now")), this.now));
    this.verdict = h("section", { class: "verdict", hidden: true });
    this.facts = h("section", { class: "panel" });
    this.incident = state.user.views.includes("incidents") && alarmButton(() => this.alarm);
    this.near = new Near(id);
    container.append(
      h("a", { class: "back", href: "#/allarmi" }, icon("back"), t("alarm.back")),
      h("div", { class: "page-head" }, this.title, this.tags), this.dark, this.panes, this.verdict, ...(this.incident ? [this.incident] : []), this.near.element, this.facts);
  }

  async enter() {
    this.stopWatching = watch((what, changed) => { if (what === "alarms" && changed?.id === this.id) this.update(changed); });
    try {
      const { alarm, deliveries } = await get(`/api/alarms/${encodeURIComponent(this.id)}`, { signal: this.gone.signal });
      this.deliveries = deliveries;
      this.update(alarm);
      if (alarm.state !== "chiuso" && alarm.viewable) this.openPictures();
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.title.textContent = problem.status === 404 ? t("alarm.missing") : problem.message;
    }
  }

  leave() {
    this.gone.abort();
    clearTimeout(this.cut);
    this.stopWatching();
    this.player?.stop();
    this.near.leave();
    this.dropClip();
  }

  update(alarm) {
    const wasOpen = this.alarm && this.alarm.state !== "chiuso";
    this.alarm = alarm;
    const name = t("alarm.title", { rule: word("rule", alarm.rule), name: alarm.camera_name });
    if (this.title.textContent !== name) this.title.textContent = name;
    fill(this.tags, severity(alarm.severity), alarm.exercise && h("span", { class: "stamp stamp-inline" }, t("alarms.exercise")));
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
    this.near.enter();
  }

  async loadBefore(reasons) {
    fill(this.before, h("div", { class: "screen" }, h("div", { class: "veil" }, icon("wait"), h("p", {}, t("alarm.loading-before")))));
    const name = this.alarm.camera_name;
    try {
      const url = await this.fetchPicture("before.mp4", reasons);
      const video = h("video", { class: "screen-video", controls: true, autoplay: true, playsinline: true, loop: true, "aria-label": t("alarm.before.of", { name }), src: url });
      video.muted = true;
      this.showBefore(video);
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

  drawVerdict(alarm) {
    this.verdict.hidden = !alarm.may_close;
    if (!alarm.may_close) {
      this.verdict.replaceChildren();
      return;
    }
    if (this.verdict.childElementCount) return;
    const problem = h("p", { class: "field-problem", role: "alert" });
    const buttons = VERDICTS.map(([code, mark, tone]) =>
      h("button", { type: "button", class: `${tone} large`, onclick: () => this.close(code, buttons, problem) }, icon(mark), t(`alarm.verdict.${code}`)));
    fill(this.verdict, h("div", {}, h("h2", {}, t("alarm.verdict.title")), h("p", { class: "muted" }, t(alarm.state === "chiuso" ? "alarm.verdict.late" : "alarm.verdict.lead"))),
      h("div", { class: "verdict-buttons", role: "group", "aria-label": t("alarm.verdict.title") }, buttons), problem);
  }

  async close(code, buttons, problem) {
    for (const button of buttons) button.disabled = true;
    try {
      take(await post(`/api/alarms/${encodeURIComponent(this.id)}/close`, { verdict: code }));
      this.title.focus();
    } catch (error) {
      problem.textContent = error.message;
      for (const button of buttons) button.disabled = false;
    }
  }

  drawFacts(alarm) {
    const row = (label, ...value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
    const closed = alarm.closed && (alarm.closed_by ? t("alarm.by", { when: full(alarm.closed), who: alarm.closed_by }) : full(alarm.closed));
    const outcome = alarm.state === "chiuso" ? `${t("alarm-state.chiuso")}: ${word("verdict", alarm.verdict).toLocaleLowerCase()}` : t(`alarm-state.${alarm.state}`);
    fill(this.facts, h("h2", {}, t("alarm.facts")), h("dl", { class: "facts-grid" },
      row(t("alarm.state"), outcome),
      row(t("alarm.raised"), h("time", { datetime: alarm.raised }, full(alarm.raised))),
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
      h("li", {}, icon(one.state === "consegnato" ? "check" : one.state === "rifiutato" ? "cross" : "send"), ` ${one.recipient_name}: ${word("delivery", one.state)}`))));
  }
}
