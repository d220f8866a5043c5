// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The cameras as cards: state in words, whose it is, and the live picture in place.

import { get } from "../api.js";
import { explain } from "../explain.js";
import { askColleague, breakGlass, confirmColleague, mayBreak } from "../glass.js";
import { drawOrder, order } from "../shift.js";
import { fill, h, icon, reconcile, s, say } from "../dom.js";
import { ago, full, number, t, word } from "../i18n.js";
import { Player } from "../player.js";
import { shift, state, watch } from "../state.js";
import { reasonsFor } from "../why.js";

const POLL_MS = 3000;
const CLOCK_WARNS_S = 1;
const STATE_ICONS = { live: "live", connecting: "wait", idle: "idle", stalled: "wait", unreachable: "fault", refused: "lock", unsupported: "fault" };
const TONES = { live: "ok", connecting: "calm", idle: "calm", stalled: "warn", unreachable: "bad", refused: "bad", unsupported: "bad" };

/** Shows the page. */
export function cameras(container) {
  const view = new CamerasView(container);
  view.enter();
  return { title: t("cameras.title"), leave: () => view.leave() };
}

class CamerasView {
  constructor(container) {
    this.cards = new Map();
    this.list = [];
    this.grid = h("div", { class: "cards" });
    this.count = h("p", { class: "muted count", "aria-live": "polite" });
    this.orderLine = h("div", { class: "shift", hidden: true });
    this.shiftLine = h("div", { class: "shift" });
    this.find = h("input", { type: "search", id: "find", autocomplete: "off", oninput: () => this.draw() });
    this.state = h("p", { class: "notice" }, t("app.loading"));
    container.append(
      h("div", { class: "page-head" },
        h("div", {}, h("h1", { tabindex: "-1" }, t("cameras.title")), this.count),
        state.user.purposes.length > 0 && h("a", { class: "button quiet wall-link", href: "#/parete" }, icon("grid"), h("span", {}, t("wall.open"))),
        h("div", { class: "find" }, h("label", { for: "find" }, t("cameras.find")), this.find)),
      this.orderLine, this.shiftLine, this.state, this.grid);
  }

  enter() {
    this.stopWatching = watch((what) => {
      if (what === "alarms") this.refresh();
      if (what === "shift") this.drawShift();
    });
    this.refresh();
    this.timer = setInterval(() => { if (!document.hidden) this.refresh(); }, POLL_MS);
    this.drawShift();
  }

  leave() {
    clearInterval(this.timer);
    this.stopWatching();
    for (const card of this.cards.values()) card.player?.stop();
  }

  async refresh() {
    try {
      this.list = await get("/api/cameras");
      this.problem = null;
    } catch (problem) {
      this.problem = problem;
    }
    this.draw();
  }

  draw() {
    const wanted = this.find.value.trim().toLocaleLowerCase();
    const shown = this.list.filter((c) => [c.name, c.site_name, c.owner_name, c.address].join(" ").toLocaleLowerCase().includes(wanted));
    const live = this.list.filter((c) => c.state === "live").length;
    const count = t(this.list.length === 1 ? "cameras.count.one" : "cameras.count", { n: this.list.length, live });
    if (this.count.textContent !== count) this.count.textContent = count;
    const note = this.problem ? this.problem.message : this.list.length === 0 ? t("cameras.none") : shown.length === 0 ? t("cameras.none-found") : "";
    this.state.hidden = !note;
    if (this.state.textContent !== note) this.state.textContent = note;
    reconcile(this.grid, shown, (c) => c.id, (c) => this.build(c), (_, c) => this.cards.get(c.id).update(c));
  }

  build(camera) {
    const card = this.cards.get(camera.id) ?? new Card(camera, () => this.drawShift());
    this.cards.set(camera.id, card);
    card.update(camera);
    return card.element;
  }

  drawShift() {
    drawOrder(this.orderLine, h("button", { type: "button", class: "link", onclick: confirmColleague }, t("second.enter")));
    const kept = shift();
    this.shiftLine.hidden = !kept;
    if (!kept) return;
    const change = h("button", { type: "button", class: "link", onclick: async () => { await reasonsFor(t("cameras.title"), { ask: true }); this.drawShift(); } }, t("cameras.shift.change"));
    fill(this.shiftLine, icon("book"), h("span", {}, `${t("cameras.shift")}: `, h("strong", {}, t(`purpose.${kept.purpose}`)), kept.case && ` · ${kept.case}`), change);
  }
}

/** One camera; with `near`, below another heading and without what does not help in a hurry. */
export class Card {
  constructor(camera, onShift, near = null) {
    this.onShift = onShift;
    this.near = near;
    this.player = null;
    this.chip = h("p", { class: "chip" });
    this.problem = h("p", { class: "card-problem" });
    this.hint = h("p", { class: "card-hint" });
    this.clock = h("p", { class: "card-hint", hidden: true });
    this.stream = h("p", { class: "card-stream muted", hidden: true });
    this.stage = h("div", { class: "card-stage" });
    this.refusal = h("div", { class: "refusal", role: "alert", hidden: true });
    this.why = h("div", { class: "explain", id: `why-${camera.id}`, hidden: true });
    this.whyButton = h("button", { type: "button", class: "quiet", "aria-expanded": "false", "aria-controls": `why-${camera.id}`, "aria-label": t("explain.of", { name: camera.name }), onclick: () => this.toggleWhy() }, icon("question"), t("explain"));
    this.watchButton = h("button", { type: "button", class: "primary", "aria-label": t("cameras.watch.of", { name: camera.name }), onclick: () => this.open() }, icon("eye"), t("cameras.watch"));
    this.alarmLink = h("a", { class: "button alarm", hidden: true }, icon("bell"), t("cameras.alarm-now"));
    this.element = h("article", { class: "card", "aria-labelledby": `camera-${camera.id}` },
      h("header", { class: "card-head" }, h("div", {}, h(near ? "h3" : "h2", { id: `camera-${camera.id}` }, camera.name), h("p", { class: "muted" }, camera.site_name)), this.chip),
      this.problem, this.stage, this.refusal, this.why, near ?? facts(camera), !near && this.stream, this.clock, this.hint,
      h("div", { class: "card-actions" }, camera.viewable && this.watchButton, this.alarmLink, camera.viewable && !near && this.whyButton));
  }

  update(camera) {
    this.camera = camera;
    this.element.dataset.tone = TONES[camera.state] ?? "calm";
    const since = camera.since ? t("cameras.since", { span: ago(camera.since) }) : "";
    const label = `${word("stream", camera.state)} ${since}`;
    if (this.chip.dataset.label !== label) {
      this.chip.dataset.label = label;
      this.chip.className = `chip chip-${TONES[camera.state] ?? "calm"}`;
      this.chip.title = camera.since ? full(camera.since) : "";
      fill(this.chip, icon(STATE_ICONS[camera.state] ?? "idle"), h("span", {}, word("stream", camera.state)), since && h("span", { class: "chip-since" }, since));
    }
    if (this.problem.textContent !== camera.problem) this.problem.textContent = camera.problem;
    this.problem.hidden = !camera.problem;
    this.drawClock(camera.clock_offset_s ?? 0);
    const line = streamLine(camera);
    if (this.stream.textContent !== line) this.stream.textContent = line;
    this.stream.hidden = !line;
    this.drawHint(camera);
    this.alarmLink.hidden = !(camera.open_alarm && camera.viewable);
    if (camera.open_alarm) this.alarmLink.href = `#/allarmi/${camera.open_alarm}`;
  }

  drawClock(offset) {
    const late = Math.abs(offset) > CLOCK_WARNS_S;
    const words = late ? t(offset < 0 ? "cameras.clock.late" : "cameras.clock.early", { offset: number(Math.abs(offset), 1) }) : "";
    this.clock.hidden = !late;
    if (this.clock.textContent !== words) fill(this.clock, icon("wait"), h("span", {}, words));
  }

  drawHint(camera) {
    const words = camera.site_state !== "attivo" ? word("site-state", camera.site_state)
      : camera.disclosure === "su-allarme" && camera.viewable ? t("cameras.on-alarm") : "";
    this.hint.hidden = !words;
    if (this.hint.textContent !== words) fill(this.hint, icon("lock"), h("span", {}, words));
  }

  async open() {
    const { camera } = this;
    const reasons = await reasonsFor(camera.name);
    this.onShift();
    if (reasons) await this.look(reasons);
  }

  async look(reasons) {
    const { camera } = this;
    this.close();
    this.reasons = reasons;
    this.refusal.hidden = true;
    this.hideWhy();
    this.player = new Player({
      camera: camera.id, name: camera.name, reasons, exercise: state.box.exercise,
      rendition: this.near ? "main" : "sub",
      onRefused: (problem) => this.refused(problem),
      onClose: () => { this.close(); this.watchButton.focus(); },
    });
    this.element.classList.add("card-watching");
    this.stage.append(this.player.element);
    this.watchButton.hidden = true;
    await this.player.start();
  }

  refused(problem) {
    if (problem.status !== 403 && problem.status !== 404) return;
    const { reasons } = this;
    this.close();
    this.hideWhy();
    this.refusal.hidden = false;
    const again = /^(case|purpose|reason)-|^no-shift$/.test(problem.code);
    const link = (key, action, tone = "link") => h("button", { type: "button", class: tone, onclick: action }, t(key));
    fill(this.refusal, icon("lock"), h("p", {}, h("strong", {}, `${t("cameras.refused")}. `), problem.message),
      h("div", { class: "refusal-do" },
        again && link("cameras.shift.change", async () => { if (await reasonsFor(this.camera.name, { ask: true })) this.open(); }),
        problem.code === "second-person-needed" && link("second.ask", () => this.withColleague(reasons), "quiet"),
        link("explain", () => { this.toggleWhy(true); }),
        mayBreak(problem) && link("glass.open", () => this.breakGlass(reasons), "alarm")));
    say(`${t("cameras.refused")}. ${problem.message}`, { urgent: true });
  }

  async withColleague(reasons) {
    try {
      const second = await askColleague(this.camera.id, this.camera.name, reasons);
      if (second) await this.look({ ...reasons, second });
    } catch (problem) {
      say(problem.message, { urgent: true });
      fill(this.refusal, icon("lock"), h("p", {}, problem.message));
    }
  }

  async breakGlass(reasons) {
    const given = await breakGlass(this.camera.name, reasons);
    if (given) await this.look(given);
  }

  async toggleWhy(open = this.why.hidden) {
    this.whyButton.setAttribute("aria-expanded", String(open));
    if (!open) this.why.hidden = true;
    else await explain(this.why, this.camera.id, this.reasons ?? shift() ?? this.usual());
  }

  /** The reasons with which this person would ask, as far as they are known. */
  usual() {
    const now = order();
    const [first] = state.user.purposes;
    return now ? { purpose: "servizio", case: now.order } : { purpose: first, case: "" };
  }

  hideWhy() {
    this.why.hidden = true;
    this.whyButton.setAttribute("aria-expanded", "false");
  }

  close() {
    this.player?.stop();
    this.player = null;
    this.stage.replaceChildren();
    this.element.classList.remove("card-watching");
    this.watchButton.hidden = false;
  }
}

/** Returns what is known of the stream, for whoever has to mend it. */
function streamLine(camera) {
  const stalls = camera.stalls && t(camera.stalls === 1 ? "cameras.stalls.one" : "cameras.stalls", { n: camera.stalls });
  return [
    word("codec", camera.codec),
    camera.width_px > 0 && `${camera.width_px} × ${camera.height_px}`,
    camera.fps > 0 && t("cameras.fps", { n: number(camera.fps, camera.fps < 10 ? 1 : 0) }),
    stalls,
  ].filter(Boolean).join(" · ");
}

function facts(camera) {
  const row = (label, value) => value && [h("dt", {}, label), h("dd", {}, value)];
  const site = [word("site", camera.site_kind), camera.address].filter(Boolean).join(", ");
  return h("dl", { class: "facts-list" },
    row(t("cameras.owner"), camera.owner_name), row(t("cameras.site"), site), row(t("cameras.area"), word("area", camera.area)),
    camera.device_name && row(t("cameras.recorder"), camera.channel ? t("cameras.channel", { name: camera.device_name, n: camera.channel }) : camera.device_name),
    (camera.latitude || camera.longitude) ? row(t("cameras.view"), direction(camera)) : null);
}

function direction(camera) {
  const words = t("cameras.looks", { direction: t(`direction.${Math.round(camera.azimuth_deg / 45) % 8}`) });
  const at = (degrees, radius) => {
    const angle = ((degrees - 90) * Math.PI) / 180;
    return `${(10 + radius * Math.cos(angle)).toFixed(2)} ${(10 + radius * Math.sin(angle)).toFixed(2)}`;
  };
  const half = Math.min(camera.field_of_view_deg, 358) / 2;
  const wedge = `M10 10 L${at(camera.azimuth_deg - half, 9)} A9 9 0 ${half > 90 ? 1 : 0} 1 ${at(camera.azimuth_deg + half, 9)} Z`;
  return h("span", { class: "direction" },
    s("svg", { viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false", class: "compass" }, s("circle", { cx: 10, cy: 10, r: 9 }), s("path", { d: wedge })), words);
}
