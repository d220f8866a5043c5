// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The wall: up to sixteen live pictures in one connection, each under an authorisation of its own.

import { get, post } from "../api.js";
import { fill, h, icon, say } from "../dom.js";
import { clock, t } from "../i18n.js";
import { help, keyName, onKey } from "../keys.js";
import { compare, isAudible, isOpen } from "../queue.js";
import { drawOrder } from "../shift.js";
import { alarmsNewestFirst, state, watch } from "../state.js";
import { MOST, WallLink } from "../wall-link.js";
import { reasonsFor } from "../why.js";
import { Picker } from "./wall-pick.js";
import { Tile } from "./wall-tile.js";

const SIZES = [1, 4, 9, 16];
const TICK_MS = 500;
const ASK_MS = 2000;
const MEASURE_MS = 1000;
const LIST_MS = 10_000;
const TILE = "application/x-varco-tile";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Shows the page. */
export function wall(container) {
  const view = new WallView(container);
  view.enter();
  return { title: t("wall.title"), leave: () => view.leave() };
}

/** What a person's wall looked like last, in this browser. */
const keyOf = () => `varco.wall.${state.user.id}`;

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(keyOf()) ?? "{}");
    return { size: SIZES.includes(found.size) ? found.size : 4, tiles: Array.isArray(found.tiles) ? found.tiles.slice(0, MOST) : [], figures: Boolean(found.figures) };
  } catch {
    return { size: 4, tiles: [], figures: false };
  }
}

class WallView {
  constructor(container) {
    const before = kept();
    Object.assign(this, { size: before.size, wanted: before.tiles, figured: before.figures, at: 0, large: null, given: null, declined: false, asking: null });
    this.cameras = new Map();
    this.confirms = new Map();
    this.link = new WallLink({
      onCut: () => this.each((tile) => tile.cut()),
      onBack: ({ anew }) => this.back(anew),
      onGone: (problem) => this.each((tile) => tile.mid && tile.darken(problem.message)),
    });
    this.tiles = Array.from({ length: MOST }, (_, at) => new Tile(at, this, state.box.exercise));
    this.picker = new Picker({ place: (camera) => this.place(camera, this.target), whereIs: (id) => this.whereIs(id), onClose: () => this.current().box.focus(), onToggle: () => this.drawBar() });
    this.count = h("p", { class: "muted wall-count" });
    this.orderLine = h("div", { class: "shift", hidden: true });
    this.strip = h("div", { class: "wall-strip", role: "status", hidden: true });
    this.bar = h("div", { class: "wall-bar" });
    this.grid = h("ul", { class: "tiles", "aria-label": t("wall.title") });
    this.element = h("div", { class: "wall", data: { size: this.size } },
      h("div", { class: "wall-head" }, h("div", { class: "wall-title" }, h("h1", { tabindex: "-1" }, t("wall.title")), this.count), this.orderLine, this.bar),
      this.strip, h("div", { class: "wall-body" }, this.grid, this.picker.element));
    container.append(this.element);
    this.listen();
  }

  listen() {
    this.grid.addEventListener("keydown", (event) => this.onKey(event));
    this.grid.addEventListener("focusin", (event) => this.focused(event.target.closest(".tile")?.tile));
    this.grid.addEventListener("dblclick", (event) => { const { tile } = event.target.closest(".tile") ?? {}; if (tile?.camera && !event.target.closest("button, select, a")) this.enlarge(tile); });
    for (const name of ["dragstart", "dragover", "dragleave", "drop", "dragend"]) this.grid.addEventListener(name, (event) => this.onDrag(event));
    this.onScreen = () => this.drawBar();
    this.onHide = () => this.link.close();
    document.addEventListener("fullscreenchange", this.onScreen);
    window.addEventListener("pagehide", this.onHide);
    this.keys = [onKey("o", () => this.openAlarm()), onKey("t", () => this.toggleFigures())];
  }

  async enter() {
    this.stopWatching = watch((what, detail) => {
      if (what === "alarms") this.drawAlarms();
      if (what === "shift") drawOrder(this.orderLine);
      if (what === "confirm") this.wantsAnswer(detail);
    });
    this.timers = [
      setInterval(() => { for (const tile of this.shown()) tile.tick(); this.drawCount(); }, TICK_MS),
      setInterval(() => this.check(), ASK_MS),
      setInterval(() => this.measure(), MEASURE_MS),
      setInterval(() => { if (!document.hidden) this.list(); }, LIST_MS),
    ];
    drawOrder(this.orderLine);
    this.draw();
    await this.list();
    this.remember();
    if (!this.left && !this.tiles.some((tile) => tile.camera)) this.picker.open(this.target);
  }

  leave() {
    this.left = true;
    for (const timer of this.timers) clearInterval(timer);
    for (const stop of this.keys) stop();
    this.stopWatching();
    document.removeEventListener("fullscreenchange", this.onScreen);
    window.removeEventListener("pagehide", this.onHide);
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    this.each((tile) => { tile.mid = ""; tile.stop(); });
    this.link.close();
  }

  each(run) {
    for (const tile of this.tiles) run(tile);
  }

  shown() {
    return this.tiles.slice(0, this.size);
  }

  current() {
    return this.tiles[Math.min(this.at, this.size - 1)];
  }

  async list() {
    const found = await get("/api/cameras").catch(() => null);
    if (!found || this.left) return;
    this.cameras = new Map(found.filter((one) => one.viewable).map((one) => [one.id, one]));
    this.picker.show([...this.cameras.values()]);
  }

  /** Opens what this person's wall showed last; a camera that is not known any more leaves its tile empty. */
  remember() {
    if (this.left || !this.wanted) return;
    const { wanted } = this;
    this.wanted = null;
    wanted.forEach((one, at) => {
      const camera = this.cameras.get(one?.camera);
      const tile = this.tiles[at];
      if (!camera || tile.camera) return;
      if (at < this.size) tile.take(camera, one.stream);
      else Object.assign(tile, { camera: camera.id, name: camera.name, pin: one.stream });
    });
    this.target = this.tiles.find((tile) => !tile.camera);
    this.draw();
  }

  keep() {
    if (this.wanted) return;
    const tiles = this.tiles.map(({ camera, pin }) => (camera ? { camera, stream: pin } : null));
    localStorage.setItem(keyOf(), JSON.stringify({ size: this.size, tiles, figures: this.figured }));
  }

  // what is drawn

  draw() {
    this.element.dataset.size = this.size;
    this.element.dataset.large = String(Boolean(this.large));
    this.tiles.forEach((tile, at) => {
      tile.at = at;
      tile.element.dataset.large = String(tile === this.large);
      tile.box.draggable = Boolean(tile.camera);
      tile.box.tabIndex = tile === this.current() ? 0 : -1;
      if (at >= this.size) tile.element.remove();
      else if (this.grid.children[at] !== tile.element) {
        this.grid.insertBefore(tile.element, this.grid.children[at] ?? null);
        if (tile.video.srcObject) tile.video.play().catch(() => {});
      }
      tile.drawHead();
    });
    this.drawBar();
    this.drawAlarms();
    this.drawCount();
    this.picker.draw();
  }

  drawBar() {
    const full = document.fullscreenElement === document.documentElement;
    const drawn = JSON.stringify([this.size, this.figured, this.picker.isOpen, full, keyName("T")]);
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    const at = [...this.bar.querySelectorAll("button")].indexOf(document.activeElement);
    const toggle = (mark, words, pressed, run, more = {}) => h("button", { type: "button", class: "quiet", "aria-pressed": String(pressed), onclick: run, ...more }, icon(mark), h("span", {}, words));
    fill(this.bar,
      h("div", { class: "wall-sizes", role: "group", "aria-label": t("wall.size") }, SIZES.map((size) =>
        h("button", { type: "button", class: "quiet", "aria-pressed": String(size === this.size), "aria-label": t(size === 1 ? "wall.size.one" : "wall.size.n", { n: size }), onclick: () => this.resize(size) }, String(size)))),
      toggle("camera", t("wall.cameras"), this.picker.isOpen, () => (this.picker.isOpen ? this.picker.close() : this.picker.open(this.target)), { "aria-controls": "wall-picker" }),
      toggle("gauge", t("figures.title"), this.figured, () => this.toggleFigures()),
      toggle("wide", t("player.wide"), full, () => this.fullscreen()),
      h("button", { type: "button", class: "ghost", onclick: () => help() }, icon("keys"), h("span", {}, t("wall.keys"))));
    if (at >= 0) this.bar.querySelectorAll("button")[at].focus();
  }

  drawCount() {
    const shown = this.shown().filter((tile) => tile.camera);
    const live = shown.filter((tile) => tile.state === "live").length;
    const dark = shown.filter((tile) => tile.state === "dark").length;
    const words = !shown.length ? t("wall.none") : [t("wall.count", { live, n: shown.length }), dark && t(dark === 1 ? "wall.dark.one" : "wall.dark", { n: dark })].filter(Boolean).join(", ");
    if (this.count.textContent !== words) this.count.textContent = words;
  }

  /** Frames the tiles whose camera has an open alarm: the gravest one. */
  drawAlarms() {
    const open = alarmsNewestFirst().filter((alarm) => isOpen(alarm) && isAudible(alarm, state.user)).sort(compare);
    this.each((tile) => tile.frame(open.find((alarm) => tile.camera && (alarm.camera === tile.camera || (alarm.also ?? []).some(({ id }) => id === tile.camera))) ?? null));
    this.alarms = open;
  }

  /** Opens the alarm of the tile in which somebody is, else the gravest on the wall. */
  openAlarm() {
    const framed = this.shown().filter((tile) => tile.alarm);
    const tile = this.current().alarm ? this.current() : framed.sort((a, b) => compare(a.alarm, b.alarm))[0];
    if (!tile) {
      say(t("wall.alarm.none"));
      return;
    }
    location.hash = `#/allarmi/${tile.alarm.id}`;
  }

  // what people do

  focused(tile) {
    if (!tile || tile === this.current()) return this.aim(tile);
    this.current().box.tabIndex = -1;
    this.at = tile.at;
    tile.box.tabIndex = 0;
    return this.aim(tile);
  }

  aim(tile) {
    if (!tile || this.target === tile) return;
    this.target = tile;
    this.picker.aim(tile);
  }

  onKey(event) {
    const tile = event.target.closest(".tile")?.tile;
    if (!tile || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape" && this.large) this.enlarge(this.large);
    else if (event.target !== tile.box) return;
    else if (ARROWS[event.key]) this.arrow(tile, ARROWS[event.key], event.altKey || event.shiftKey);
    else if (event.key === "Home" || event.key === "End") this.goTo(event.key === "Home" ? 0 : this.size - 1);
    else if (event.key === "Enter" || event.key === " ") this.act(tile);
    else if (event.key === "Delete" || event.key === "Backspace") this.clear(tile);
    else return;
    event.preventDefault();
  }

  act(tile) {
    if (!tile.camera) this.pick(tile);
    else if (["dark", "waiting"].includes(tile.state)) tile.retry();
    else this.enlarge(tile);
  }

  arrow(tile, [dx, dy], isMove) {
    const columns = this.large ? 1 : Math.sqrt(this.size);
    const x = (tile.at % columns) + dx;
    const to = tile.at + dx + dy * columns;
    if ((!this.large && (x < 0 || x >= columns)) || to < 0 || to >= this.size) return;
    if (isMove) this.swap(tile, this.tiles[to]);
    else this.goTo(to);
  }

  goTo(at) {
    this.tiles[at].box.focus();
  }

  pick(tile) {
    this.focused(tile);
    this.picker.open(tile);
  }

  clear(tile) {
    if (!tile.camera) return;
    if (this.large === tile) this.enlarge(tile);
    say(t("wall.cleared", { n: tile.at + 1 }));
    tile.take(null);
    this.keep();
    this.draw();
    tile.box.focus();
  }

  /** Puts a camera into a tile; one that is on the wall already stays where it is. */
  place(camera, tile) {
    const there = this.shown().find((one) => one.camera === camera.id);
    if (there) {
      say(t("wall.there", { name: camera.name, n: there.at + 1 }));
      there.box.focus();
      return;
    }
    if (!tile) {
      say(t("wall.full"));
      return;
    }
    for (const one of this.tiles.slice(this.size)) if (one.camera === camera.id) one.take(null);
    tile.take(camera);
    say(t("wall.placed", { name: camera.name, n: tile.at + 1 }));
    this.target = this.shown().find((one) => !one.camera) ?? null;
    this.keep();
    this.draw();
    this.picker.aim(this.target);
  }

  whereIs(id) {
    return this.shown().find((tile) => tile.camera === id) ?? null;
  }

  swap(one, other) {
    if (one === other) return;
    const [a, b] = [one.at, other.at];
    this.tiles[a] = other;
    this.tiles[b] = one;
    this.at = b;
    this.draw();
    this.keep();
    one.box.focus();
    say(t("wall.moved", { name: one.name || t("wall.empty"), n: b + 1 }));
  }

  /** Makes a tile large, or all alike again. */
  enlarge(tile) {
    const before = this.large;
    this.large = before === tile ? null : tile;
    for (const one of [before, this.large]) if (one) {
      one.large = one === this.large;
      one.follow();
    }
    this.draw();
    tile.box.focus();
    say(t(this.large ? "wall.enlarged" : "wall.even", { name: tile.name }));
  }

  resize(size) {
    if (size === this.size) return;
    this.size = size;
    if (this.large) this.large.large = false;
    this.large = null;
    this.at = Math.min(this.at, size - 1);
    for (const tile of this.tiles.slice(size)) tile.drop();
    for (const tile of this.shown()) if (tile.camera) {
      if (!tile.mid && !["opening", "dark", "waiting"].includes(tile.state)) tile.take({ id: tile.camera, name: tile.name }, tile.pin);
      else tile.follow();
    }
    for (const tile of this.tiles.slice(size)) tile.show("empty");
    this.target = this.shown().find((tile) => !tile.camera) ?? null;
    this.picker.aim(this.target);
    this.keep();
    this.draw();
    say(t(size === 1 ? "wall.size.one" : "wall.size.n", { n: size }));
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.().catch(() => {});
  }

  toggleFigures() {
    this.figured = !this.figured;
    this.keep();
    this.drawBar();
    this.measure();
  }

  measure() {
    for (const tile of this.shown()) tile.measure(this.figured);
  }

  onDrag(event) {
    const { tile } = event.target.closest?.(".tile") ?? {};
    const isOurs = this.picker.dragged || this.dragged;
    if (event.type === "dragstart" && tile && event.target === tile.box) {
      this.dragged = tile;
      event.dataTransfer.setData(TILE, String(tile.at));
      event.dataTransfer.effectAllowed = "move";
    } else if (event.type === "dragend") this.dragged = null;
    else if (event.type === "dragover" && tile && isOurs) event.preventDefault();
    else if (event.type === "drop" && tile && isOurs) this.drop(event, tile);
    for (const one of this.shown()) one.element.classList.toggle("tile-over", event.type === "dragover" && one === tile && Boolean(isOurs));
  }

  drop(event, tile) {
    event.preventDefault();
    const camera = this.cameras.get(this.picker.dragged);
    if (camera) this.place(camera, tile);
    else if (this.dragged) this.swap(this.dragged, tile);
    this.dragged = null;
    this.picker.dragged = "";
  }

  // why somebody looks: asked once for the whole wall

  /** Returns the reasons of a tile's look, or null as long as nobody gives any. */
  async reasonsOf(tile) {
    const camera = this.cameras.get(tile.camera);
    const alarm = camera?.disclosure === "su-allarme" && (tile.alarm?.id ?? camera.open_alarm);
    if (alarm) return { purpose: "allarme", case: alarm };
    if (this.given) return this.given;
    if (this.declined) return null;
    this.asking ??= reasonsFor(t("wall.title")).finally(() => { this.asking = null; });
    const reasons = await this.asking;
    if (!reasons) this.declined = true;
    return reasons;
  }

  /** Asks for reasons once more, and opens with them what waits. */
  async ask() {
    if (this.asking) return;
    this.asking = reasonsFor(t("wall.title"), { ask: true }).finally(() => { this.asking = null; });
    this.given = await this.asking;
    this.declined = !this.given;
    if (this.given) for (const tile of this.shown()) if (tile.state === "waiting") tile.start();
  }

  // what the gateway says

  async check() {
    if (document.hidden && !this.link.mending) return;
    const when = performance.now();
    const found = await this.link.ask();
    if (!found || this.left) return;
    for (const tile of this.tiles) if (tile.mid && found.has(tile.mid)) tile.learn(found.get(tile.mid), when);
    this.drawConfirm();
  }

  back(anew) {
    this.each((tile) => tile.returned(anew));
    say(t("wall.back.all"));
  }

  /** Somebody has to say that looks are still wanted: once for the wall. */
  wantsAnswer({ session, by_s: seconds }) {
    const tile = this.tiles.find((one) => one.look === session);
    if (!tile) return;
    this.confirms.set(session, Date.now() + (seconds || 0) * 1000);
    this.drawConfirm();
    say(t("wall.confirm"));
  }

  drawConfirm() {
    const looks = new Set(this.tiles.map((tile) => tile.look));
    for (const look of this.confirms.keys()) if (!looks.has(look)) this.confirms.delete(look);
    for (const tile of this.tiles) if (tile.look && tile.flags.includes("unconfirmed") && !this.confirms.has(tile.look)) this.confirms.set(tile.look, 0);
    const by = Math.min(...[...this.confirms.values()].filter(Boolean));
    const words = !this.confirms.size ? "" : Number.isFinite(by) ? t("confirm.ask.by", { time: clock(new Date(by).toISOString()).slice(0, 5) }) : t("confirm.ask");
    if (this.strip.dataset.words === words) return;
    this.strip.dataset.words = words;
    this.strip.hidden = !words;
    fill(this.strip, words && [icon("question"), h("span", {}, words), h("button", { type: "button", class: "primary", onclick: () => this.confirm() }, t("confirm.yes"))]);
  }

  async confirm() {
    for (const look of [...this.confirms.keys()]) {
      try {
        await post(`/api/looks/${encodeURIComponent(look)}/confirm`);
        this.confirms.delete(look);
        for (const tile of this.tiles) if (tile.look === look) tile.flags = tile.flags.filter((flag) => flag !== "unconfirmed");
      } catch (problem) {
        say(problem.message, { urgent: true });
      }
    }
    if (!this.confirms.size) say(t("confirm.done"));
    this.drawConfirm();
  }
}
