// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Reports that wait on this phone until the network is back; each with the key by which it counts once.

import { post } from "./api.js";
import { t } from "./i18n.js";

const AGAIN_MS = 4_000;
/** Within the 48 hours for which the gateway knows a key again; then people have to call. */
const MOST_MS = 24 * 3600 * 1000;
const MOST = 50;
const KINDS = "varco.report-kinds";
const PLACE = "varco.reports.";

/** Returns a key that nothing else has; pages without TLS have no randomUUID. */
export const newKey = () => crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** What one person wrote and nobody has numbered yet. */
export class Kept {
  constructor(user, onSent, onChange) {
    this.place = PLACE + user;
    this.onSent = onSent;
    this.onChange = onChange;
    this.sending = false;
    this.tried = false;
    this.again = false;
    this.items = read(this.place) ?? [];
    this.online = () => this.flush();
  }

  /** The ten kinds, kept so that the form is there without a network. */
  static kinds() { return read(KINDS); }

  static keepKinds(kinds) { write(KINDS, kinds); }

  get waiting() { return this.items.filter((one) => !one.problem); }

  get failed() { return this.items.filter((one) => one.problem); }

  begin() {
    window.addEventListener("online", this.online);
    this.timer = setInterval(() => this.flush(), AGAIN_MS);
    this.tried = this.items.length > 0;
    this.flush();
  }

  end() {
    window.removeEventListener("online", this.online);
    clearInterval(this.timer);
  }

  add(body) {
    this.items = [...this.items, { key: newKey(), body }].slice(-MOST);
    this.keep();
    this.flush();
  }

  drop(key) {
    this.items = this.items.filter((one) => one.key !== key);
    this.keep();
  }

  keep() {
    write(this.place, this.items);
    this.onChange();
  }

  /** Sends what waits, in order; what the gateway refuses stays with its reason. */
  async flush() {
    if (this.sending) { this.again = true; return; }
    this.sending = true;
    try {
      for (const one of this.waiting) {
        if (Date.now() - new Date(one.body.seen).getTime() > MOST_MS) { this.fail(one, t("reports.failed.old")); continue; }
        let made;
        try {
          made = await post("/api/reports", one.body, { "Idempotency-Key": one.key });
        } catch (problem) {
          if (problem.status === 0 || problem.status === 401 || problem.status === 429 || problem.status >= 500) break;
          this.fail(one, problem.message);
          continue;
        }
        this.drop(one.key);
        this.onSent(made);
      }
    } finally {
      this.sending = false;
      this.tried = true;
      this.onChange();
    }
    if (!this.again) return;
    this.again = false;
    await this.flush();
  }

  fail(one, problem) {
    this.items = this.items.map((each) => (each.key === one.key ? failed(each, problem) : each));
    this.keep();
  }
}

/** Forgets what reports say that will never be sent, whoever wrote them: phones are passed on. */
export function forgetOld() {
  try {
    for (const place of Object.keys(localStorage).filter((one) => one.startsWith(PLACE))) {
      const old = (one) => !one.problem && !(Date.now() - new Date(one.body.seen).getTime() <= MOST_MS);
      write(place, (read(place) ?? []).map((one) => (old(one) ? failed(one, t("reports.failed.old")) : one)));
    }
  } catch { /* no storage, or another's hand in it: nothing to forget */ }
}

/** What is left of a report that cannot be sent: when it was written, and why. */
const failed = ({ key, body }, problem) => ({ key, body: { seen: body.seen }, problem });

function read(place) {
  try {
    return JSON.parse(localStorage.getItem(place) ?? "null");
  } catch {
    return null;
  }
}

function write(place, value) {
  try {
    if (Array.isArray(value) && value.length === 0) localStorage.removeItem(place);
    else localStorage.setItem(place, JSON.stringify(value));
  } catch { /* a phone without room keeps it in memory, as long as the page is open */ }
}
