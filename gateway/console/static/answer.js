// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Answering an alarm: asked again until the gateway says yes or no, shown as pending until then.

import { get, post } from "./api.js";
import { say } from "./dom.js";
import { take } from "./events.js";
import { t } from "./i18n.js";
import { changed, state, watch } from "./state.js";

const KEY = "varco.pending";
const AGAIN_MS = [1000, 2000, 4000, 5000];
/** Longer than this nobody believes in an answer that was never heard: it is said that it was not given. */
const GIVE_UP_MS = 5 * 60_000;

/** Answers that the gateway has not confirmed yet, by alarm: { since, tries, timer }. */
const pending = new Map();
/** Why an answer was refused, by alarm. */
const refused = new Map();

/** Returns whether an answer is under way. */
export const isPending = (id) => pending.has(id);

/** Returns the sentence why an answer failed; empty if none did. */
export const refusalOf = (id) => refused.get(id) ?? "";

/** Answers alarms for the person at this console. */
export function answer(ids) {
  for (const id of ids) if (!pending.has(id)) {
    refused.delete(id);
    pending.set(id, { since: Date.now(), tries: 0, timer: 0 });
    send(id);
  }
  keep();
  changed("answers");
}

async function send(id) {
  const one = pending.get(id);
  if (!one || one.sending) return;
  clearTimeout(one.timer);
  one.sending = true;
  try {
    const view = await post(`/api/alarms/${encodeURIComponent(id)}/take`);
    done(id, "");
    take(view);
  } catch (problem) {
    one.sending = false;
    if (problem.status === 401) forget();
    else if (problem.status === 0 || problem.status === 429 || problem.status >= 500) later(id, one);
    else await refuse(id, problem);
  }
}

function later(id, one) {
  if (!pending.has(id)) return;
  if (Date.now() - one.since > GIVE_UP_MS) {
    done(id, t("desk.not-taken"));
    return;
  }
  one.timer = setTimeout(() => send(id), AGAIN_MS[Math.min(one.tries++, AGAIN_MS.length - 1)]);
  if (one.tries === 1) changed("answers");
}

async function refuse(id, problem) {
  done(id, problem.message);
  const found = await get(`/api/alarms/${encodeURIComponent(id)}`).catch(() => null);
  if (found) take(found.alarm);
}

function done(id, sentence) {
  pending.delete(id);
  keep();
  if (sentence) {
    refused.set(id, sentence);
    say(sentence, { urgent: true });
  }
  changed("answers");
}

function keep() {
  const rows = [...pending].map(([id, { since }]) => [id, since]);
  if (rows.length) sessionStorage.setItem(KEY, JSON.stringify({ user: state.user?.id, rows }));
  else sessionStorage.removeItem(KEY);
}

/** Forgets every answer under way, as when the sign-in ends. */
export function forget() {
  for (const { timer } of pending.values()) clearTimeout(timer);
  pending.clear();
  refused.clear();
  sessionStorage.removeItem(KEY);
}

/** Goes on with what was under way before the page was loaded anew. */
export function resume() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    if (!kept || kept.user !== state.user?.id) return;
    for (const [id, since] of kept.rows) if (!pending.has(id)) {
      pending.set(id, { since, tries: 0, timer: 0 });
      send(id);
    }
  } catch {
    sessionStorage.removeItem(KEY);
  }
}

watch((what) => { if (what === "line" && state.line === "live") for (const id of pending.keys()) send(id); });
