// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// What the bell does, in words, with the one button that fits; nobody has to guess why it is silent.

import { fill, h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { help, keyName } from "./keys.js";
import { minutes } from "./queue.js";
import { HOLD_UP_S, bell, quietMinutes } from "./sound.js";

const button = (mark, words, run, tone = "quiet") => h("button", { type: "button", class: tone, onclick: run }, icon(mark), h("span", {}, words));

/** Returns the button that silences what sounds now; a hold-up for a minute at most. */
export function quietButton(level) {
  const n = level === 5 ? HOLD_UP_S / 60 : quietMinutes();
  const key = keyName("S");
  return h("button", { type: "button", class: "quiet", "aria-keyshortcuts": key || null, onclick: () => bell.quiet() }, icon("mute"), h("span", {}, t("sound.silence", { n })), key && h("kbd", { "aria-hidden": "true" }, key));
}

/** The bar in the head of the desk. */
export class SoundBar {
  constructor() {
    this.rest = h("span", { class: "sound-rest" });
    this.place = h("div", { class: "sound-now" });
    this.element = h("div", { class: "sound-bar", role: "group", "aria-label": t("sound.title") }, this.place,
      h("button", { type: "button", class: "ghost", onclick: help, "aria-haspopup": "dialog" }, icon("keys"), h("span", {}, t("keys.title"))));
  }

  enter() {
    this.stop = bell.watch(() => this.draw());
    this.timer = setInterval(() => { bell.update(); this.tick(); }, 1000);
    this.draw();
  }

  leave() {
    this.stop();
    clearInterval(this.timer);
  }

  draw() {
    const { state, level } = bell.status();
    const had = this.place.contains(document.activeElement);
    this.element.dataset.state = state;
    fill(this.place, ...{
      off: () => [icon("mute"), h("span", {}, t("sound.off")), button("sound", t("sound.switch-on"), () => bell.want(true), "primary")],
      blocked: () => [icon("mute"), h("span", {}, t("sound.blocked")), button("sound", t("sound.unlock"), () => bell.want(true), "primary")],
      ready: () => [icon("sound"), h("span", {}, t("sound.ready"))],
      ringing: () => [icon("sound"), h("span", {}, t("sound.ringing", { severity: t(`severity.${level}`) })), quietButton(level)],
      silenced: () => [icon("mute"), h("span", {}, t("sound.silenced"), " ", this.rest), button("sound", t("sound.loud"), () => bell.loud())],
    }[state]());
    if (had) (this.place.querySelector("button") ?? this.element.querySelector("button")).focus();
    this.tick();
  }

  tick() {
    this.rest.textContent = minutes(bell.status().rest_s);
  }
}
