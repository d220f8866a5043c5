// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The account of who looked: choose a lawful aim, read, verify.

import { get, post, query } from "../api.js";
import { fill, h, icon, say } from "../dom.js";
import { clock, day, full, number, t, word } from "../i18n.js";

const AIMS = ["verifica-liceita", "controllo-interno", "integrita-sicurezza", "procedimento-penale"];
const PAGE = 50;
const RESULT_ICONS = { ok: "check", denied: "lock", error: "fault" };
const RESULT_TONES = { ok: "ok", denied: "warn", error: "bad" };
/** Families of events that are somebody asking; elsewhere "ok" only means that it happened. */
const ACCESS = /^(live|playback|log)\./;

/** Shows the page. */
export function ledger(container) {
  new LedgerView(container);
  return { title: t("ledger.title"), leave() {} };
}

class LedgerView {
  constructor(container) {
    this.page = null;
    this.aim = h("select", { id: "aim", required: true, "aria-describedby": "aim-problem" },
      h("option", { value: "" }, t("ledger.aim.choose")), AIMS.map((code) => h("option", { value: code }, t(`purpose.${code}`))));
    this.case = h("input", { id: "ledger-case", maxlength: "100", autocomplete: "off" });
    this.problem = h("p", { class: "field-problem", id: "aim-problem", role: "alert" });
    this.head = h("section", { class: "panel", hidden: true });
    this.verdict = h("div", { role: "status", class: "verdict-line" });
    this.table = h("div", { class: "ledger" });
    const form = h("form", { class: "ask", novalidate: true, onsubmit: (event) => { event.preventDefault(); this.read(null); } },
      h("div", { class: "field" }, h("label", { for: "aim" }, t("ledger.aim")), this.aim),
      h("div", { class: "field" }, h("label", { for: "ledger-case" }, t("ledger.case")), this.case),
      h("button", { type: "submit", class: "primary" }, icon("book"), t("ledger.read")));
    container.append(
      h("div", { class: "page-head" }, h("div", {}, h("h1", { tabindex: "-1" }, t("ledger.title")), h("p", { class: "muted" }, t("ledger.lead")))),
      form, this.problem, this.head, this.table);
  }

  hasAim() {
    const missing = !this.aim.value;
    this.problem.textContent = missing ? t("ledger.aim.missing") : "";
    this.aim.setAttribute("aria-invalid", String(missing));
    if (missing) this.aim.focus();
    return !missing;
  }

  async read(after) {
    if (!this.hasAim()) return;
    try {
      this.page = await get(`/api/ledger?${query({ aim: this.aim.value, case: this.case.value.trim(), after, limit: PAGE })}`);
      this.draw();
    } catch (problem) {
      this.problem.textContent = problem.message;
    }
  }

  draw() {
    const { head, entries } = this.page;
    this.drawHead(head);
    if (!entries.length) {
      fill(this.table, h("p", { class: "notice" }, t("ledger.none")));
      return;
    }
    const first = entries[0].seq;
    const last = entries[entries.length - 1].seq;
    const range = t("ledger.entries", { first: number(first), last: number(last), size: number(head.size) });
    const older = h("button", { type: "button", class: "quiet", disabled: first === 0, onclick: () => this.read(Math.max(first - PAGE - 1, -1)) }, t("ledger.older"));
    const newer = h("button", { type: "button", class: "quiet", disabled: last >= head.size - 1, onclick: () => this.read(last) }, t("ledger.newer"));
    const columns = ["seq", "time", "who", "what", "why", "result"];
    const table = h("table", {}, h("caption", { class: "unseen" }, range),
      h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, t(`ledger.col.${name}`))))),
      h("tbody", {}, [...entries].reverse().map(row)));
    fill(this.table, h("div", { class: "pager" }, h("p", { class: "muted" }, range), h("div", {}, newer, older)), table);
    say(range);
  }

  drawHead(head) {
    this.head.hidden = false;
    const verify = h("button", { type: "button", class: "primary", onclick: () => this.verify(verify) }, icon("shield"), t("ledger.verify"));
    const copied = h("span", { role: "status", class: "muted" });
    const copy = h("button", { type: "button", class: "link", onclick: async () => { await navigator.clipboard?.writeText(head.note); copied.textContent = t("ledger.copied"); } }, t("ledger.copy"));
    fill(this.head, h("div", { class: "head-row" },
      h("h2", {}, t("ledger.head")),
      h("dl", { class: "head-facts" },
        h("div", {}, h("dt", {}, t("ledger.size")), h("dd", {}, number(head.size))),
        h("div", {}, h("dt", {}, t("ledger.root")), h("dd", {}, h("code", { title: head.root }, `${head.root.slice(0, 16)}…`)))),
      verify), this.verdict,
    h("details", {}, h("summary", {}, t("ledger.note")), h("pre", { tabindex: "0" }, head.note), copy, " ", copied));
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
  return [h("p", {}, name), more && small(more)];
}

function what(entry) {
  const more = [
    entry.duration_ms > 0 && t("ledger.lasted", { n: number(entry.duration_ms / 1000, 1) }),
    entry.bytes > 0 && t("ledger.sent", { n: number(entry.bytes / 1e6, 2) }),
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
  return [entry.purpose && h("p", {}, word("purpose", entry.purpose)), more && small(more)];
}

/** An alarm's id is long; its end is what tells two of them apart. */
const short = (text) => (/^[0-9a-f-]{36}$/.test(text) ? `…${text.slice(-8)}` : text);

function result(entry) {
  const asked = ACCESS.test(entry.event) && !entry.event.endsWith(".close");
  const key = entry.result === "ok" && !asked ? "done" : entry.result;
  const refusal = entry.result !== "ok" && entry.error ? word("refusal", entry.error) : "";
  return [h("span", { class: `chip chip-${key === "done" ? "calm" : RESULT_TONES[entry.result] ?? "calm"}` }, icon(RESULT_ICONS[entry.result] ?? "idle"), word("result", key)), refusal && small(refusal)];
}
