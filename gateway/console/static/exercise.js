// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Training: scenes with a button, accounts with one click. The gateway offers them only if simulated.

import { get, post } from "./api.js";
import { ask } from "./dialog.js";
import { h, icon, say } from "./dom.js";
import { t } from "./i18n.js";
import { state } from "./state.js";

/** Returns what the exercise offers, or nothing. */
async function offered() {
  if (!state.box.scenes) return { scenes: [], accounts: [] };
  return get("/api/exercise").catch(() => ({ scenes: [], accounts: [] }));
}

/** How often the scenes that take their time are asked for. */
const EVERY_MS = 1000;

/** Adds the buttons of the scenes to the banner. */
export async function addScenes(banner) {
  const { scenes } = await offered();
  if (!scenes.length || !banner.isConnected) return;
  const shown = new Map(scenes.map((scene) => [scene.id, new SceneButton(scene, () => follow(banner, shown))]));
  banner.append(h("span", { class: "scenes", role: "group", "aria-label": t("exercise.scenes") }, [...shown.values()].map((one) => one.parts)));
  if (scenes.some((scene) => scene.running)) follow(banner, shown);
}

/** One scene: its button, and how far it is where it counts. */
class SceneButton {
  constructor(scene, onPlayed) {
    this.onPlayed = onPlayed;
    this.busy = false;
    this.button = h("button", { type: "button", class: "scene", title: scene.text, onclick: () => this.play() }, scene.title);
    this.bar = h("progress", { "aria-label": scene.title });
    this.words = h("span", {});
    this.state = h("span", { class: "scene-state", hidden: true }, this.bar, this.words);
    this.parts = [this.button, this.state];
    this.update(scene);
  }

  update(scene) {
    const ended = this.scene?.running && !scene.running;
    this.scene = scene;
    this.button.disabled = this.busy || scene.running || !scene.enabled;
    this.state.hidden = !scene.whole;
    this.bar.hidden = !scene.running;
    this.bar.max = scene.whole || 1;
    this.bar.value = scene.done;
    this.words.textContent = scene.running ? t("exercise.progress", { done: scene.done, whole: scene.whole }) : scene.state;
    if (ended) say(`${scene.title}. ${scene.state}`);
  }

  async play() {
    this.busy = true;
    this.update(this.scene);
    say(t("exercise.started", { title: this.scene.title }));
    try {
      const told = await post(`/api/exercise/scenes/${encodeURIComponent(this.scene.id)}`);
      if (told?.text) tell(this.scene, told);
    } catch (problem) {
      say(problem.message, { urgent: true });
    }
    this.busy = false;
    this.update(this.scene);
    this.onPlayed();
  }
}

/** Asks how the scenes stand as long as one goes on and the banner is there; once at a time. */
async function follow(banner, shown) {
  if (banner.dataset.followed) return;
  banner.dataset.followed = "true";
  for (let goes = true; goes && banner.isConnected;) {
    const { scenes } = await offered();
    for (const scene of scenes) shown.get(scene.id)?.update(scene);
    if (scenes.length) goes = scenes.some((scene) => scene.running);
    if (goes) await new Promise((done) => { setTimeout(done, EVERY_MS); });
  }
  delete banner.dataset.followed;
}

/** Says what a scene showed: a verdict, the first bad entry, the program's own words. */
const tell = (scene, { text, details, entry, finds }) => ask({
  title: scene.title, cancel: t("exercise.close"),
  body: [
    h("p", { class: "stamp stamp-inline" }, t("app.exercise")), h("p", {}, text),
    entry >= 0 && h("p", { class: "outcome outcome-bad" }, icon("fault"), `${t("exercise.first-bad")}: ${entry}`),
    finds >= 0 && h("p", { class: finds ? "outcome outcome-bad" : "outcome outcome-ok" }, icon(finds ? "fault" : "check"), `${t("exercise.finds")}: ${finds}`),
    details && h("pre", { tabindex: "0", "aria-label": t(finds >= 0 ? "exercise.places" : "exercise.words") }, details),
  ],
});

/** Adds the accounts that open with one click; `onSession` gets the session. */
export async function addAccounts(container, onSession) {
  const { accounts } = await offered();
  if (!accounts.length || !container.isConnected) return;
  const problem = h("p", { class: "field-problem", role: "alert" });
  const enter = async (account) => {
    try {
      onSession(await post(`/api/exercise/sessions/${encodeURIComponent(account.id)}`));
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  container.prepend(h("section", { class: "accounts" }, h("h2", {}, t("exercise.enter")), problem,
    h("ul", {}, accounts.map((account) => h("li", {},
      h("button", { type: "button", class: "account", onclick: () => enter(account) }, icon("person"),
        h("span", {}, h("strong", {}, t("exercise.enter.as", { name: account.name })), h("small", {}, account.organisation_name))))))));
}
