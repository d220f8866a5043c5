// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Two ways past a refusal that stay lawful: break the glass, or ask a second person.

import { post, request } from "./api.js";
import { ask } from "./dialog.js";
import { h, icon, say } from "./dom.js";
import { clock, t } from "./i18n.js";
import { state } from "./state.js";

const BREAKERS = /^(ps\.|pl\.operator)/;
/** What no emergency opens: the owner's off-switch, a school with people inside, masks, the ledger. */
const NEVER = new Set([
  "unknown-camera", "role-may-not", "purpose-missing", "purpose-not-allowed", "case-missing", "reason-missing", "paused-by-owner", "school-open",
  "mask-cannot-be-applied", "ledger-not-writable", "second-person-needed", "break-glass-not-possible", "alarm-closed",
]);
const REASON = 10;

/** Returns whether an emergency may be declared after this refusal. */
export const mayBreak = (problem) => problem.status === 403 && BREAKERS.test(state.user?.role ?? "") && !NEVER.has(problem.code);

/** Asks for the reason and says what follows; returns the reasons of the look, or null. */
export const breakGlass = (name, reasons) => ask({
  title: t("glass.title", { name }), submit: t("glass.submit"), tone: "alarm",
  body: [h("ul", { class: "consequences" },
    ["glass.owner", "glass.time", "glass.ledger"].map((key) => h("li", {}, icon("fault"), t(key))))],
  fields: [
    { name: "reason", label: t("glass.reason"), type: "area", required: true, minlength: REASON, maxlength: 200, hint: t("glass.reason.hint", { n: REASON }) },
    { name: "case", label: t("glass.case"), required: true, maxlength: 100, value: reasons?.case ?? "" },
  ],
  run: (values) => ({ purpose: reasons?.purpose === "allarme" ? "allarme" : "intervento", case: values.case, reason: values.reason, break_glass: "true" }),
});

/** Asks the gateway for a code and shows it; returns it once the colleague agreed, else null. */
export async function askColleague(camera, name, reasons) {
  const { purpose, case: file, reason = "" } = reasons;
  const broken = reasons.break_glass ? { break_glass: true } : {};
  const { code, expires } = await post("/api/second", { request: { camera, action: "live", purpose, case: file, reason, ...broken } });
  const spoken = code.split("").join(" ");
  return ask({
    title: t("second.title", { name }), lead: t("second.lead"), submit: t("second.go"),
    body: [h("p", { class: "big-code" }, h("span", { class: "unseen" }, `${t("second.code")}: ${spoken}`), h("span", { "aria-hidden": "true" }, code)),
      h("p", { class: "hint" }, t("second.expires", { time: clock(expires).slice(0, 5) }))],
    run: () => code,
  });
}

/** A colleague's side: enter the code that was read out. */
export const confirmColleague = () => ask({
  title: t("second.confirm.title"), lead: t("second.confirm.lead"), submit: t("second.confirm"),
  fields: [{ name: "code", label: t("second.code"), required: true, maxlength: 16, class: "code-input" }],
  run: async ({ code }) => {
    await request(`/api/second/${encodeURIComponent(code.replaceAll(/\s/g, ""))}`, { method: "POST" });
    say(t("second.confirmed"));
  },
});
