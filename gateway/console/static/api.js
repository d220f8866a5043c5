// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Talks to the gateway; every failure becomes a Problem with a sentence for people.

import { language, t } from "./i18n.js";

/** What went wrong: `title` in the language shown, `code` stable, `status` 0 if nobody answered. */
export class Problem extends Error {
  constructor(status, code, title) {
    super(title);
    this.status = status;
    this.code = code;
  }
}

let onSignedOut = () => {};

/** Sets what happens when the gateway no longer knows us. */
export const whenSignedOut = (action) => { onSignedOut = action; };

/** Sends a request; returns the response if it is a success, throws a Problem else. */
export async function request(path, { method = "GET", body, type, headers = {}, signal } = {}) {
  const all = { "Accept-Language": language(), ...headers };
  // only what a person does keeps the sign-in awake, not what an open page asks by itself
  if (navigator.userActivation?.isActive ?? method !== "GET") all["X-Varco-Person"] = "1";
  if (type) all["Content-Type"] = type;
  let response;
  try {
    response = await fetch(path, { method, body, headers: all, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "no-answer", t("problem.no-answer"));
  }
  if (response.ok) return response;
  throw await problemOf(response, path);
}

async function problemOf(response, path) {
  let code = "error";
  let title = t("problem.status", { status: response.status });
  if ((response.headers.get("content-type") ?? "").includes("json")) {
    const problem = await response.json().catch(() => ({}));
    code = problem.code ?? code;
    title = problem.title ?? title;
  }
  if (response.status === 401 && !(path === "/api/session")) onSignedOut();
  return new Problem(response.status, code, title);
}

/** Returns the JSON of a resource. */
export async function get(path, options) {
  return (await request(path, options)).json();
}

/** Posts JSON; returns the JSON of the answer, or null if it has none. */
export async function post(path, value, headers = {}) {
  const response = await request(path, { method: "POST", type: "application/json", body: JSON.stringify(value ?? {}), headers });
  return response.status === 204 ? null : response.json();
}

/** Returns a query string without empty values. */
export function query(values) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== "" && value !== null && value !== undefined) parameters.set(name, value);
  return parameters.toString();
}
