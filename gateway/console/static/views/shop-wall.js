// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The other cameras of a shop under a hold-up: each live, with the seconds before beside it.

import { query, request } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { Player } from "../player.js";
import { state } from "../state.js";

/** Live at once; the others show their first picture and a button, so that a thin line holds. */
const LIVE = 8;

/** A small wall below an alarm that opens more than its own camera. */
export class ShopWall {
  /** `head`: the level of its title; the tiles' are one below. */
  constructor(alarm, head = "h2") {
    this.alarm = alarm;
    this.reasons = { purpose: "allarme", case: alarm.id };
    this.exercise = alarm.exercise || state.box.exercise;
    this.gone = new AbortController();
    this.urls = [];
    this.tiles = alarm.also.map((camera, at) => this.build(camera, at < LIVE, `h${Number(head[1]) + 1}`));
    this.element = h("section", { class: "shop-wall", "aria-labelledby": "shop-wall-title" },
      h(head, { id: "shop-wall-title" }, t("holdup.wall", { n: alarm.also.length })),
      h("ul", { class: "shop-tiles" }, this.tiles.map((tile) => tile.element)));
  }

  build(camera, live, head) {
    const now = h("div", { class: "pane-body" });
    const before = h("div", { class: "pane-body" });
    const element = h("li", { class: "shop-tile" }, h(head, {}, camera.name), h("div", { class: "shop-pair" },
      h("div", { class: "shop-part" }, h("p", { class: "muted" }, t("holdup.before")), before),
      h("div", { class: "shop-part" }, h("p", { class: "muted" }, t("alarm.now")), now)));
    return { camera, now, before, element, live, player: null };
  }

  /** Opens what may be opened: pictures that move first, then those of the seconds before, one by one. */
  async enter() {
    for (const tile of this.tiles) {
      if (tile.live) this.open(tile);
      else this.offer(tile);
      this.veil(tile.before, "wait", t("alarm.loading-before"));
    }
    for (const tile of this.tiles) {
      if (this.gone.signal.aborted) return;
      await this.loadBefore(tile);
    }
  }

  /** Ends every picture and forgets it. */
  leave() {
    this.gone.abort();
    for (const tile of this.tiles) {
      tile.player?.stop();
      tile.player = null;
      tile.now.replaceChildren();
      tile.before.replaceChildren();
    }
    for (const url of this.urls.splice(0)) URL.revokeObjectURL(url);
    this.element.hidden = true;
  }

  open(tile) {
    const { camera } = tile;
    tile.player = new Player({ camera: camera.id, name: camera.name, reasons: this.reasons, exercise: this.exercise, rendition: "sub" });
    fill(tile.now, tile.player.element);
    tile.player.start();
  }

  offer(tile) {
    const button = h("button", { type: "button", class: "primary", "aria-label": t("holdup.open.of", { name: tile.camera.name }), onclick: () => this.open(tile) }, icon("live"), t("holdup.open"));
    fill(tile.now, h("div", { class: "screen" }, h("div", { class: "veil" }, button)));
  }

  veil(place, mark, sentence) {
    fill(place, h("div", { class: "screen" }, h("div", { class: "veil" }, icon(mark), h("p", {}, sentence))));
  }

  async loadBefore(tile) {
    const { name } = tile.camera;
    try {
      const src = await this.fetchPicture(tile, "before.mp4");
      const video = h("video", { class: "screen-video", controls: true, autoplay: true, playsinline: true, loop: true, "aria-label": t("holdup.before.of", { name }), src });
      video.muted = true;
      this.show(tile, video);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (problem.code === "no-clip") await this.loadStill(tile);
      else this.veil(tile.before, "dark", problem.message);
    }
  }

  async loadStill(tile) {
    try {
      const src = await this.fetchPicture(tile, "still.jpg");
      this.show(tile, h("img", { class: "screen-video", alt: t("holdup.still.of", { name: tile.camera.name }), src }));
    } catch (problem) {
      if (problem.name !== "AbortError") this.veil(tile.before, "dark", problem.code === "no-still" ? t("alarm.nothing-before") : problem.message);
    }
  }

  show(tile, element) {
    fill(tile.before, h("div", { class: "screen" }, element, this.exercise && h("span", { class: "stamp" }, t("app.exercise"))));
  }

  async fetchPicture(tile, what) {
    const wish = query({ ...this.reasons, camera: tile.camera.id });
    const response = await request(`/api/alarms/${encodeURIComponent(this.alarm.id)}/${what}?${wish}`, { signal: this.gone.signal });
    const blob = await response.blob();
    if (this.gone.signal.aborted) throw new DOMException("closed", "AbortError");
    const url = URL.createObjectURL(blob);
    this.urls.push(url);
    return url;
  }
}
