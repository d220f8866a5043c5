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

/** Adds the buttons of the scenes to the banner. */
export async function addScenes(banner) {
  const { scenes } = await offered();
  if (!scenes.length || !banner.isConnected) return;
  const play = async (scene, button) => {
    button.disabled = true;
    try {
      const told = await post(`/api/exercise/scenes/${encodeURIComponent(scene.id)}`);
      say(t("exercise.started", { title: scene.title }));
      if (told?.text) tell(scene, told);
    } catch (problem) {
      say(problem.message, { urgent: true });
    }
    button.disabled = false;
  };
  banner.append(h("span", { class: "scenes", role: "group", "aria-label": t("exercise.scenes") }, scenes.map((scene) => {
    const button = h("button", { type: "button", class: "scene", title: scene.text, onclick: () => play(scene, button) }, scene.title);
    return button;
  })));
}

/** Says what a scene showed: a verdict, the first bad entry, the program's own words. */
const tell = (scene, { text, details, entry }) => ask({
  title: scene.title, cancel: t("exercise.close"),
  body: [
    h("p", { class: "stamp stamp-inline" }, t("app.exercise")), h("p", {}, text),
    entry >= 0 && h("p", { class: "outcome outcome-bad" }, icon("fault"), `${t("exercise.first-bad")}: ${entry}`),
    details && h("pre", { tabindex: "0", "aria-label": t("exercise.words") }, details),
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
