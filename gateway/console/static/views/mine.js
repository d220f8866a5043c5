// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The owner's page: who looked at my cameras, every emergency look, and the switch that ends sharing.

import { get, post, request } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h, icon, s, say } from "../dom.js";
import { clock, day, full, number, shortDay, t, word } from "../i18n.js";
import { watch } from "../state.js";

const POLL_MS = 10_000;
const DAYS = 14;
const SHOWN = 15;

/** Shows the page. */
export function mine(container) {
  const view = new MineView(container);
  view.refresh();
  const stop = watch((what) => { if (what === "owner") view.refresh(); });
  const timer = setInterval(() => { if (!document.hidden && !document.querySelector("dialog")) view.refresh(); }, POLL_MS);
  return { title: t("mine.title"), leave() { stop(); clearInterval(timer); } };
}

class MineView {
  constructor(container) {
    this.most = SHOWN;
    this.lead = h("p", { class: "muted" }, t("mine.lead"));
    this.notice = h("p", { class: "notice" }, t("app.loading"));
    this.alerts = h("section", { class: "alerts", hidden: true, "aria-labelledby": "alerts-title" }, h("h2", { id: "alerts-title" }, t("flag.break-glass")));
    this.cameras = h("section", { class: "panel switches", hidden: true, "aria-labelledby": "switches-title" }, h("h2", { id: "switches-title" }, t("mine.switches")));
    this.looks = h("section", { class: "looks", hidden: true, "aria-labelledby": "looks-title" }, h("h2", { id: "looks-title" }, t("mine.looks")));
    container.append(
      h("div", { class: "page-head" }, h("div", {}, h("h1", { tabindex: "-1" }, t("mine.title")), this.lead)),
      this.notice, this.alerts, h("div", { class: "mine" }, this.cameras, this.looks));
  }

  async refresh() {
    try {
      const found = await get("/api/mine");
      this.notice.hidden = true;
      const news = JSON.stringify(found);
      if (news === this.shown) return;
      this.shown = news;
      this.found = found;
      this.draw();
    } catch (problem) {
      this.notice.hidden = false;
      this.notice.textContent = problem.message;
    }
  }

  draw() {
    const { found } = this;
    this.names = new Map(found.cameras.map((one) => [one.id, one.name]));
    const controller = typeof found.controller === "string" ? found.controller : found.controller?.name;
    const project = found.controller?.project;
    const places = project?.needed > 0 && t("mine.project", { n: number(project.sites), needed: number(project.needed) });
    this.lead.textContent = [controller, t("mine.lead"), places].filter(Boolean).join(" · ");
    this.drawAlerts();
    this.drawSwitches();
    this.drawLooks();
  }

  camera(one) { return this.names.get(one.camera) ?? one.camera_name ?? one.camera; }

  drawAlerts() {
    const { alerts } = this.found;
    this.alerts.hidden = !alerts.length;
    fill(this.alerts, h("h2", { id: "alerts-title" }, icon("fault"), t(alerts.length === 1 ? "mine.alerts.one" : "mine.alerts", { n: alerts.length })),
      h("p", {}, t("mine.alerts.lead")),
      h("ul", {}, alerts.map((one) => h("li", {},
        h("p", {}, h("strong", {}, `${day(one.utc)}, ${clock(one.utc)}`), ` · ${this.camera(one)} · ${who(one)}`),
        one.reason && h("p", {}, `${t("mine.reason")}: «${one.reason}»`),
        one.case && h("p", { class: "muted" }, t("ledger.case-is", { case: one.case })),
        one.acknowledged ? h("p", { class: "muted" }, icon("check"), " ", t("mine.acknowledged", { when: full(one.acknowledged) }))
          : this.found.may_pause && h("button", { type: "button", class: "quiet", onclick: () => this.acknowledge(one) }, icon("check"), t("mine.acknowledge"))))));
  }

  async acknowledge(one) {
    try {
      await request(`/api/mine/alerts/${encodeURIComponent(one.id)}`, { method: "POST" });
    } catch (problem) {
      say(problem.message, { urgent: true });
    }
    await this.refresh();
    this.alerts.querySelector("button, h2")?.focus();
  }

  drawSwitches() {
    const { cameras, pauses, may_pause: may } = this.found;
    this.cameras.hidden = false;
    const all = pauses.find((one) => !one.cameras?.length);
    const off = cameras.filter((one) => one.paused).length;
    const line = (camera) => {
      const pause = pauses.find((one) => one.cameras?.includes(camera.id));
      const own = pause && pause.cameras.length === 1;
      return h("li", { data: { off: String(camera.paused) } },
        h("div", {}, h("strong", {}, camera.name),
          h("p", { class: camera.paused ? "tone-warn" : "tone-ok" }, icon(camera.paused ? "dark" : "eye"), h("span", {}, t(camera.paused ? "mine.is-off" : "mine.is-on"))),
          pause && h("p", { class: "muted" }, since(pause))),
        may && (!camera.paused ? h("button", { type: "button", class: "quiet", "aria-label": t("mine.off.of", { name: camera.name }), onclick: () => this.pause([camera]) }, icon("pause"), t("mine.off"))
          : own && !all && h("button", { type: "button", class: "primary", "aria-label": t("mine.on.of", { name: camera.name }), onclick: () => this.resume(pause) }, icon("play"), t("mine.on"))));
    };
    const groups = pauses.filter((one) => !one.cameras?.length || one.cameras.length > 1);
    fill(this.cameras,
      h("h2", { id: "switches-title" }, t("mine.switches")), h("p", { class: "muted" }, t(may ? "mine.switches.lead" : "mine.switches.owner")),
      groups.map((one) => h("div", { class: "banner banner-warn" }, icon("dark"),
        h("span", {}, h("strong", {}, one.cameras?.length ? t("mine.some-off", { names: one.cameras.map((id) => this.names.get(id) ?? id).join(", ") }) : t("mine.all-off")), h("br"), since(one)),
        may && h("button", { type: "button", class: "primary", onclick: () => this.resume(one) }, icon("play"), t("mine.on")))),
      h("ul", { class: "switch-list" }, cameras.map(line)),
      may && !all && cameras.length > 1 && off < cameras.length && h("button", { type: "button", class: "alarm", onclick: () => this.pause([]) }, icon("pause"), t("mine.off.all")));
  }

  async pause(cameras) {
    const name = cameras.length ? cameras[0].name : t("mine.all");
    const done = await ask({
      title: t("mine.pause.title", { name }), submit: t("mine.pause.submit"), tone: "alarm",
      body: [h("ul", { class: "consequences" }, ["mine.pause.dark", "mine.pause.alarms", "mine.pause.own", "mine.pause.ledger"].map((key) => h("li", {}, icon("check"), t(key))))],
      fields: [{ name: "reason", label: t("mine.pause.reason"), maxlength: 200 }],
      run: ({ reason }) => post("/api/mine/pause", { cameras: cameras.map(({ id }) => id), reason }),
    });
    if (!done) return;
    say(t("mine.paused", { name }), { urgent: true });
    await this.refresh();
    this.cameras.querySelector("button")?.focus();
  }

  async resume(pause) {
    const done = await ask({
      title: t("mine.resume.title"), lead: t("mine.resume.lead"), submit: t("mine.on"),
      run: () => request(`/api/mine/pause/${encodeURIComponent(pause.id)}`, { method: "DELETE" }).then(() => true),
    });
    if (!done) return;
    say(t("mine.resumed"));
    await this.refresh();
    this.cameras.querySelector("button")?.focus();
  }

  drawLooks() {
    const { looks } = this.found;
    this.looks.hidden = false;
    const rows = looks.slice(0, this.most);
    const cell = (name, ...content) => h("td", { data: { label: t(`mine.col.${name}`) } }, h("div", {}, content));
    fill(this.looks, h("h2", { id: "looks-title" }, t("mine.looks")), plot(looks),
      !looks.length ? h("p", { class: "notice" }, t("mine.looks.none"))
        : h("table", {}, h("caption", { class: "unseen" }, t("mine.looks")),
          h("thead", {}, h("tr", {}, ["when", "who", "why", "camera", "long"].map((name) => h("th", { scope: "col" }, t(`mine.col.${name}`))))),
          h("tbody", {}, rows.map((one) => h("tr", { data: { result: one.flags?.includes("break-glass") ? "error" : "ok" } },
            cell("when", h("time", { datetime: one.utc, title: full(one.utc) }, `${day(one.utc)}, ${clock(one.utc)}`)),
            cell("who", who(one)),
            cell("why", h("p", {}, word("purpose", one.purpose)), one.case && h("p", { class: "muted" }, t("ledger.case-is", { case: short(one.case) })), flags(one)),
            cell("camera", this.camera(one)),
            cell("long", lasted(one)))))),
      looks.length > rows.length && h("button", { type: "button", class: "quiet", onclick: () => { this.most += SHOWN; this.drawLooks(); } }, t("mine.more")));
  }
}

const since = (pause) => [pause.since && t("mine.since", { when: full(pause.since) }), (pause.by_name ?? pause.by) && t("mine.by", { who: pause.by_name ?? pause.by }), pause.reason && `«${pause.reason}»`].filter(Boolean).join(" · ");

const who = (one) => [one.organisation_name ?? one.organisation, one.role && word("role", one.role)].filter(Boolean).join(", ");

const short = (text) => (/^[0-9a-f-]{36}$/.test(text) ? `…${text.slice(-8)}` : text);

const flags = (one) => (one.flags ?? []).map((flag) => h("span", { class: `chip chip-${flag === "break-glass" ? "bad" : "warn"}` }, icon("fault"), word("flag", flag)));

function lasted(one) {
  if (!one.until) return h("span", { class: "chip chip-ok" }, icon("live"), t("mine.now"));
  const seconds = one.seconds ?? 0;
  return seconds < 90 ? t("span.seconds", { n: number(seconds) }) : t("span.minutes", { n: number(seconds / 60) });
}

/** Bars of looks per day; the same numbers stand in one sentence for whoever does not see them. */
function plot(looks) {
  const key = (moment) => new Intl.DateTimeFormat("en-CA", { timeZone: "Europe/Rome" }).format(moment);
  const now = Date.now();
  const days = Array.from({ length: DAYS }, (_, at) => key(now - (DAYS - 1 - at) * 86_400_000));
  const count = new Map(days.map((one) => [one, [0, 0]]));
  for (const look of looks) {
    const entry = count.get(key(new Date(look.utc)));
    if (entry) entry[look.flags?.includes("break-glass") ? 1 : 0] += 1;
  }
  const most = Math.max(1, ...[...count.values()].map(([plain, glass]) => plain + glass));
  const bars = days.flatMap((one, at) => {
    const [plain, glass] = count.get(one);
    const high = (n) => (n / most) * 44;
    return [
      s("rect", { x: at * 20 + 3, y: 54 - 1, width: 14, height: 1, class: "plot-base" }),
      s("rect", { x: at * 20 + 3, y: 53 - high(plain), width: 14, height: high(plain), rx: 1.5, class: "plot-bar" }),
      s("rect", { x: at * 20 + 3, y: 53 - high(plain) - high(glass), width: 14, height: high(glass), rx: 1.5, class: "plot-glass" }),
      ...(plain + glass ? [s("text", { x: at * 20 + 10, y: 49 - high(plain + glass), class: "plot-number" }, String(plain + glass))] : []),
      ...(at % 2 ? [] : [s("text", { x: at * 20 + 10, y: 66, class: "plot-day" }, shortDay(one))]),
    ];
  });
  const total = [...count.values()].reduce((sum, [plain, glass]) => sum + plain + glass, 0);
  return h("figure", { class: "plot" },
    s("svg", { viewBox: `0 0 ${DAYS * 20} 70`, "aria-hidden": "true", focusable: "false" }, ...bars),
    h("figcaption", { class: "muted" }, t("mine.plot", { n: number(total), days: DAYS })));
}
