// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The account of who looked: choose a lawful aim, read, verify.

import { get, post, query, request } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h, icon, say } from "../dom.js";
import { clock, day, full, number, t, word } from "../i18n.js";
import { changed } from "../state.js";

const AIMS = ["verifica-liceita", "controllo-interno", "integrita-sicurezza", "procedimento-penale"];
const PAGE = 50;
/** What may be looked for, as families of events. */
const FAMILIES = ["live.", "playback.", "breakglass.", "alarm.", "log.", "auth.", "policy.", "legalbasis.", "sharing.", "config.", "camera.", "user."];
const FORMATS = ["jsonl", "csv", "report"];
const RESULT_ICONS = { ok: "check", denied: "lock", error: "fault" };
const RESULT_TONES = { ok: "ok", denied: "warn", error: "bad" };
/** Families of events that are somebody asking; elsewhere "ok" only means that it happened. */
const ACCESS = /^(live|playback|log)\./;

/** Shows the page. */
export function ledger(container) {
  const view = new LedgerView(container);
  view.learnCameras();
  return { title: t("ledger.title"), leave() {} };
}

class LedgerView {
  constructor(container) {
    this.page = null;
    this.aim = h("select", { id: "aim", required: true, "aria-describedby": "aim-problem" },
      h("option", { value: "" }, t("ledger.aim.choose")), AIMS.map((code) => h("option", { value: code }, t(`purpose.${code}`))));
    this.case = h("input", { id: "ledger-case", maxlength: "100", autocomplete: "off" });
    this.problem = h("p", { class: "field-problem", id: "aim-problem", role: "alert" });
    this.head = h("section", { class: "panel ledger-head", hidden: true });
    this.verdict = h("div", { role: "status", class: "verdict-line" });
    this.table = h("div", { class: "ledger" });
    const form = h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); this.read(); } },
      h("div", { class: "ask" },
        h("div", { class: "field" }, h("label", { for: "aim" }, t("ledger.aim")), this.aim),
        h("div", { class: "field" }, h("label", { for: "ledger-case" }, t("ledger.case")), this.case),
        h("button", { type: "submit", class: "primary" }, icon("book"), t("ledger.read"))),
      this.filters());
    container.append(
      h("div", { class: "page-head" }, h("div", {}, h("h1", { tabindex: "-1" }, t("ledger.title")), h("p", { class: "muted" }, t("ledger.lead")))),
      form, this.problem, this.head, this.table);
  }

  /** What narrows the entries; closed until wanted. */
  filters() {
    const text = (name, props = {}) => h("input", { id: `filter-${name}`, maxlength: "100", autocomplete: "off", ...props });
    const any = () => h("option", { value: "" }, t("ledger.filter.any"));
    this.filter = {
      person: text("person"), camera: h("select", { id: "filter-camera" }, any()), dossier: text("dossier"),
      event: h("select", { id: "filter-event" }, any(), FAMILIES.map((code) => h("option", { value: code }, t(`event-family.${code.slice(0, -1)}`)))),
      from: text("from", { type: "date" }), to: text("to", { type: "date" }),
    };
    return h("details", { class: "filters" }, h("summary", {}, t("ledger.filters")),
      h("div", { class: "filter-grid" }, Object.entries(this.filter).map(([name, input]) =>
        h("div", { class: "field" }, h("label", { for: input.id }, t(`ledger.filter.${name}`)), input))));
  }

  async learnCameras() {
    const list = await get("/api/cameras").catch(() => []);
    this.filter.camera.append(...list.map((one) => h("option", { value: one.id }, one.name)));
    this.filter.camera.closest(".field").hidden = !list.length;
  }

  wanted() {
    return Object.fromEntries(Object.entries(this.filter).map(([name, input]) => [name, input.value.trim()]));
  }

  hasAim() {
    const missing = !this.aim.value;
    this.problem.textContent = missing ? t("ledger.aim.missing") : "";
    this.aim.setAttribute("aria-invalid", String(missing));
    if (missing) this.aim.focus();
    return !missing;
  }

  async read(at = {}) {
    if (!this.hasAim()) return;
    try {
      this.page = await get(`/api/ledger?${query({ aim: this.aim.value, case: this.case.value.trim(), ...this.wanted(), ...at, limit: PAGE })}`);
      this.draw();
    } catch (problem) {
      this.problem.textContent = problem.message;
    }
  }

  draw() {
    const { head, entries } = this.page;
    this.drawHead(head);
    const range = entries.length
      ? t("ledger.entries", { first: number(entries[0].seq), last: number(entries[entries.length - 1].seq), size: number(head.size) }) : t(head.size ? "ledger.none-found" : "ledger.none");
    const [older, newer] = this.around(entries, head);
    const turn = (at, key) => h("button", { type: "button", class: "quiet", disabled: !at, onclick: () => this.read(at) }, t(key));
    const pager = h("div", { class: "pager" }, h("p", { class: "muted" }, range, this.page.only && ` · ${t("ledger.only", { name: this.page.only })}`),
      h("div", {}, turn(newer, "ledger.newer"), turn(older, "ledger.older")));
    const columns = ["seq", "time", "who", "what", "why", "result"];
    const table = entries.length > 0 && h("table", {}, h("caption", { class: "unseen" }, range),
      h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, t(`ledger.col.${name}`))))),
      h("tbody", {}, [...entries].reverse().map(row)));
    fill(this.table, pager, table || h("p", { class: "notice" }, range));
    say(range);
  }

  /** Where the pages before and after this one begin; null where there is none. */
  around(entries, head) {
    const { older, newer } = this.page;
    if (older !== undefined) return [older === null ? null : { before: older }, newer === null ? null : { after: newer }];
    if (!entries.length) return [null, null];
    const first = entries[0].seq;
    const last = entries[entries.length - 1].seq;
    return [first > 0 ? { after: Math.max(first - PAGE - 1, -1) } : null, last < head.size - 1 ? { after: last } : null];
  }

  drawHead(head) {
    changed("ledger", head);
    this.head.hidden = false;
    const verify = h("button", { type: "button", class: "primary", onclick: () => this.verify(verify) }, icon("shield"), t("ledger.verify"));
    const copied = h("span", { role: "status", class: "muted" });
    const copy = h("button", { type: "button", class: "link", onclick: async () => { await navigator.clipboard?.writeText(head.note); copied.textContent = t("ledger.copied"); } }, t("ledger.copy"));
    const save = h("button", { type: "button", class: "quiet", onclick: () => this.export() }, icon("down"), t("ledger.export"));
    fill(this.head, h("div", { class: "head-row" },
      h("h2", {}, t("ledger.head")),
      h("dl", { class: "head-facts" },
        h("div", {}, h("dt", {}, t("ledger.size")), h("dd", {}, number(head.size))),
        h("div", {}, h("dt", {}, t("ledger.root")), h("dd", {}, h("code", { title: head.root }, `${head.root.slice(0, 16)}…`)))),
      h("div", { class: "head-buttons" }, save, verify)), witnessed(head), this.verdict,
    h("details", {}, h("summary", {}, t("ledger.note")), h("pre", { tabindex: "0" }, head.note), copy, " ", copied));
  }

  async export() {
    const { dossier, ...wanted } = this.wanted();
    const filters = Object.fromEntries(Object.entries({ ...wanted, case: dossier }).filter(([, value]) => value));
    const done = await ask({
      title: t("ledger.export.title"), lead: t(Object.keys(filters).length ? "ledger.export.lead.filtered" : "ledger.export.lead"), submit: t("ledger.export"),
      fields: [
        { name: "aim", label: t("ledger.aim"), required: true, options: [["", t("ledger.aim.choose")], ...AIMS.map((code) => [code, t(`purpose.${code}`)])], value: this.aim.value },
        { name: "format", label: t("ledger.format"), options: FORMATS.map((code) => [code, t(`ledger.format.${code}`)]), value: "jsonl" },
        { name: "own_case", label: t("ledger.case"), maxlength: 100, value: this.case.value.trim() },
      ],
      run: async (values) => {
        const response = await request("/api/ledger/export", { method: "POST", type: "application/json", body: JSON.stringify({ ...filters, ...values }) });
        const name = /filename="?([^";]+)/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? "varco-registro";
        saveFile(await response.blob(), name);
        return response.headers.get("x-varco-sha256") || "-";
      },
    });
    if (done) fill(this.verdict, h("p", { class: "outcome outcome-ok" }, icon("check"), h("span", {}, t("ledger.exported"), done.length > 1 && [" SHA-256 ", h("code", {}, `${done.slice(0, 16)}…`)])));
  }

  async verify(button) {
    if (!this.hasAim()) return;
    button.disabled = true;
    fill(this.verdict, h("p", { class: "muted" }, t("ledger.verifying")));
    try {
      const report = await post(`/api/ledger/verify?${query({ aim: this.aim.value })}`);
      this.drawHead(await get("/api/ledger/checkpoint"));
      fill(this.verdict, report.ok
        ? h("p", { class: "outcome outcome-ok" }, icon("check"), t("ledger.ok", { n: number(report.size) }))
        : [h("p", { class: "outcome outcome-bad" }, icon("fault"), t(report.findings.length === 1 ? "ledger.broken.one" : "ledger.broken", { n: number(report.findings.length) })), h("ul", {}, report.findings.map(finding))]);
    } catch (problem) {
      fill(this.verdict, h("p", { class: "field-problem" }, problem.message));
    }
    button.disabled = false;
    if (!document.body.contains(document.activeElement) || document.activeElement === document.body) this.head.querySelector("button").focus();
  }
}

/** Who else holds the ledger's seal, and up to which entry nothing can be changed unseen. */
function witnessed(head) {
  if (!head.witnesses) return null;
  const lines = head.witnesses.map((one) => t("ledger.witness", { seq: number(one.size - 1), day: day(one.time), time: clock(one.time).slice(0, 5), name: one.name }));
  if (head.anchor) lines.push(t("ledger.anchor", { seq: number(head.anchor.size - 1), day: day(head.anchor.time), time: clock(head.anchor.time).slice(0, 5) }));
  return h("ul", { class: "witnesses", data: { tone: lines.length ? "ok" : "warn" } },
    lines.length ? lines.map((line) => h("li", {}, icon("shield"), h("span", {}, line))) : h("li", {}, icon("fault"), h("span", {}, t("ledger.no-witness"))));
}

function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const finding = ({ seq, problem }) =>
  h("li", {}, seq < 0 ? t("ledger.finding.whole", { problem }) : t("ledger.finding", { seq: number(seq), problem }));

function row(entry) {
  const cell = (name, ...content) => h("td", { data: { label: t(`ledger.col.${name}`) } }, h("div", {}, content));
  return h("tr", { data: { result: entry.result } },
    cell("seq", number(entry.seq)),
    cell("time", h("time", { datetime: entry.time, title: full(entry.time) }, `${day(entry.time)}, ${clock(entry.time)}`)),
    cell("who", ...who(entry)), cell("what", ...what(entry)), cell("why", ...why(entry)), cell("result", result(entry)));
}

const small = (...content) => h("p", { class: "muted" }, content);

function who(entry) {
  const erased = entry.erased.includes("actor_id");
  const name = entry.actor || (erased ? t("ledger.erased") : entry.actor_type === "human" ? "" : t("ledger.system"));
  const role = entry.role ? word("role", entry.role) : "";
  const more = [role, entry.organisation].filter(Boolean).join(", ");
  return [h("p", {}, name), more && small(more), entry.second && small(t("ledger.second", { who: entry.second }))];
}

function what(entry) {
  const more = [
    entry.duration_ms > 0 && t("ledger.lasted", { n: number(entry.duration_ms / 1000, 1) }),
    entry.bytes > 0 && (entry.bytes < 1e6 ? t("ledger.sent.kb", { n: number(Math.ceil(entry.bytes / 1e3)) }) : t("ledger.sent", { n: number(entry.bytes / 1e6, 1) })),
    entry.closes >= 0 && t("ledger.closes", { seq: number(entry.closes) }),
  ].filter(Boolean).join(" · ");
  return [h("p", {}, word("event", entry.event), entry.object_name && [" · ", h("strong", {}, entry.object_name)]), more && small(more)];
}

function why(entry) {
  const more = [
    entry.case && t("ledger.case-is", { case: short(entry.case) }),
    entry.legal_basis && t("ledger.act-is", { act: entry.legal_basis }),
    entry.reason,
  ].filter(Boolean).join(" · ");
  const flags = (entry.flags ?? []).map((flag) => h("span", { class: `chip chip-${flag === "break-glass" ? "bad" : "warn"}` }, icon("fault"), word("flag", flag)));
  return [entry.purpose && h("p", {}, word("purpose", entry.purpose)), more && small(more), flags];
}

/** An alarm's id is long; its end is what tells two of them apart. */
const short = (text) => (/^[0-9a-f-]{36}$/.test(text) ? `…${text.slice(-8)}` : text);

function result(entry) {
  const asked = ACCESS.test(entry.event) && !entry.event.endsWith(".close");
  const key = entry.result === "ok" && !asked ? "done" : entry.result;
  const refusal = entry.result !== "ok" && entry.error ? word("refusal", entry.error) : "";
  return [h("span", { class: `chip chip-${key === "done" ? "calm" : RESULT_TONES[entry.result] ?? "calm"}` }, icon(RESULT_ICONS[entry.result] ?? "idle"), word("result", key)), refusal && small(refusal)];
}
