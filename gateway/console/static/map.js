// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Where things are, drawn here: no tiles, so nobody outside learns which town is looked at.

import { h, s } from "./dom.js";
import { number, t } from "./i18n.js";

const WIDTH = 640;
const HEIGHT = 360;
const EDGE = 44;
/** Metres of a degree of latitude (WGS 84, mean). */
const METRES = 111_320;
/** What is shown at least, in metres: one incident alone is not drawn as if it filled the town. */
const LEAST_M = 400;
const MARK = 13;
const MOST_CAMERAS = 500;

/** Returns whether something has a place; 0/0 is in the sea off Ghana and means: not entered. */
export const hasPlace = (one) => Number.isFinite(one.latitude) && Number.isFinite(one.longitude) && !(one.latitude === 0 && one.longitude === 0);

/** Returns the plane that shows all these places: `at(place)` in units of the drawing, and units per metre. */
export function plane(places) {
  const lats = places.map((one) => one.latitude);
  const middle = (Math.min(...lats) + Math.max(...lats)) / 2;
  const across = METRES * Math.max(0.01, Math.cos((middle * Math.PI) / 180));
  // two places either side of the 180th meridian are not in one town
  const metres = places.map((one) => [one.longitude * across, -one.latitude * METRES]);
  const [left, right, top, bottom] = [0, 1].flatMap((axis) => [Math.min(...metres.map((one) => one[axis])), Math.max(...metres.map((one) => one[axis]))]);
  const scale = Math.min((WIDTH - 2 * EDGE) / Math.max(LEAST_M, right - left), (HEIGHT - 2 * EDGE) / Math.max(LEAST_M, bottom - top));
  const at = ({ latitude, longitude }) => [
    WIDTH / 2 + (longitude * across - (left + right) / 2) * scale,
    HEIGHT / 2 + (-latitude * METRES - (top + bottom) / 2) * scale,
  ];
  return { at, scale };
}

/** Returns a round length in metres that takes about a quarter of the drawing. */
export function ruler(scale) {
  const most = WIDTH / 4 / scale;
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((one) => one * power).find((one) => one <= most);
}

/** Moves marks apart that would hide each other: each one down a little until it is free. */
export function apart(points) {
  const placed = [];
  for (const [x, y] of points) {
    let [free, turn] = [[x, y], 0];
    while (turn < 40 && placed.some((one) => Math.hypot(one[0] - free[0], one[1] - free[1]) < 2 * MARK + 6)) {
      turn += 1;
      const far = MARK * (1 + turn / 3);
      free = [x + far * Math.sin(turn * 2.4), y + far * Math.cos(turn * 2.4)].map((one, axis) => Math.min(Math.max(one, MARK), (axis ? HEIGHT : WIDTH) - MARK));
    }
    placed.push(free);
  }
  return placed;
}

/** The incidents that go on, where they are, and the cameras around them. For the eye and the mouse: the list beside it
 * has the same links and words for everybody. */
export class IncidentMap {
  constructor() {
    this.note = h("p", { class: "muted" });
    this.canvas = h("div", { class: "town-map" });
    this.element = h("section", { "aria-labelledby": "map-title", hidden: true }, h("h2", { id: "map-title" }, t("map.title")), this.canvas, this.note);
  }

  /** Draws anew where something changed. */
  update(incidents, cameras) {
    const shown = incidents.filter(hasPlace);
    const around = shown.length ? cameras.filter(hasPlace).slice(0, MOST_CAMERAS) : [];
    this.element.hidden = !shown.length;
    const lost = incidents.length - shown.length;
    this.note.textContent = lost ? t(lost === 1 ? "map.lost.one" : "map.lost", { n: lost }) : "";
    const drawn = JSON.stringify([shown.map((one) => [one.id, one.title, one.priority, one.latitude, one.longitude]), around.map((one) => [one.id, one.latitude, one.longitude])]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.canvas.replaceChildren(...(shown.length ? [draw(shown, around)] : []));
  }
}

function draw(incidents, cameras) {
  const { at, scale } = plane([...incidents, ...near(incidents, cameras)]);
  const marks = apart(incidents.map(at));
  const metres = ruler(scale);
  return s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", focusable: "false" },
    s("rect", { width: WIDTH, height: HEIGHT, class: "map-ground" }),
    ...cameras.map((one) => [one, at(one)]).filter(([, [x, y]]) => x > 0 && x < WIDTH && y > 0 && y < HEIGHT)
      .map(([one, [x, y]]) => s("circle", { cx: x, cy: y, r: 4, class: "map-camera" }, s("title", {}, one.name))),
    ...incidents.map((one, index) => mark(one, at(one), marks[index])),
    s("g", { class: "map-ruler" },
      s("path", { d: `M 16 ${HEIGHT - 22} v 6 h ${metres * scale} v -6` }),
      text(20, HEIGHT - 26, metres < 1000 ? `${number(metres)} m` : `${number(metres / 1000)} km`),
      s("path", { d: `M ${WIDTH - 24} 34 V 14 m -5 7 l 5 -7 l 5 7` }), text(WIDTH - 28, 48, t("map.north"))));
}

/** Returns the cameras that are not so far off that incidents would shrink to one point. */
function near(incidents, cameras) {
  const own = plane(incidents);
  return cameras.filter((one) => { const [x, y] = own.at(one); return x > -WIDTH && x < 2 * WIDTH && y > -HEIGHT && y < 2 * HEIGHT; });
}

function mark(one, [x, y], [left, top]) {
  const words = t("map.incident", { name: one.title, priority: t(`severity.${one.priority}`) });
  const label = one.title.length > 28 ? `${one.title.slice(0, 27)}…` : one.title;
  const isRight = left > WIDTH * 0.7;
  const name = text(left + (isRight ? -MARK - 5 : MARK + 5), top + 4, label);
  if (isRight) name.setAttribute("text-anchor", "end");
  return s("a", { href: `#/interventi/${one.id}`, "aria-label": words, tabindex: "-1", class: "map-incident", "data-level": one.priority },
    s("title", {}, words),
    ...(Math.hypot(left - x, top - y) > 1 ? [s("path", { d: `M ${x} ${y} L ${left} ${top}` })] : []),
    s("circle", { cx: left, cy: top, r: MARK }), text(left - 4, top + 5, String(one.priority), "map-level"), name);
}

const text = (x, y, words, style = "map-words") => s("text", { x, y, class: style }, words);
