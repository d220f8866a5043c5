// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// A live picture that never lies: it says how old it is, and why it is dark.

import { get, post } from "./api.js";
import { fill, h, icon, reconcile, say } from "./dom.js";
import { ALTERED, drawFigures, measure } from "./figures.js";
import { clock, has, number, t, word } from "./i18n.js";
import { watch } from "./state.js";
import { open } from "./whep.js";

const FROZEN_MS = 1500;
const TICK_MS = 500;
const RETRIES = 4;
/** How often the gateway is asked what is out of the ordinary with a look (a flag may come later). */
const ASK_MS = 5000;
const MEASURE_MS = 1000;
/** How long a better picture may take to arrive before it replaces the one that is shown. */
const SWAP_MS = 5000;
/** Ends that are not a decision about us: asking the gate again is right. */
export const MAY_RETRY = new Set([
  "", "media-unavailable", "media-process-ended", "shutdown", "gateway-gone", "grant-expired", "lease-expired", "peer-silent", "peer-closed",
]);

/** Returns the sentence for the code with which a session ended. */
export function endSentence(reason) {
  if (!reason) return t("end.unknown");
  if (has(`end.${reason}`)) return t(`end.${reason}`);
  return t("end.other", { reason: word("refusal", reason) });
}

/** A player for one camera. `rendition`: sub where the picture is small; on the full screen it is main
 * anyway. `onRefused(problem)` if the gate says no; else everything shows here. */
export class Player {
  constructor({ camera, name, reasons, exercise, rendition = "main", onRefused, onClose }) {
    Object.assign(this, { camera, name, reasons, rendition, onRefused, onClose });
    this.session = null;
    this.closed = false;
    this.retries = 0;
    this.video = h("video", { class: "screen-video", autoplay: true, playsinline: true, "aria-label": t("player.of", { name }) });
    this.video.muted = true;
    this.veil = h("div", { class: "veil" });
    this.facts = h("p", { class: "facts" });
    this.flags = new Set(reasons.break_glass ? ["break-glass"] : []);
    this.until = "";
    this.answerBy = 0;
    this.notes = h("div", { class: "player-notes" });
    this.figures = h("dl", { class: "figures player-figures", hidden: true });
    this.mine = {};
    this.screen = h("div", { class: "screen" }, this.video, this.veil, exercise && h("span", { class: "stamp" }, t("app.exercise")));
    this.frame = h("div", { class: "player-frame" }, this.notes, this.screen);
    this.element = h("figure", { class: "player", data: { state: "opening" } }, this.frame,
      h("figcaption", { class: "player-bar" }, this.facts, this.buttons()), this.figures);
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.checking = setInterval(() => this.check(), ASK_MS);
    this.measuring = setInterval(() => this.measure(), MEASURE_MS);
    this.stopWatching = watch((what, detail) => { if (what === "confirm") this.wantsAnswer(detail); });
    this.onScreen = () => this.swap();
    document.addEventListener("fullscreenchange", this.onScreen);
  }

  buttons() {
    const wide = h("button", { type: "button", class: "ghost", onclick: () => this.fullscreen() }, icon("wide"), h("span", {}, t("player.wide")));
    const stop = this.onClose && h("button", { type: "button", class: "ghost", "aria-label": t("player.stop.of", { name: this.name }), onclick: () => { this.stop(); this.onClose(); } },
      icon("cross"), h("span", {}, t("player.stop")));
    this.figuresButton = h("button", { type: "button", class: "ghost figures-button", "aria-pressed": "false", "aria-label": t("figures.of", { name: this.name }), title: t("figures.title"), onclick: () => this.toggleFigures() }, icon("gauge"), h("span", {}, t("figures.title")));
    return h("div", { class: "player-buttons" }, this.figuresButton, wide, stop);
  }

  toggleFigures() {
    this.figures.hidden = !this.figures.hidden;
    this.figuresButton.setAttribute("aria-pressed", String(!this.figures.hidden));
    this.figures.replaceChildren();
    this.measure();
  }

  /** Measures and draws how the picture goes, where somebody wants to know. */
  async measure() {
    const { session } = this;
    if (this.figures.hidden || !session) return;
    await this.check();
    const mine = await measure(session.pc.getReceivers()[0], this.mine.raw);
    if (this.session !== session) return;
    this.mine = mine;
    drawFigures(this.figures, { mine, theirs: this.theirs, stream: this.sent, flags: [...this.flags] });
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.frame.requestFullscreen?.().catch(() => {});
  }

  /** Returns which rendition fits the size at which it is shown now. */
  wanted() {
    return document.fullscreenElement === this.frame ? "main" : this.rendition;
  }

  /** Goes over to the rendition that fits; what is shown stays until the other one arrives. */
  async swap() {
    const before = this.session;
    if (this.swapping || !before || before.rendition === this.wanted()) return;
    this.swapping = true;
    const fresh = await open(this.camera, this.reasons, this.wanted()).catch(() => null);
    if (fresh) await arrival(fresh.stream);
    this.swapping = false;
    if (!fresh) return; // refused or busy: the picture that is there is better than none
    if (this.closed || this.session !== before) {
      fresh.close();
      return;
    }
    before.close();
    this.begin(fresh);
    this.swap();
  }

  /** Asks for the picture. */
  async start() {
    this.show("opening", icon("wait"), t(this.retries ? "player.retry" : "player.opening"));
    this.asked = performance.now();
    this.first = null;
    this.last = null;
    try {
      const session = await open(this.camera, this.reasons, this.wanted());
      if (this.closed) return session.close();
      this.begin(session);
    } catch (problem) {
      if (!this.closed) this.failed(problem);
    }
  }

  begin(session) {
    this.session = session;
    this.check();
    this.video.srcObject = session.stream;
    this.video.play().catch(() => {});
    session.pc.addEventListener("connectionstatechange", () => {
      if (["failed", "closed", "disconnected"].includes(session.pc.connectionState)) this.ask(session);
    });
    this.eachFrame(session);
  }

  eachFrame(session) {
    this.video.requestVideoFrameCallback((now, frame) => {
      if (this.session !== session) return;
      if (this.first === null) this.appeared(now);
      this.last = now;
      const took = frame.captureTime ?? frame.receiveTime ?? now;
      const age = now - took;
      this.age = age >= 0 && age < 60_000 ? age : 0;
      this.eachFrame(session);
    });
  }

  appeared(now) {
    this.first = now - this.asked;
    this.retries = 0;
    this.show("live");
    this.last = now;
    this.age = 0;
    this.writeFacts(0);
    this.element.dispatchEvent(new CustomEvent("first-picture", { bubbles: true }));
  }

  /** Shows a state; what covers the picture is told to screen readers once. */
  show(state, ...veil) {
    this.element.dataset.state = state;
    fill(this.veil, veil.map((part) => (typeof part === "string" ? h("p", {}, part) : part)));
    this.veil.hidden = veil.length === 0;
    if (state !== "live") this.facts.replaceChildren();
  }

  tick() {
    const state = this.element.dataset.state;
    if (this.first === null || (state !== "live" && state !== "frozen")) {
      if (this.session && state === "opening" && performance.now() - this.asked > 10_000) this.ask(this.session);
      return;
    }
    const still = performance.now() - this.last;
    if (still < FROZEN_MS) {
      if (state === "frozen") this.show("live");
      this.writeFacts(still);
      return;
    }
    this.show("frozen", icon("wait"), t("player.frozen", { n: number(still / 1000, 0) }));
    this.ask(this.session);
  }

  writeFacts(still) {
    fill(this.facts,
      h("span", { class: "chip chip-ok" }, icon("live"), t("player.live")),
      h("span", {}, t("player.age", { n: number((this.age + still) / 1000, 1) })),
      h("span", {}, t("player.first", { n: number(this.first / 1000, 2) })),
      ALTERED.filter((flag) => this.flags.has(flag)).map((flag) => h("span", { class: "chip" }, t(`flag.${flag}`))));
  }

  /** Learns flags and end of the look; nothing of what is shown depends on the answer. */
  async check() {
    const { session } = this;
    if (!session || this.closed || document.hidden) return;
    const found = await get(session.resource).catch(() => null);
    if (!found || this.session !== session || found.state !== "live") return;
    this.until = found.expires || this.until;
    this.theirs = found.figures;
    this.sent = found.stream;
    this.flags = new Set([...(found.flags ?? []), ...(this.reasons.break_glass ? ["break-glass"] : [])]);
    this.drawNotes();
  }

  /** Somebody has to say that the look is still wanted; the picture goes on meanwhile. */
  wantsAnswer({ session, by_s: seconds }) {
    if (!this.session || !this.session.resource.endsWith(`/${session}`)) return;
    this.answerBy = Date.now() + (seconds || 0) * 1000;
    this.drawNotes();
    say(`${this.name}. ${t("confirm.ask")}`);
  }

  async confirm() {
    const id = this.session?.resource.split("/").pop();
    try {
      await post(`/api/looks/${encodeURIComponent(id)}/confirm`);
      this.answerBy = 0;
      this.flags.delete("unconfirmed");
      say(t("confirm.done"));
    } catch (problem) {
      say(problem.message, { urgent: true });
    }
    this.drawNotes();
  }

  /** The strips above the picture: never over it, so that nothing of it is lost. */
  drawNotes() {
    const time = this.until ? clock(this.until).slice(0, 5) : "";
    const rows = [
      this.flags.has("break-glass") && { key: "glass", tone: "bad", text: time ? t("glass.banner.until", { time }) : t("glass.banner") },
      this.flags.has("act-ended-incident-open") && { key: "act", tone: "warn", text: time ? t("look.act-ended.until", { time }) : t("look.act-ended") },
      (this.answerBy || this.flags.has("unconfirmed")) && { key: "confirm", tone: "ask", text: this.answerBy ? t("confirm.ask.by", { time: clock(this.answerBy).slice(0, 5) }) : t("confirm.ask") },
    ].filter(Boolean);
    const mark = { bad: "fault", warn: "act", ask: "question" };
    reconcile(this.notes, rows, (row) => `${row.key} ${row.text}`, (row) => h("div", { class: `player-note note-${row.tone}`, role: row.tone === "ask" ? null : "status" }, icon(mark[row.tone]), h("span", {}, row.text),
      row.key === "confirm" && h("button", { type: "button", class: "primary", onclick: () => this.confirm() }, t("confirm.yes"))), () => {});
  }

  /** Asks the gateway what became of our session; an answer "live" changes nothing. */
  async ask(session) {
    if (this.asking || this.session !== session || this.closed) return;
    this.asking = true;
    try {
      const { state, reason } = await get(session.resource);
      if (this.session === session && state === "ended") this.ended(reason);
      else if (session.pc.connectionState === "failed") this.ended("peer-silent");
    } catch (problem) {
      if (this.session === session && problem.status === 404) this.ended("");
      else if (this.session === session && problem.status === 401) this.ended("signed-out");
    } finally {
      this.asking = false;
    }
  }

  ended(reason) {
    this.release();
    if (MAY_RETRY.has(reason) && this.retries < RETRIES) {
      this.again();
      return;
    }
    this.darken(endSentence(reason), { again: !["alarm-closed", "incident-closed"].includes(reason) });
  }

  again() {
    this.retries += 1;
    this.show("opening", icon("wait"), t("player.retry"));
    this.retryTimer = setTimeout(() => this.start(), 500 * 2 ** (this.retries - 1));
  }

  failed(problem) {
    this.release();
    if ((problem.status === 0 || problem.status === 503) && this.retries < RETRIES) {
      this.again();
      return;
    }
    this.darken(problem.message, { again: true });
    this.onRefused?.(problem);
  }

  /** Makes the picture dark and says why; `again` offers to ask once more. */
  darken(sentence, { again = false } = {}) {
    clearTimeout(this.retryTimer);
    this.release();
    const button = again && h("button", { type: "button", class: "quiet", onclick: () => { this.retries = 0; this.start(); } }, t("player.again"));
    this.show("dark", icon("dark"), h("p", {}, h("strong", {}, `${t("player.dark")}: `), sentence), button);
    if (!this.quiet) say(`${this.name}. ${t("player.dark")}: ${sentence}`);
  }

  release() {
    this.answerBy = 0;
    this.mine = {};
    this.notes.replaceChildren();
    this.session?.close();
    this.session = null;
    this.video.srcObject = null;
  }

  /** Ends the session and the player for good. */
  stop() {
    this.closed = true;
    document.removeEventListener("fullscreenchange", this.onScreen);
    clearInterval(this.timer);
    clearInterval(this.checking);
    clearInterval(this.measuring);
    this.stopWatching();
    clearTimeout(this.retryTimer);
    this.release();
  }
}

/** Waits until a stream brings something, within bounds. */
function arrival(stream) {
  const [track] = stream.getVideoTracks();
  if (!track.muted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, SWAP_MS);
    track.addEventListener("unmute", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
