// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Builds elements from data; text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** Returns an element. Props: class, on<event> functions, data: {}, booleans, else attributes. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProp(element, name, value);
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function setProp(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "data") Object.assign(element.dataset, value);
  else if (name === "value" || name === "muted" || name === "srcObject") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

/** Where the icons are: in the page itself once they are loaded, so that they survive the network. */
let sprite = "/static/icons.svg#";

/** Brings the icons into the page. */
export async function loadIcons() {
  const text = await fetch("/static/icons.svg").then((response) => response.text()).catch(() => "");
  const symbols = new DOMParser().parseFromString(text, "image/svg+xml").querySelectorAll("symbol");
  if (!symbols.length) return;
  for (const symbol of symbols) symbol.id = `icon-${symbol.id}`;
  const holder = s("svg", { class: "unseen", "aria-hidden": "true", focusable: "false" }, ...symbols);
  document.body.append(holder);
  sprite = "#icon-";
}

/** Returns a decorative icon of the sprite; words always stand beside it. */
export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}${name}`);
  svg.append(use);
  return svg;
}

/** Returns an SVG element of any kind. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Replaces what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Keeps one child per key, in order, and leaves unchanged ones alone (focus and video survive). */
export function reconcile(parent, items, keyOf, build, update) {
  const existing = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, at) => {
    const key = keyOf(item);
    let child = existing.get(key);
    existing.delete(key);
    if (child) update(child, item);
    else {
      child = build(item);
      child.dataset.key = key;
    }
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
  for (const gone of existing.values()) gone.remove();
}

/** One timer per place, so that a polite sentence never swallows an urgent one. */
const timers = new Map();

/** Lets a screen reader say a sentence: politely, or at once if urgent. */
export function say(sentence, { urgent = false } = {}) {
  const place = document.getElementById(urgent ? "urgent" : "spoken");
  place.textContent = "";
  clearTimeout(timers.get(place));
  timers.set(place, setTimeout(() => { place.textContent = sentence; }, 60));
}
