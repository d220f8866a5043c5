// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// One small dialogue for everything that asks: fields with labels, a sentence when it fails.

import { h } from "./dom.js";
import { t } from "./i18n.js";

let opened = 0;

/** Asks for values. `fields`: { name, label, type, value, required, minlength, maxlength, hint, options, min, mode };
 * A file is read as its digest; with `raw` it is the file itself.
 * `body`: elements above the fields; `run(values)` does the work and may throw a Problem, which is shown here.
 * Returns what `run` returned (the values without one), or null if cancelled. */
export function ask({ title, lead = "", body = [], fields = [], submit, tone = "primary", cancel = t("dialog.cancel"), run }) {
  return new Promise((resolve) => {
    const id = `ask${(opened += 1)}`;
    const inputs = fields.map((field) => build(id, field));
    const problem = h("p", { class: "field-problem", id: `${id}-problem`, role: "alert" });
    const send = submit && h("button", { type: "submit", class: tone }, submit);
    const form = h("form", { method: "dialog", class: "stack", novalidate: true },
      h("h2", { id: `${id}-title`, tabindex: "-1" }, title), lead && h("p", { class: "muted" }, lead), body,
      inputs.map(({ element }) => element), problem,
      h("div", { class: "actions" }, h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, cancel), send));
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": `${id}-title` }, form);
    let answer = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const wrong = inputs.find(({ field, input }) => mistake(field, input));
      for (const { input } of inputs) input.removeAttribute("aria-invalid");
      if (wrong) {
        wrong.input.setAttribute("aria-invalid", "true");
        problem.textContent = mistake(wrong.field, wrong.input);
        wrong.input.focus();
        return;
      }
      problem.textContent = "";
      send.disabled = true;
      try {
        const values = {};
        for (const { field, read } of inputs) values[field.name] = await read();
        answer = run ? ((await run(values)) ?? values) : values;
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
        send.disabled = false;
        (inputs[0]?.input ?? send).focus();
      }
    });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    document.body.append(dialog);
    dialog.showModal();
    (inputs[0]?.input ?? (send && tone === "primary" ? send : form.querySelector("h2"))).focus();
  });
}

function mistake(field, input) {
  const value = input.type === "checkbox" ? (input.checked ? "x" : "") : input.value.trim();
  if (field.required && !value) return t("dialog.missing", { label: field.label });
  if (field.minlength && value.length < field.minlength && (value || field.required)) return t("dialog.short", { label: field.label, n: field.minlength });
  return "";
}

function build(id, field) {
  const at = `${id}-${field.name}`;
  const hint = field.hint && h("p", { class: "muted hint", id: `${at}-hint` }, field.hint);
  const described = [hint && `${at}-hint`, `${id}-problem`].filter(Boolean).join(" ");
  const common = { id: at, name: field.name, "aria-describedby": described, required: field.required };
  if (field.type === "check") {
    const input = h("input", { type: "checkbox", ...common });
    return { field, input, read: () => input.checked, element: h("div", { class: "check" }, input, h("label", { for: at }, field.label)) };
  }
  const input = field.options
    ? h("select", common, field.options.map(([value, label]) => h("option", { value, selected: value === field.value }, label)))
    : h(field.type === "area" ? "textarea" : "input", { ...common, type: field.type === "area" ? null : field.type ?? "text", rows: field.type === "area" ? "3" : null,
      maxlength: field.maxlength ?? null, min: field.min ?? null, autocomplete: "off", inputmode: field.mode ?? null, class: field.class ?? null });
  if (!field.options && field.value !== undefined) input.value = field.value;
  const read = field.raw ? () => input.files[0] : field.type === "file" ? () => digest(input.files[0]) : () => input.value.trim();
  return { field, input, read, element: h("div", { class: "field" }, h("label", { for: at }, field.label), input, hint) };
}

/** Returns the SHA-256 of a file in hexadecimal; the file itself stays here. */
async function digest(file) {
  if (!file) return "";
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Returns the field by which a document's digest is entered: a file where the browser can compute it. */
export const documentField = () => (crypto.subtle
  ? { name: "document_sha256", label: t("dialog.document"), type: "file", hint: t("dialog.document.file") }
  : { name: "document_sha256", label: t("dialog.document.sha"), maxlength: 64, hint: t("dialog.document.text") });
