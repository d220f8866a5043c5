// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// One tile of a wall: a picture that never lies about whose it is, how old it is, or why it is dark.

import { fill, h, icon, say } from "../dom.js";
import { ALTERED, drawFigures, measure } from "../figures.js";
import { ago, clock, number, t, word } from "../i18n.js";
import { keyName } from "../keys.js";
import { MAY_RETRY, endSentence } from "../player.js";
import { isUnanswered } from "../queue.js";

const FROZEN_MS = 1500;
const SLOW_MS = 10_000;
const RETRIES = 4;
/** How long a tile says that it came back by itself. */
const BACK_MS = 60_000;
/** Refusals that other reasons may overcome. */
const ASK_AGAIN = /^(case|purpose|reason)-|^no-shift$/;
const WISHES = ["auto", "main", "sub"];
const MARKS = { live: "live", frozen: "wait", opening: "wait", waiting: "question", dark: "dark", empty: "plus" };

/** `wall` is the page: { link, reasonsOf(tile), pick(tile), clear(tile), enlarge(tile), keep(), ask(), check() }. */
export class Tile {
  constructor(at, wall, exercise) {
    Object.assign(this, { at, wall, camera: "", name: "", pin: "auto", large: false, closed: false, alarm: null, known: null });
    this.turn = 0;
    this.build(exercise);
    this.reset();
    this.show("empty");
  }

  build(exercise) {
    this.video = h("video", { class: "screen-video", autoplay: true, playsinline: true, tabindex: "-1", "aria-label": t("wall.empty") });
    this.video.muted = true;
    this.veil = h("div", { class: "veil" });
    this.number = h("span", { class: "tile-number", "aria-hidden": "true" });
    this.title = h("span", { class: "tile-name" });
    this.marks = h("span", { class: "tile-marks" });
    this.tools = h("span", { class: "tile-tools" });
    this.strip = h("p", { class: "tile-alarm", hidden: true });
    this.figures = h("dl", { class: "figures", hidden: true });
    this.box = h("div", { class: "tile-box", role: "group", tabindex: "-1", "aria-keyshortcuts": "Enter Delete Alt+ArrowLeft Alt+ArrowRight Alt+ArrowUp Alt+ArrowDown" },
      h("div", { class: "tile-head" }, this.number, this.title, this.strip, this.marks, this.tools),
      h("div", { class: "screen tile-screen" }, this.video, this.veil, exercise && h("span", { class: "stamp" }, t("app.exercise"))), this.figures);
    this.element = h("li", { class: "tile", data: { alarm: "" } }, this.box);
    this.element.tile = this;
  }

  reset() {
    Object.assign(this, { mid: "", look: "", stream: "", wished: "", flags: [], begun: 0, theirs: null, mine: {}, first: null, last: 0, age: 0, retries: 0, back: 0, decided: false, receiver: null });
  }

  /** Returns which stream this tile asks for: what is pinned, else the large one where it is enlarged. */
  wish() {
    return this.pin === "auto" && this.large ? "main" : this.pin;
  }

  /** Shows another camera, or none (`null`). */
  take(camera, pin = "auto") {
    this.drop();
    this.reset();
    this.camera = camera?.id ?? "";
    this.name = camera?.name ?? "";
    this.pin = pin;
    this.video.setAttribute("aria-label", this.camera ? t("player.of", { name: this.name }) : t("wall.empty"));
    if (this.camera) this.start();
    else this.show("empty");
  }

  /** Ends what is shown; what the tile is for stays. */
  drop() {
    this.turn += 1;
    clearTimeout(this.timer);
    if (this.mid) this.wall.link.clear(this.mid);
    this.mid = "";
    this.look = "";
    this.receiver = null;
    this.first = null;
    this.video.srcObject = null;
  }

  /** Asks the gateway for the picture. */
  async start() {
    this.drop();
    const turn = this.turn;
    this.decided = false;
    this.asked = performance.now();
    this.show("opening", t(this.retries ? "player.retry" : "player.opening"));
    const wish = this.wish();
    try {
      const reasons = await this.wall.reasonsOf(this);
      if (this.turn !== turn) return;
      if (!reasons) return this.wait();
      this.reasons = reasons;
      const shown = await this.wall.link.show(this.camera, wish, reasons);
      if (this.turn !== turn || this.closed) return this.wall.link.clear(shown.mid);
      this.begin(shown, wish);
    } catch (problem) {
      if (this.turn === turn && !this.closed) this.failed(problem);
    }
  }

  begin(shown, wish) {
    Object.assign(this, { mid: shown.mid, receiver: shown.receiver, wished: wish, mine: {} });
    this.asked = performance.now();
    this.begun = this.asked;
    this.learn(shown);
    this.video.srcObject = new MediaStream([shown.track]);
    this.video.play().catch(() => {});
    this.eachFrame(this.turn);
    this.follow();
  }

  eachFrame(turn) {
    this.video.requestVideoFrameCallback((now, frame) => {
      if (this.turn !== turn) return;
      this.last = now;
      const age = now - (frame.captureTime ?? frame.receiveTime ?? now);
      this.age = age >= 0 && age < 60_000 ? age : 0;
      if (this.first === null) {
        this.first = now;
        this.retries = 0;
        this.show("live");
      } else if (this.state === "frozen") this.show("live");
      this.eachFrame(turn);
    });
  }

  /** Has the gateway send the stream that fits now; the picture goes on meanwhile. */
  async follow() {
    const wish = this.wish();
    if (!this.mid || this.wished === wish) return;
    const { turn, mid } = this;
    this.wished = wish;
    try {
      const tile = await this.wall.link.put(mid, this.camera, wish, this.reasons);
      if (this.turn === turn) this.learn(tile);
    } catch (problem) {
      if (this.turn === turn) say(`${this.name}. ${problem.message}`);
    }
  }

  /** Takes what the gateway said of this tile at `when`. */
  learn(tile, when = performance.now()) {
    if (when < this.begun) return;
    if (tile.state !== "live") this.ended(tile.reason);
    else if (tile.camera === this.camera) {
      Object.assign(this, { look: tile.look, stream: tile.stream, flags: tile.flags ?? [], theirs: tile.figures });
      this.drawMarks();
    }
  }

  /** Waits for somebody to say why. */
  wait(words = t("wall.waiting")) {
    this.decided = true;
    this.show("waiting", words, t("wall.waiting.do"));
  }

  ended(reason) {
    if (!this.mid) return;
    this.wall.link.release(this.mid);
    this.mid = "";
    this.drop();
    if (MAY_RETRY.has(reason) && this.retries < RETRIES) this.again();
    else this.darken(endSentence(reason));
  }

  failed(problem) {
    const lost = problem.status === 404 && problem.code === "not-found";
    if (lost) this.wall.check();
    if (problem.status === 0 || ((lost || problem.status === 503) && this.retries < RETRIES)) this.again();
    else if (ASK_AGAIN.test(problem.code)) this.wait(problem.message);
    else this.darken(problem.message);
  }

  again() {
    this.retries += 1;
    this.show("opening", t("player.retry"));
    this.timer = setTimeout(() => this.start(), 500 * 2 ** Math.min(this.retries - 1, RETRIES));
  }

  darken(sentence) {
    this.drop();
    this.decided = true;
    this.show("dark", h("p", {}, h("strong", {}, `${t("player.dark")}: `), sentence), t("player.again"));
    say(`${this.name}. ${t("player.dark")}: ${sentence}`);
  }

  /** The connection is gone: what stands still says so, at once. */
  cut() {
    if (this.state === "live" || this.state === "frozen") this.show("frozen", t("wall.cut"));
    this.isCut = true;
  }

  /** The connection is there again. */
  returned(anew) {
    this.isCut = false;
    if (!this.camera || this.decided) return;
    this.back = Date.now();
    this.retries = 0;
    if (anew) {
      this.mid = "";
      this.start();
    }
  }

  /** Shows a state; `words` cover the picture, `action` is the button that helps. */
  show(state, words = "", action = "") {
    this.state = state;
    this.element.dataset.state = state;
    if (state === "empty") {
      fill(this.veil, h("button", { type: "button", class: "quiet tile-pick", tabindex: "-1", onclick: () => this.wall.pick(this) }, icon("plus"), h("span", {}, t("wall.pick"))));
    } else {
      const button = action && h("button", { type: "button", class: "quiet", onclick: () => this.retry() }, action);
      fill(this.veil, words && [icon(MARKS[state]), typeof words === "string" ? h("p", {}, words) : words, button]);
    }
    this.veil.hidden = state === "live";
    this.drawHead();
  }

  /** Asks once more, as somebody wishes. */
  retry() {
    this.retries = 0;
    if (this.state === "waiting") this.wall.ask();
    else this.start();
    this.box.focus();
  }

  drawHead() {
    this.number.textContent = String(this.at + 1);
    const name = this.name || t("wall.empty");
    if (this.title.textContent !== name) this.title.textContent = name;
    this.title.title = this.name;
    this.drawTools();
    this.drawMarks();
    this.label();
  }

  label() {
    const alarm = this.alarm ? `${this.alarmWords()}. ` : "";
    const state = this.camera ? `, ${t(`wall.state.${this.state}`)}` : "";
    const label = `${alarm}${t("wall.tile", { n: this.at + 1 })}: ${this.name || t("wall.empty")}${state}`;
    if (this.box.getAttribute("aria-label") !== label) this.box.setAttribute("aria-label", label);
  }

  drawTools() {
    const drawn = `${this.camera} ${this.name} ${this.large} ${this.pin} ${this.at}`;
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    const at = [...this.tools.querySelectorAll("button, select")].indexOf(document.activeElement);
    this.tools.hidden = !this.camera;
    const { name } = this;
    const tool = (mark, words, run, pressed = null) => h("button", { type: "button", class: "ghost tile-tool", title: words, "aria-label": `${words}: ${name}`, "aria-pressed": pressed, onclick: run }, icon(mark));
    fill(this.tools, this.camera && [
      h("select", { class: "tile-stream", "aria-label": t("wall.stream.of", { name }), title: t("wall.stream"), onchange: (event) => this.setPin(event.target.value) },
        WISHES.map((wish) => h("option", { value: wish, selected: wish === this.pin }, t(`wall.stream.${wish}`)))),
      tool("camera", t("wall.change"), () => this.wall.pick(this)),
      tool("wide", t(this.large ? "wall.small" : "wall.large"), () => this.wall.enlarge(this), String(this.large)),
      tool("cross", t("wall.clear"), () => this.wall.clear(this)),
    ]);
    if (at >= 0) (this.tools.querySelectorAll("button, select")[at] ?? this.box).focus();
  }

  setPin(pin) {
    this.pin = pin;
    this.follow();
    this.wall.keep();
  }

  drawMarks() {
    if (!this.camera || this.state !== "live") {
      this.marks.dataset.drawn = "";
      return fill(this.marks);
    }
    const back = this.back && Date.now() - this.back < BACK_MS;
    const noted = this.flags.filter((flag) => flag !== "unconfirmed" && !ALTERED.includes(flag));
    const altered = this.flags.filter((flag) => ALTERED.includes(flag));
    const chips = [
      back && ["wait", "warn", t("wall.back", { time: clock(new Date(this.back).toISOString()) })],
      ...noted.map((flag) => ["fault", "warn", t(`flag.${flag}`)]),
      ...altered.map((flag) => ["shield", "", t(`figures.${flag}`)]),
      ["live", "ok", this.stream === "main" ? t("wall.live.main") : t("wall.live")],
    ].filter(Boolean);
    const drawn = JSON.stringify(chips);
    if (this.marks.dataset.drawn === drawn) return undefined;
    this.marks.dataset.drawn = drawn;
    return fill(this.marks, chips.map(([mark, tone, words]) => h("span", { class: `tile-mark ${tone && `tone-${tone}`}` }, icon(mark), h("span", {}, words))));
  }

  /** Frames the tile while its camera has an open alarm (`null`: none). */
  frame(alarm) {
    const key = alarm ? `${alarm.id} ${alarm.taken} ${keyName("O")}` : "";
    if (this.alarmKey === key) return;
    this.alarmKey = key;
    this.alarm = alarm;
    this.element.dataset.alarm = alarm ? (isUnanswered(alarm) ? "new" : "taken") : "";
    this.strip.hidden = !alarm;
    fill(this.strip, alarm && [icon("bell"), h("strong", {}, this.alarmWords()), h("span", { class: "tile-since", data: { raised: alarm.raised } }, ago(alarm.raised)),
      h("a", { class: "tile-open", href: `#/allarmi/${alarm.id}`, "aria-label": t("wall.alarm.open.of", { name: this.name }) }, t("alarms.open"), keyName("O") && h("kbd", { "aria-hidden": "true" }, keyName("O")))]);
    this.label();
  }

  alarmWords() {
    return t(isUnanswered(this.alarm) ? "wall.alarm" : "wall.alarm.taken", { rule: word("rule", this.alarm.rule) });
  }

  /** Twice a second: what stands still is not live. */
  tick() {
    if (this.alarm) {
      const since = this.strip.querySelector(".tile-since");
      const words = ago(this.alarm.raised);
      if (since.textContent !== words) since.textContent = words;
    }
    if (this.state === "live" || this.state === "frozen") this.checkAge();
    else if (this.state === "opening" && this.mid && performance.now() - this.asked > SLOW_MS) this.slow();
  }

  checkAge() {
    const still = performance.now() - this.last;
    if (still < FROZEN_MS || this.first === null) return;
    if (this.state === "live") this.wall.check();
    this.show("frozen", this.isCut ? t("wall.cut") : t("player.frozen", { n: number(still / 1000, 0) }));
  }

  slow() {
    this.asked = performance.now();
    this.show("opening", t("wall.slow"));
    this.wall.check();
  }

  /** Measures and draws the figures, where they are wished. */
  async measure(wanted) {
    this.figures.hidden = !wanted || !this.mid || this.state !== "live";
    if (this.figures.hidden) return;
    const { turn, receiver } = this;
    const mine = await measure(receiver, this.mine.raw);
    if (this.turn !== turn) return;
    this.mine = mine;
    drawFigures(this.figures, this, true);
  }

  /** Ends the tile for good. */
  stop() {
    this.closed = true;
    this.drop();
  }
}
