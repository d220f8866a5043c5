// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// How a live picture goes, for whoever has to mend a line: what this browser measures and the gateway says.

import { fill, h } from "./dom.js";
import { number, t, word } from "./i18n.js";

/** Flags that say what this box did to the picture. */
export const ALTERED = ["masked", "transcoded", "smaller", "limited", "watermark"];

/** Returns what the browser measures of a receiver since `before` (its `raw`), the first time since it began. */
export async function measure(receiver, before = {}) {
  const report = await receiver.getStats().catch(() => new Map());
  const all = [...report.values()];
  const got = all.find((one) => one.type === "inbound-rtp" && one.kind === "video");
  const pair = all.find((one) => one.type === "candidate-pair" && one.nominated && one.currentRoundTripTime !== undefined);
  if (!got) return { raw: before };
  const since = (name) => (got[name] ?? 0) - (before[name] ?? 0);
  const lost = Math.max(0, since("packetsLost"));
  const emitted = since("jitterBufferEmittedCount");
  return {
    raw: got,
    round_trip_s: pair?.currentRoundTripTime,
    lost: lost + since("packetsReceived") > 0 ? lost / (lost + since("packetsReceived")) : 0,
    jitter_s: got.jitter,
    buffer_s: emitted > 0 ? since("jitterBufferDelay") / emitted : 0,
    width: got.frameWidth,
    height: got.frameHeight,
    fps: got.framesPerSecond,
  };
}

const ms = (seconds) => (seconds === null || seconds === undefined ? null : t("figures.ms", { n: number(seconds * 1000, 0) }));

/** Returns from capture to this screen in seconds, and whether the camera's own clock tells the capture. */
function delay(mine, theirs) {
  const there = theirs?.to_viewer_s ?? theirs?.delay_s;
  return there === null || there === undefined ? null : there + (mine.buffer_s ?? 0);
}

/** Draws the figures into a `dl`. `mine`: of `measure`; `theirs`: of the gateway or null; `short`: where there is little room. */
export function drawFigures(list, { mine, theirs, stream, flags = [] }, short = false) {
  const loss = mine.lost ?? theirs?.fraction_lost;
  const altered = ALTERED.filter((flag) => flags.includes(flag));
  const rows = [
    ["rtt", ms(mine.round_trip_s ?? theirs?.round_trip_s)],
    ["loss", loss === undefined ? null : t("figures.percent", { n: number(loss * 100, 1) })],
    ["jitter", ms(mine.jitter_s ?? theirs?.jitter_s)],
    [theirs && !theirs.from_camera ? "delay-here" : "delay", ms(delay(mine, theirs))],
    ["picture", mine.width ? [t("figures.size", { w: mine.width, h: mine.height }), mine.fps !== undefined && t("figures.fps", { n: number(mine.fps, 0) })].filter(Boolean).join(", ") : null],
    ["stream", stream && word("rendition", stream)],
    ["altered", altered.map((flag) => t(`figures.${flag}`)).join(", ")],
  ].filter(([name, value]) => value || name !== "altered");
  fill(list, rows.map(([name, value]) => h("div", {}, h("dt", {}, t(short ? `figures.short.${name}` : `figures.${name}`)), h("dd", { data: { figure: name } }, value || "–"))));
}
