// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The small dialogue that asks purpose and case, and remembers them for the shift if wanted.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { closeShift, openShift, order } from "./shift.js";
import { forgetShift, keepShift, shift, state } from "./state.js";

/** The purpose whose case is the service order of the shift: the gateway remembers it, not this page. */
const ON_ORDER = "servizio";
const WITHOUT_CASE = new Set(["titolare"]);

/** Returns { purpose, case, reason }, or null if cancelled; asks only when the shift has none. */
export async function reasonsFor(name, { ask = false } = {}) {
  const kept = shift();
  if (kept && !ask) return { purpose: kept.purpose, case: kept.case, reason: kept.reason };
  const now = order();
  if (now && !ask) return { purpose: ON_ORDER, case: now.order, reason: "" };
  const only = state.user.purposes;
  if (!ask && only.length === 1 && WITHOUT_CASE.has(only[0])) return { purpose: only[0], case: "", reason: "" };
  return askReasons(name, kept);
}

/** A service order is opened at the gateway; other reasons stay with this tab. */
async function remember(answer, keep) {
  forgetShift();
  if (!keep) return;
  if (answer.purpose === ON_ORDER) {
    const now = order();
    if (now?.order === answer.case) return;
    if (now) await closeShift();
    try {
      await openShift(answer.case);
      return;
    } catch (problem) {
      if (problem.status !== 404 && problem.status !== 405) throw problem;
    }
  }
  keepShift(answer);
}

function askReasons(name, kept) {
  return new Promise((resolve) => {
    const purpose = h("select", { id: "why-purpose", name: "purpose" },
      state.user.purposes.map((code) => h("option", { value: code, selected: kept?.purpose === code }, t(`purpose.${code}`))));
    const caseLabel = h("label", { for: "why-case" });
    const caseInput = h("input", { id: "why-case", name: "case", maxlength: "100", autocomplete: "off", "aria-describedby": "why-problem" });
    caseInput.value = kept?.case ?? order()?.order ?? "";
    const caseField = h("div", { class: "field" }, caseLabel, caseInput);
    const reason = h("input", { id: "why-reason", name: "reason", maxlength: "200", autocomplete: "off" });
    reason.value = kept?.reason ?? "";
    const keep = h("input", { type: "checkbox", id: "why-keep" });
    keep.checked = true;
    const problem = h("p", { class: "field-problem", id: "why-problem", role: "alert" });
    const form = h("form", { method: "dialog", class: "stack" },
      h("h2", { id: "why-title" }, t("why.title", { name })),
      h("p", { class: "muted" }, t("why.lead")),
      h("div", { class: "field" }, h("label", { for: "why-purpose" }, t("why.purpose")), purpose),
      caseField, problem,
      h("div", { class: "field" }, h("label", { for: "why-reason" }, t("why.reason")), reason),
      h("div", { class: "check" }, keep, h("label", { for: "why-keep" }, t("why.keep"))),
      h("div", { class: "actions" },
        h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, t("why.cancel")),
        h("button", { type: "submit", class: "primary" }, t("why.submit"))));
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "why-title" }, form);
    const needsCase = () => !WITHOUT_CASE.has(purpose.value);
    const shape = () => {
      caseField.hidden = !needsCase();
      caseLabel.textContent = needsCase() ? t(`why.case.${purpose.value}`) : "";
    };
    let answer = null;
    purpose.addEventListener("change", shape);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (needsCase() && !caseInput.value.trim()) {
        problem.textContent = t("why.missing");
        caseInput.setAttribute("aria-invalid", "true");
        caseInput.focus();
        return;
      }
      answer = { purpose: purpose.value, case: needsCase() ? caseInput.value.trim() : "", reason: reason.value.trim() };
      try {
        await remember(answer, keep.checked);
      } catch (refusal) {
        answer = null;
        problem.textContent = refusal.message;
        caseInput.focus();
        return;
      }
      dialog.close();
    });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    shape();
    document.body.append(dialog);
    dialog.showModal();
    (needsCase() ? caseInput : purpose).focus();
  });
}
