// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The bell of the desk: a melody per severity, made here, looped until somebody answers or silences it.
// It is never the only sign of an alarm, and a page that may not sound says so.

import { isAudible, isHoldUp, isUnanswered } from "./queue.js";
import { setSound, soundOn } from "./state.js";

/** Minutes of silence that a person can choose; the second is usual. */
export const MINUTES = [2, 5, 10, 15];
/** A hold-up is never silent for longer. */
export const HOLD_UP_S = 60;
const QUIET_KEY = "varco.quiet";
const MINUTES_KEY = "varco.quiet-minutes";
const RATE = 16_000;
const GRAVEST = 5;

/** Notes as [Hz, from s, for s], and after how many seconds the melody begins again. */
const MELODIES = {
  1: { every_s: 30, notes: [[440, 0, 0.35]] },
  2: { every_s: 12, notes: [[523, 0, 0.2], [523, 0.3, 0.2]] },
  3: { every_s: 6, notes: [[587, 0, 0.22], [740, 0.28, 0.3]] },
  4: { every_s: 3.5, notes: [[659, 0, 0.16], [784, 0.2, 0.16], [988, 0.4, 0.16], [659, 0.8, 0.16], [784, 1, 0.16], [988, 1.2, 0.24]] },
  5: { every_s: 2.2, notes: [0, 1, 2, 3, 4, 5, 6, 7].map((n) => [n % 2 ? 880 : 1245, n * 0.2, 0.18]) },
};

/** Returns one turn of a severity's melody, mono samples in -1..1. */
export function wave(level, rate = RATE) {
  const { every_s: every, notes } = MELODIES[level];
  const samples = new Float32Array(Math.round(every * rate));
  for (const [hertz, from, length] of notes) {
    for (let n = 0; n < length * rate; n += 1) {
      const at = n / rate;
      const edge = Math.min(1, at / 0.015, (length - at) / 0.04);
      const turn = 2 * Math.PI * hertz * at;
      samples[Math.round(from * rate) + n] += edge * (0.26 * Math.sin(turn) + 0.06 * Math.sin(3 * turn));
    }
  }
  return samples;
}

const isGravest = (alarm) => isHoldUp(alarm) || alarm.severity === GRAVEST;

/** Returns what should sound: { level (0: nothing), waiting (how many nobody answered), until (ms; 0: no silence) }.
 * `quiet`: { until, level, holdUntil, holds }: what a person silenced; a graver alarm or a new hold-up sounds again. */
export function decide(alarms, user, quiet, now) {
  const waiting = alarms.filter((one) => isUnanswered(one) && isAudible(one, user));
  const sounding = waiting.filter((one) => (isGravest(one)
    ? !(now < quiet.holdUntil && quiet.holds.includes(one.id))
    : !(now < quiet.until && one.severity <= quiet.level)));
  const level = sounding.reduce((most, one) => Math.max(most, isHoldUp(one) ? GRAVEST : one.severity), 0);
  const until = Math.max(now < quiet.until ? quiet.until : 0, now < quiet.holdUntil ? quiet.holdUntil : 0);
  return { level, waiting: waiting.length, until };
}

/** Returns the silence that a person asks for now. */
export function silence(alarms, user, now, span_s) {
  const waiting = alarms.filter((one) => isUnanswered(one) && isAudible(one, user));
  const holds = waiting.filter(isGravest).map((one) => one.id);
  const level = waiting.filter((one) => !isGravest(one)).reduce((most, one) => Math.max(most, one.severity), 0);
  return {
    level, until: level ? now + span_s * 1000 : 0,
    holds, holdUntil: holds.length ? now + Math.min(span_s, HOLD_UP_S) * 1000 : 0,
  };
}

const NONE = { until: 0, level: 0, holdUntil: 0, holds: [] };

function keptQuiet() {
  try {
    return { ...NONE, ...JSON.parse(localStorage.getItem(QUIET_KEY) ?? "{}") };
  } catch {
    return NONE;
  }
}

/** Returns for how many minutes this browser silences. */
export function quietMinutes() {
  const kept = Number(localStorage.getItem(MINUTES_KEY));
  return MINUTES.includes(kept) ? kept : MINUTES[1];
}

/** Remembers it. */
export const setQuietMinutes = (minutes) => localStorage.setItem(MINUTES_KEY, String(minutes));

/** The one bell of this page. */
class Bell {
  constructor() {
    this.context = null;
    this.voice = null;
    this.playing = 0;
    this.alarms = [];
    this.user = null;
    this.told = "";
    this.listeners = new Set();
  }

  /** Calls `listener` whenever the state (not only the rest time) changes; returns how to stop. */
  watch(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Takes the alarms as they are now. */
  hear(alarms, user) {
    this.alarms = alarms;
    this.user = user;
    this.update();
  }

  /** Returns { state, level, waiting, rest_s }. off: the person wants none; blocked: the browser waits for a
   * key or a click; ready: nothing to say; ringing; silenced: somebody asked for quiet until `rest_s` is over. */
  status(now = Date.now()) {
    const { level, waiting, until } = decide(this.alarms, this.user, keptQuiet(), now);
    const rest_s = until ? Math.ceil((until - now) / 1000) : 0;
    const state = !this.user || !soundOn(this.user) ? "off" : this.context?.state !== "running" ? "blocked" : level ? "ringing" : rest_s ? "silenced" : "ready";
    return { state, level, waiting, rest_s };
  }

  /** Switches the sound; called from a click, so that the browser lets it through. */
  async want(on) {
    setSound(on);
    if (on) await this.unlock();
    this.update();
  }

  /** Lets the browser hear us, once a person pressed something. */
  async unlock() {
    if (!this.user || !soundOn(this.user)) return;
    this.open();
    if (this.context.state !== "running") await this.context.resume().catch(() => {});
    this.update();
  }

  /** Silences what sounds now, for as long as this browser chose. */
  quiet() {
    localStorage.setItem(QUIET_KEY, JSON.stringify(silence(this.alarms, this.user, Date.now(), quietMinutes() * 60)));
    this.update();
  }

  /** Ends a silence before its time. */
  loud() {
    localStorage.removeItem(QUIET_KEY);
    this.update();
  }

  /** Plays one turn of a melody, so that people learn it. */
  async sample(level) {
    this.open();
    await this.context.resume().catch(() => {});
    this.source(level, this.context.destination).start();
  }

  /** Sounds once, for what is no alarm; never into a silence that somebody asked for, nor over an alarm. */
  chime(level) {
    if (this.status().state === "ready") this.source(level, this.meter).start();
  }

  /** Returns the loudest sample that leaves for the loudspeaker right now, 0..1. */
  peak() {
    if (!this.meter) return 0;
    const samples = new Float32Array(this.meter.fftSize);
    this.meter.getFloatTimeDomainData(samples);
    return samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  }

  open() {
    if (this.context) return;
    this.context = new AudioContext();
    this.meter = new AnalyserNode(this.context, { fftSize: 8192 });
    this.meter.connect(this.context.destination);
    this.context.addEventListener("statechange", () => this.update());
  }

  source(level, target) {
    const samples = wave(level);
    const buffer = this.context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(target);
    return source;
  }

  /** Plays what should sound and tells who listens; a loop needs no timer, a hidden page rings on. */
  update() {
    if (this.user && soundOn(this.user)) this.open();
    const { state, level } = this.status();
    this.play(state === "ringing" ? level : 0);
    const told = `${state} ${level}`;
    if (told === this.told) return;
    this.told = told;
    for (const listener of [...this.listeners]) listener();
  }

  play(level) {
    if (level === this.playing) return;
    this.playing = level;
    this.voice?.stop();
    this.voice = null;
    if (!level) return;
    this.voice = this.source(level, this.meter);
    this.voice.loop = true;
    this.voice.start();
  }
}

export const bell = new Bell();

for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, () => { if (bell.status().state === "blocked") bell.unlock(); }, { capture: true, passive: true });
window.addEventListener("storage", ({ key }) => { if (key?.startsWith("varco.")) bell.update(); });
