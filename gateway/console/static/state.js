// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// What all views share: the box, the person, the alarms as they arrive, the reasons of the shift.

const SHIFT_KEY = "varco.shift";
const SOUND_KEY = "varco.sound";
const SHIFT_MS = 8 * 3600 * 1000;

export const state = {
  box: null,
  user: null,
  /** Alarms by id; `null` until the first list came. */
  alarms: null,
  /** live | waiting | off: the line on which alarms arrive. */
  line: "off",
  /** When the gateway was last heard on that line (ms of this browser); 0: never. */
  heard: 0,
  /** How far the gateway's clock is ahead of this browser's, in ms. */
  ahead: 0,
  /** What the box's own verification of the ledger found; empty: it was intact. */
  altered: "",
  /** Identity providers that the sign-in offers. */
  oidc: [],
  /** How many reports wait for us. */
  reports: 0,
  /** The open service order, { order, until }. */
  order: null,
};

const listeners = new Set();

/** Calls `listener` after each change; returns how to stop. */
export function watch(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Tells all listeners that something changed: "alarms", "line", "shift", "confirm", "owner", "ledger", "incident", "answers" or "escalated". */
export function changed(what, detail) {
  for (const listener of [...listeners]) listener(what, detail);
}

/** Returns alarms newest first. */
export function alarmsNewestFirst() {
  return [...(state.alarms?.values() ?? [])].sort((a, b) => (a.raised < b.raised ? 1 : a.raised > b.raised ? -1 : a.id < b.id ? 1 : -1));
}

/** Returns how many alarms wait for a verdict. */
export const openAlarms = () => alarmsNewestFirst().filter((alarm) => alarm.state !== "chiuso").length;

/** Returns the reasons kept for this shift (this browser tab, eight hours at most), or null. */
export function shift() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(SHIFT_KEY) ?? "null");
    return kept && kept.user === state.user?.id && kept.until > Date.now() ? kept : null;
  } catch {
    return null;
  }
}

/** Keeps the reasons for this shift. */
export function keepShift(reasons) {
  sessionStorage.setItem(SHIFT_KEY, JSON.stringify({ ...reasons, user: state.user.id, until: Date.now() + SHIFT_MS }));
}

/** Forgets them. */
export const forgetShift = () => sessionStorage.removeItem(SHIFT_KEY);

/** Returns the time of the gateway in ms: a countdown must not hang on this computer's clock. */
export const now = () => Date.now() + state.ahead;

/** Returns whether alarms also sound: on, but for the owner of a site, until somebody decides otherwise. */
export const soundOn = (user = state.user) => (localStorage.getItem(SOUND_KEY) ?? (user?.role === "owner.private" ? "off" : "on")) === "on";

/** Switches the sound. */
export const setSound = (on) => localStorage.setItem(SOUND_KEY, on ? "on" : "off");
