// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Single keys for whoever works without a mouse. They can be switched off or moved behind Alt + Shift
// (WCAG 2.1.4), and never act while somebody writes or a dialogue is open.

import { ask } from "./dialog.js";
import { h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { MINUTES, bell, quietMinutes, setQuietMinutes } from "./sound.js";

const KEY = "varco.keys";
const MODES = ["single", "alt", "off"];
const WRITES = "input, select, textarea, [contenteditable]:not([contenteditable=false])";
/** What the help dialogue lists: the key and what it does. */
const LISTED = [["A", "keys.first"], ["↑ ↓", "keys.move"], ["S", "keys.silence"], ["C", "keys.confirmed"], ["F", "keys.false"], ["E", "keys.exercise"], ["P", "keys.wall"]];
/** Further ones while the wall is on the screen; those with a name are keys of the keyboard, not letters. */
const ON_WALL = [["O", "keys.wall.alarm"], ["T", "keys.wall.figures"], ["←↑↓→", "keys.wall.move"], ["↵", "keys.wall.enter"], ["Alt+←→", "keys.wall.swap"], ["keys.delete", "keys.wall.clear"], ["Esc", "keys.wall.even"]];

/** Returns how keys work in this browser: single, alt (with Alt + Shift) or off. */
export function keyMode() {
  const kept = localStorage.getItem(KEY);
  return MODES.includes(kept) ? kept : MODES[0];
}

/** Returns the words for a key as it has to be pressed here; empty if keys are off. */
export const keyName = (letter) => ({ single: letter, alt: `Alt+Maiusc+${letter}`.replace("Maiusc", t("keys.shift")), off: "" })[keyMode()];

const actions = new Map();

/** Lets a letter (or an arrow's name) do something; returns how to stop. `run` says false if it had nothing to do. */
export function onKey(name, run) {
  actions.set(name, run);
  return () => { if (actions.get(name) === run) actions.delete(name); };
}

function nameOf(event) {
  const arrow = event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End";
  if (event.ctrlKey || event.metaKey || event.repeat && !arrow) return "";
  if (arrow) return event.altKey || event.shiftKey ? "" : event.key;
  const mode = keyMode();
  if (mode === "single" && !event.altKey) return event.key === "?" ? "?" : event.key.length === 1 ? event.key.toLowerCase() : "";
  if (mode === "alt" && event.altKey && event.shiftKey && event.code.startsWith("Key")) return event.code === "KeyH" ? "?" : event.code.slice(3).toLowerCase();
  return "";
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const at = document.activeElement;
  if (at?.matches(WRITES) || document.querySelector("dialog[open]")) return;
  const name = nameOf(event);
  const run = name === "?" ? help : actions.get(name);
  if (run && run(event) !== false) event.preventDefault();
});

/** Opens the dialogue with keys and sound; `?` does it too. */
export function help() {
  const mode = keyMode();
  const onWall = document.querySelector(".wall") ? ON_WALL : [];
  const named = (letter) => (letter.startsWith("keys.") ? t(letter) : letter.length > 1 || letter === "↵" ? letter : keyName(letter));
  const listed = mode === "off" ? onWall.filter(([letter]) => letter.length > 1 || letter === "↵").map(([letter, words]) => [named(letter), words]) : [...[...LISTED, ...onWall].map(([letter, words]) => [named(letter), words]), [mode === "single" ? "?" : keyName("H"), "keys.help"]];
  const samples = [5, 4, 3, 2, 1].map((level) =>
    h("button", { type: "button", class: "quiet", onclick: () => bell.sample(level) }, icon("play"), t(`severity.${level}`)));
  ask({
    title: t("keys.title"), submit: t("keys.keep"), cancel: t("exercise.close"),
    body: [
      listed.length > 0 && h("dl", { class: "key-list", data: { mode } }, listed.map(([keys, words]) => h("div", {}, h("dt", {}, h("kbd", {}, keys)), h("dd", {}, t(words))))),
      h("p", { class: "muted" }, t("keys.enter")),
      h("div", { class: "samples", role: "group", "aria-label": t("sound.samples") }, h("p", {}, t("sound.samples")), h("div", { class: "sample-buttons" }, samples)),
    ],
    fields: [
      { name: "mode", label: t("keys.mode"), value: mode, options: MODES.map((one) => [one, t(`keys.mode.${one}`)]), hint: t("keys.mode.hint") },
      { name: "minutes", label: t("sound.minutes"), value: String(quietMinutes()), options: MINUTES.map((n) => [String(n), t("sound.minutes.n", { n })]), hint: t("sound.minutes.hint") },
    ],
    run: (values) => {
      localStorage.setItem(KEY, values.mode);
      setQuietMinutes(Number(values.minutes));
      bell.update();
    },
  });
}
