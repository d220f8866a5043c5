// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Words in the language chosen, and dates as people read them (always Europe/Rome).

const ZONE = "Europe/Rome";
const LOCALES = { it: "it-IT", en: "en-GB" };
let words = {};
let current = "it";

/** Returns the language that the cookie asks for, if any. */
export function wished() {
  const match = /(?:^|;\s*)varco_lang=(it|en)\b/.exec(document.cookie);
  return match ? match[1] : null;
}

/** Returns the language shown now. */
export const language = () => current;

/** Loads the words of a language. */
export async function load(wanted) {
  const response = await fetch(`/static/i18n/${wanted}.json`);
  words = await response.json();
  current = wanted;
  document.documentElement.lang = wanted;
}

/** Remembers a choice and loads its words. */
export async function choose(wanted) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `varco_lang=${wanted}; Path=/; SameSite=Strict; Max-Age=31536000${secure}`;
  await load(wanted);
}

/** Returns a sentence with its {fields} filled in; the key itself if it is missing. */
export function t(key, fields = {}) {
  const sentence = words[key];
  if (sentence === undefined) return key;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => fields[name] ?? "");
}

/** Returns whether there are words for a key. */
export const has = (key) => words[key] !== undefined;

/** Returns the word of a code, the code itself if we have none. */
export const word = (family, code) => (has(`${family}.${code}`) ? t(`${family}.${code}`) : code);

function format(iso, options) {
  return new Intl.DateTimeFormat(LOCALES[current], { timeZone: ZONE, ...options }).format(new Date(iso));
}

/** Returns 14:05:09. */
export const clock = (iso) => format(iso, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Returns the day in words: today and yesterday by name. */
export function day(iso) {
  const key = (date) => format(date, { year: "numeric", month: "2-digit", day: "2-digit" });
  const now = new Date();
  if (key(iso) === key(now)) return t("day.today");
  if (key(iso) === key(new Date(now.getTime() - 86_400_000))) return t("day.yesterday");
  return format(iso, { day: "numeric", month: "long", year: "numeric" });
}

/** Returns the full date and time. */
export const full = (iso) =>
  format(iso, { day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Returns a calendar day (2026-11-22, or the day of a moment). */
export const date = (iso) =>
  format(iso.length === 10 ? `${iso}T12:00:00Z` : iso, { day: "numeric", month: "long", year: "numeric" });

/**
 * Returns the instant that a clock in Europe/Rome shows as 2026-11-22T14:05, as an ISO string in UTC.
 * In October an hour is shown twice: the later one, unless the earliest is asked for.
 */
export function instant(shown, { earliest = false } = {}) {
  const wanted = new Date(`${shown}Z`).getTime();
  let at = wanted;
  for (let turn = 0; turn < 2; turn += 1) at = wanted - aheadOfUtc(at);
  const before = at - 3_600_000;
  return new Date(earliest && before + aheadOfUtc(before) === wanted ? before : at).toISOString();
}

/** Returns how many milliseconds Europe/Rome is ahead of UTC at an instant. */
function aheadOfUtc(at) {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" }).formatToParts(at);
  const part = (type) => Number(parts.find((one) => one.type === type).value);
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second")) - Math.floor(at / 1000) * 1000;
}

/** Returns a day as on an axis: 22/11. */
export const shortDay = (iso) => format(`${iso}T12:00:00Z`, { day: "numeric", month: "numeric" });

/** Returns how long ago something was, in one unit. */
export function ago(iso, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - new Date(iso).getTime()) / 1000));
  if (seconds < 60) return t("span.seconds", { n: seconds });
  if (seconds < 3600) return t("span.minutes", { n: Math.floor(seconds / 60) });
  if (seconds < 86_400) {
    const minutes = Math.floor((seconds % 3600) / 60);
    return t(minutes ? "span.hours" : "span.hours.sharp", { n: Math.floor(seconds / 3600), m: minutes });
  }
  const days = Math.floor(seconds / 86_400);
  return t(days === 1 ? "span.days.one" : "span.days", { n: days });
}

/** Returns a number as this language writes it. */
export const number = (value, digits = 0) =>
  new Intl.NumberFormat(LOCALES[current], { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
