// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// "Perché?": the questions that the gate asked, one after another, and what each answer was.

import { get, query } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { full, language, t } from "./i18n.js";

/** Fills `place` with the decision about a camera; `reasons` as they would be asked with. */
export async function explain(place, camera, reasons = {}) {
  place.hidden = false;
  fill(place, h("p", { class: "muted" }, t("app.loading")));
  try {
    const { purpose = "", case: file = "" } = reasons;
    draw(place, await get(`/api/cameras/${encodeURIComponent(camera)}/why?${query({ action: "live", purpose, case: file })}`));
  } catch (problem) {
    fill(place, h("p", { class: "field-problem", role: "alert" }, problem.message));
  }
}

const said = (step) => (language() === "it" ? step.text_it : step.text_en) || step.answer;

function draw(place, found) {
  const outcome = h("p", { class: `explain-outcome ${found.allowed ? "tone-ok" : "tone-bad"}` }, icon(found.allowed ? "check" : "lock"),
    h("strong", {}, t(found.allowed ? "explain.allowed" : "explain.refused")));
  const steps = h("ol", { class: "steps" }, found.steps.map((step) =>
    h("li", { data: { ok: String(step.ok) } }, icon(step.ok ? "check" : "cross"),
      h("span", {}, h("span", { class: "unseen" }, `${t(step.ok ? "explain.ok" : "explain.not-ok")}: `), said(step)))));
  const notes = [
    found.expires && t("explain.until", { when: full(found.expires) }),
    found.policy_version && t("explain.version", { n: found.policy_version }),
  ].filter(Boolean).join(" · ");
  fill(place, outcome, steps, notes && h("p", { class: "muted" }, notes));
}
