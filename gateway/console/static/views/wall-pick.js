// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The cameras beside a wall: by click, by keyboard (name, Enter) or dragged into a tile.

import { fill, h, icon, reconcile, say } from "../dom.js";
import { t, word } from "../i18n.js";

const MARKS = { live: "live", connecting: "wait", idle: "idle", stalled: "wait", unreachable: "fault", refused: "lock", unsupported: "fault" };

/** `place(camera)`: puts it on the wall; `whereIs(id)`: the tile that shows it; `onClose()`, `onToggle()`. */
export class Picker {
  constructor(actions) {
    Object.assign(this, actions, { cameras: [], dragged: "", isOpen: false });
    this.find = h("input", { type: "search", id: "wall-find", autocomplete: "off", oninput: () => this.draw() });
    this.target = h("p", { class: "muted wall-target", role: "status" });
    this.empty = h("p", { class: "muted", hidden: true });
    this.list = h("ul", { class: "picks" });
    const close = h("button", { type: "button", class: "ghost tile-tool", "aria-label": t("wall.cameras.close"), title: t("wall.cameras.close"), onclick: () => this.close() }, icon("cross"));
    this.element = h("section", { class: "wall-picker", id: "wall-picker", "aria-labelledby": "wall-picker-title", hidden: true },
      h("div", { class: "wall-picker-head" }, h("h2", { id: "wall-picker-title" }, t("wall.cameras")), close), this.target,
      h("div", { class: "find" }, h("label", { for: "wall-find" }, t("cameras.find")), this.find), this.empty, this.list);
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    this.list.addEventListener("dragstart", (event) => {
      this.dragged = event.target.closest("li")?.dataset.key ?? "";
      event.dataTransfer.setData("text/plain", event.target.closest("li")?.querySelector("strong").textContent ?? "");
      event.dataTransfer.effectAllowed = "copyMove";
    });
    this.list.addEventListener("dragend", () => { this.dragged = ""; });
  }

  /** Opens beside the wall, for a tile (`null`: every one is taken). */
  open(tile) {
    this.isOpen = true;
    this.element.hidden = false;
    this.aim(tile);
    this.draw();
    this.find.focus();
    this.find.select();
    this.onToggle();
  }

  close() {
    this.isOpen = false;
    this.element.hidden = true;
    this.onToggle();
    this.onClose();
  }

  /** Says for which tile a camera is picked. */
  aim(tile) {
    const words = tile ? t("wall.target", { n: tile.at + 1 }) : t("wall.full");
    if (this.target.textContent !== words) this.target.textContent = words;
  }

  show(cameras) {
    this.cameras = cameras;
    this.draw();
  }

  found() {
    const wanted = this.find.value.trim().toLocaleLowerCase();
    return this.cameras.filter((one) => [one.name, one.site_name, one.owner_name, one.address].join(" ").toLocaleLowerCase().includes(wanted));
  }

  draw() {
    if (!this.isOpen) return;
    const found = this.found();
    const note = this.cameras.length ? (found.length ? "" : t("cameras.none-found")) : t("cameras.none");
    this.empty.hidden = !note;
    if (this.empty.textContent !== note) this.empty.textContent = note;
    reconcile(this.list, found, (one) => one.id, (one) => this.build(one), (element, one) => this.update(element, one));
  }

  build(camera) {
    const button = h("button", { type: "button", class: "pick", draggable: "true" });
    button.addEventListener("click", () => this.choose(camera.id));
    const element = h("li", {}, button);
    this.update(element, camera);
    return element;
  }

  update(element, camera) {
    const tile = this.whereIs(camera.id);
    const state = word("stream", camera.state);
    const drawn = JSON.stringify([camera.name, camera.site_name, camera.state, camera.open_alarm, tile?.at]);
    if (element.dataset.drawn === drawn) return;
    element.dataset.drawn = drawn;
    fill(element.firstChild, icon(MARKS[camera.state] ?? "idle", `pick-${camera.state}`),
      h("span", { class: "pick-words" }, h("strong", {}, camera.name), h("small", {}, camera.state === "live" ? camera.site_name : `${camera.site_name} · ${state}`)),
      camera.open_alarm && h("span", { class: "pick-alarm" }, icon("bell"), h("span", { class: "unseen" }, t("cameras.alarm-now"))),
      tile && h("span", { class: "pick-at" }, h("span", { class: "unseen" }, t("wall.tile", { n: "" })), String(tile.at + 1)));
  }

  choose(id) {
    const camera = this.cameras.find((one) => one.id === id);
    if (camera) this.place(camera);
  }

  onKey(event) {
    const buttons = [...this.list.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && document.activeElement === this.find) this.chooseFirst();
    else if (event.key === "ArrowDown") buttons[Math.min(at + 1, buttons.length - 1)]?.focus();
    else if (event.key === "ArrowUp" && at >= 0) (buttons[at - 1] ?? this.find).focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Takes the first camera found that is not on the wall. */
  chooseFirst() {
    const first = this.found().find((one) => !this.whereIs(one.id));
    if (!first) {
      say(t("cameras.none-found"));
      return;
    }
    this.find.select();
    this.choose(first.id);
  }
}
