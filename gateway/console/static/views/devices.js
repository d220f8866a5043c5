// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Recorders and cameras as an installer sees them: reachable, on time, heard, and what is missing.

import { get } from "../api.js";
import { fill, h, icon, reconcile, say } from "../dom.js";
import { ago, full, language, number, t, word } from "../i18n.js";

const POLL_MS = 4000;
/** B-57: worth a word, and too much for evidence. */
const CLOCK_WARNS_S = 1;
const CLOCK_BLOCKS_S = 5;
const CHANNEL_ICONS = { live: "live", connecting: "wait", idle: "idle", stalled: "wait", unreachable: "fault", refused: "lock", unsupported: "fault" };
const CHANNEL_TONES = { live: "ok", connecting: "calm", idle: "calm", stalled: "warn", unreachable: "bad", refused: "bad", unsupported: "bad" };
const EVENT_ICONS = { connecting: "wait", live: "check", quiet: "check", failing: "fault", refused: "lock" };
const EVENT_TONES = { connecting: "calm", live: "ok", quiet: "ok", failing: "bad", refused: "bad" };

/** Shows the page. */
export function devices(container) {
  const view = new DevicesView(container);
  view.enter();
  return { title: t("devices.title"), leave: () => view.leave() };
}

class DevicesView {
  constructor(container) {
    this.cards = new Map();
    this.list = [];
    this.gone = new AbortController();
    this.grid = h("div", { class: "devices" });
    this.count = h("p", { class: "muted count", "aria-live": "polite" });
    this.note = h("p", { class: "notice" }, t("app.loading"));
    this.find = h("input", { type: "search", id: "find", autocomplete: "off", oninput: () => this.draw() });
    container.append(
      h("div", { class: "page-head" },
        h("div", {}, h("h1", { tabindex: "-1" }, t("devices.title")), this.count),
        h("div", { class: "find" }, h("label", { for: "find" }, t("devices.find")), this.find)),
      this.note, this.grid);
  }

  enter() {
    this.refresh();
    this.timer = setInterval(() => { if (!document.hidden) this.refresh(); }, POLL_MS);
  }

  leave() {
    this.gone.abort();
    clearInterval(this.timer);
  }

  async refresh() {
    try {
      this.list = inOrder(await get("/api/devices", { signal: this.gone.signal }));
      this.problem = null;
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.problem = problem;
    }
    this.draw();
  }

  draw() {
    const wanted = this.find.value.trim().toLocaleLowerCase();
    const shown = this.list.filter((one) => words(one).toLocaleLowerCase().includes(wanted));
    const faulty = this.list.filter((one) => tone(one) === "bad" || tone(one) === "warn").length;
    const count = [
      t(this.list.length === 1 ? "devices.count.one" : "devices.count", { n: this.list.length }),
      t(faulty === 0 ? "devices.faulty.none" : faulty === 1 ? "devices.faulty.one" : "devices.faulty", { n: faulty }),
    ].join(" · ");
    this.count.hidden = !this.list.length;
    write(this.count, count);
    const note = this.problem ? this.problem.message : this.list.length === 0 ? t("devices.none") : shown.length === 0 ? t("devices.none-found") : "";
    this.note.hidden = !note;
    write(this.note, note);
    reconcile(this.grid, shown, (one) => one.id, (one) => this.build(one), (_, one) => this.cards.get(one.id).update(one));
  }

  build(device) {
    const card = this.cards.get(device.id) ?? new DeviceCard(device);
    this.cards.set(device.id, card);
    card.update(device);
    return card.element;
  }
}

/** Recorders first, then by place and name: an order that does not jump when something fails. */
function inOrder(list) {
  const key = (one) => [one.kind === "registratore" ? "0" : "1", one.site_name, one.name, one.id].join("\n");
  return [...list].sort((a, b) => key(a).localeCompare(key(b), "it"));
}

const words = (one) => [one.name, one.site_name, one.manufacturer, one.model, ...one.channels.flatMap((channel) => [channel.name, channel.camera_name])].join(" ");

const maskless = (one) => one.masks.filter((mask) => !mask.confirmed);
const clockIsOff = (one) => Math.abs(one.clock_offset_s ?? 0) > CLOCK_WARNS_S;

/** Returns how grave the worst thing about a device is. */
function tone(one) {
  if (one.online === false && one.since) return "bad";
  const events = one.events ? EVENT_TONES[one.events.state] : "ok";
  const channels = one.channels.map((channel) => (channel.problem ? "bad" : CHANNEL_TONES[channel.state] ?? "ok"));
  if (events === "bad" || channels.includes("bad") || Math.abs(one.clock_offset_s ?? 0) > CLOCK_BLOCKS_S) return "bad";
  if (clockIsOff(one) || channels.includes("warn") || maskless(one).length || one.notes.length || isFull(one)) return "warn";
  return one.online ? "ok" : "calm";
}

const isFull = (one) => one.sessions_most > 0 && one.sessions_used >= one.sessions_most;

/** Replaces a text only if it differs, so that nothing flickers and nothing is read out twice. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

class DeviceCard {
  constructor(device) {
    this.id = `device-${device.id}`;
    this.drawn = new Map();
    this.name = h("h2", { id: this.id });
    this.place = h("p", { class: "muted" });
    this.chip = h("p", { class: "chip" });
    this.problem = h("p", { class: "card-problem" });
    this.state = h("dl", { class: "device-state" });
    this.channels = h("section", { class: "channels", "aria-labelledby": `${this.id}-channels` });
    this.notes = h("section", { class: "device-notes", "aria-labelledby": `${this.id}-notes` });
    this.element = h("article", { class: "card device", "aria-labelledby": this.id },
      h("header", { class: "device-head" }, h("div", {}, this.name, this.place), this.chip),
      this.problem, h("div", { class: "device-body" }, this.state, h("div", { class: "device-side" }, this.channels, this.notes)));
  }

  update(device) {
    const was = this.device;
    this.device = device;
    this.element.dataset.tone = tone(device);
    this.element.dataset.kind = device.kind;
    write(this.name, device.name);
    write(this.place, [device.site_name, word("device-kind", device.kind), [device.manufacturer, device.model].filter(Boolean).join(" ")].filter(Boolean).join(" · "));
    this.draw("chip", reach(device), (made) => { this.chip.className = `chip chip-${made.tone}`; this.chip.title = made.title; fill(this.chip, icon(made.mark), h("span", {}, made.text), made.since && h("span", { class: "chip-since" }, made.since)); });
    write(this.problem, device.problem);
    this.problem.hidden = !device.problem;
    this.draw("state", rows(device), (made) => fill(this.state, made.map(row)));
    this.draw("channels", channels(device), (made) => this.drawChannels(made));
    this.draw("notes", device.notes.map((note) => sentence(note[language()])), (made) => this.drawNotes(made));
    if (was && was.online !== device.online) say(`${device.name}: ${reach(device).text}`);
  }

  /** Calls `paint` only if what it would paint has changed. */
  draw(part, made, paint) {
    const text = JSON.stringify(made);
    if (this.drawn.get(part) === text) return;
    this.drawn.set(part, text);
    paint(made);
  }

  drawChannels(made) {
    this.channels.hidden = !made.length;
    fill(this.channels, h("h3", { id: `${this.id}-channels` }, t("devices.channels")), h("ul", {}, made.map((one) =>
      h("li", { class: "channel", data: { tone: one.tone } },
        one.number && h("span", { class: "channel-number" }, h("span", { class: "unseen" }, `${t("devices.channel")} `), one.number),
        h("div", { class: "channel-words" }, h("p", { class: "channel-name" }, one.name), one.more && h("p", { class: "muted" }, one.more), one.problem && h("p", { class: "card-problem" }, one.problem)),
        h("p", { class: `chip chip-${one.tone}` }, icon(one.mark), h("span", {}, one.state))))));
  }

  drawNotes(made) {
    this.notes.hidden = !made.length;
    fill(this.notes, h("h3", { id: `${this.id}-notes` }, t("devices.notes")), h("ul", {}, made.map((note) => h("li", {}, icon("fault"), h("span", {}, note)))));
  }
}

function row({ label, mark, tone: colour, text, more }) {
  return h("div", { data: { tone: colour } }, h("dt", {}, label),
    h("dd", {}, h("p", { class: "device-fact" }, icon(mark), h("span", {}, text)), more.map((line) => h("p", { class: "muted" }, line))));
}

const sentence = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);
const since = (iso) => (iso ? t("cameras.since", { span: ago(iso) }) : "");

/** Returns whether it answers. */
function reach(device) {
  const made = { since: since(device.since), title: device.since ? full(device.since) : "" };
  if (device.online) return { ...made, mark: "check", tone: "ok", text: t("devices.online") };
  if (device.since) return { ...made, mark: "fault", tone: "bad", text: t("devices.offline") };
  return { ...made, mark: device.problem ? "fault" : "idle", tone: device.problem ? "bad" : "calm", text: t(device.problem ? "devices.not-asked" : "devices.no-answer-yet") };
}

/** Returns what there is to say beside the channels: clock, events, sessions, masks. */
function rows(device) {
  return [clockRow(device), eventsRow(device), sessionsRow(device), masksRow(device)].filter(Boolean);
}

function clockRow({ clock_offset_s: offset, time, online }) {
  const label = t("devices.clock");
  const more = [timeSource(time)].filter(Boolean);
  if (offset === null || offset === undefined) return { label, mark: "idle", tone: "calm", text: t("devices.clock.unknown"), more };
  const off = Math.abs(offset);
  if (off <= CLOCK_WARNS_S) return { label, mark: online ? "check" : "idle", tone: online ? "ok" : "calm", text: t("devices.clock.right"), more };
  const text = t(offset < 0 ? "devices.clock.late" : "devices.clock.early", { offset: number(off, off < 100 ? 1 : 0) });
  const blocks = off > CLOCK_BLOCKS_S;
  return { label, mark: blocks ? "fault" : "wait", tone: blocks ? "bad" : "warn", text, more: [blocks && t("devices.clock.blocks"), ...more].filter(Boolean) };
}

/** Returns where it has its time from. */
function timeSource(time) {
  if (!time) return "";
  if (time.kind === "Manual") return t("devices.time.manual");
  if (time.kind !== "NTP") return "";
  if (time.servers.length) return t(time.from_dhcp ? "devices.time.dhcp" : "devices.time.ntp", { servers: time.servers.join(", ") });
  return t(time.from_dhcp ? "devices.time.dhcp-alone" : "devices.time.no-server");
}

function eventsRow({ events }) {
  const label = t("devices.events");
  if (!events) return { label, mark: "idle", tone: "calm", text: t("devices.events.off"), more: [] };
  const more = [
    events.problem,
    events.last_message ? t("devices.events.last", { span: ago(events.last_message) }) : t("devices.events.never"),
    events.recreations > 0 && t(events.recreations === 1 ? "devices.events.anew.one" : "devices.events.anew", { n: events.recreations }),
  ].filter(Boolean);
  const text = [word("subscription", events.state), since(events.since)].filter(Boolean).join(" ");
  return { label, mark: EVENT_ICONS[events.state] ?? "idle", tone: EVENT_TONES[events.state] ?? "calm", text, more };
}

function sessionsRow(device) {
  const { sessions_used: used, sessions_most: most } = device;
  const text = most > 0 ? t("devices.sessions.of", { used, most }) : t("devices.sessions.used", { used });
  const crowded = isFull(device);
  return { label: t("devices.sessions"), mark: crowded ? "wait" : most > 0 ? "check" : "idle", tone: crowded ? "warn" : most > 0 ? "ok" : "calm", text, more: crowded ? [t("devices.sessions.full")] : [] };
}

function masksRow(device) {
  const { masks } = device;
  if (!masks.length) return null;
  const open = maskless(device);
  const more = open.map((mask) => t("devices.masks.gateway", { name: mask.camera_name }));
  return { label: t("devices.masks"), mark: open.length ? "wait" : "check", tone: open.length ? "warn" : "ok", text: t("devices.masks.confirmed", { n: masks.length - open.length, all: masks.length }), more: [...new Set(more)] };
}

/** Returns the channels in words; one that is gone stays, with its problem. */
function channels(device) {
  const alone = device.kind === "telecamera" && device.channels.length === 1;
  return device.channels.map((one) => {
    const known = one.camera_name !== "";
    const lost = Boolean(one.problem);
    const state = known ? one.state : "";
    return {
      number: one.number > 0 && !alone ? String(one.number) : "",
      name: one.camera_name || one.name || t("devices.channel.nameless"),
      more: known ? (one.name && one.name !== one.camera_name ? one.name : "") : t("devices.channel.unregistered"),
      problem: one.problem,
      tone: lost ? "bad" : CHANNEL_TONES[state] ?? "calm",
      mark: lost ? "fault" : CHANNEL_ICONS[state] ?? "idle",
      state: lost && state !== "refused" ? t("devices.channel.lost") : state ? word("stream", state) : t("devices.channel.unused"),
    };
  });
}
