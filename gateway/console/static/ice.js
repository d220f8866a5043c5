// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// What WebRTC needs before an offer is sent: TURN servers of the box, codecs that it can answer, candidates.

import { request } from "./api.js";

const GATHER_MS = 250;
/** Credentials are good for a minute at least; each use asks for fresh ones after half of that. */
const KEPT_MS = 30_000;
const LINK = /<([^>]+)>((?:\s*;\s*[\w-]+="[^"]*")*)/g;
const PARAMETER = /([\w-]+)="([^"]*)"/g;
const CODECS = /^video\/(h264|h265|rtx)$/i;

let known = null;

/** Returns the ICE servers of a Link header (RFC 9725, 4.6); none without it. */
export function serversOf(header) {
  return [...(header ?? "").matchAll(LINK)].flatMap(([, url, rest]) => {
    const found = Object.fromEntries([...rest.matchAll(PARAMETER)].map(([, name, value]) => [name.toLowerCase(), value]));
    return found.rel === "ice-server" ? [{ urls: url, username: found.username, credential: found.credential }] : [];
  });
}

/** Keeps the ICE servers that an answer names. */
export function learnServers(response) {
  known = { at: performance.now(), servers: serversOf(response.headers.get("link")) };
}

/** Returns the ICE servers of the box; what was known before if it does not answer. */
export async function iceServers() {
  if (known && performance.now() - known.at < KEPT_MS) return known.servers;
  await request("/whep/-", { method: "OPTIONS" }).then(learnServers).catch(() => {});
  return known?.servers ?? [];
}

/** Offers only what the box can send, H.264 first: sixteen m-lines stay small. */
export function preferCodecs(transceiver) {
  const { codecs } = RTCRtpReceiver.getCapabilities?.("video") ?? { codecs: [] };
  const wanted = codecs.filter(({ mimeType }) => CODECS.test(mimeType));
  if (!transceiver.setCodecPreferences || !wanted.some(({ mimeType }) => /h264$/i.test(mimeType))) return;
  const rank = ({ mimeType }) => ["h264", "h265", "rtx"].indexOf(mimeType.slice(6).toLowerCase());
  transceiver.setCodecPreferences(wanted.sort((a, b) => rank(a) - rank(b)));
}

/** Waits briefly for candidates: the gateway is ICE-lite and needs none of ours to answer. */
export function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Returns the fragment (RFC 8840) that begins another ICE session, from the offer that asks for it. */
export function fragmentOf(sdp) {
  const lines = sdp.split(/\r\n|\n/);
  const first = (name) => lines.find((line) => line.startsWith(`a=${name}:`));
  const candidates = lines.filter((line) => line.startsWith("a=candidate:"));
  return [first("ice-ufrag"), first("ice-pwd"), "m=video 9 UDP/TLS/RTP/SAVPF 0", first("mid"), ...candidates, ""].filter((line) => line !== undefined).join("\r\n");
}

/** Returns an answer with the gateway's new ICE session in it. */
export function answerWith(sdp, fragment) {
  const value = (name) => new RegExp(`^a=${name}:(.*?)\\r?$`, "m").exec(fragment)?.[1];
  const candidates = [...fragment.matchAll(/^a=candidate:.*?$/gm)].map(([line]) => line.trim());
  const rest = sdp.replace(/^a=candidate:.*\r?\n/gm, "")
    .replace(/^a=ice-ufrag:.*?(\r?)$/gm, (_, end) => `a=ice-ufrag:${value("ice-ufrag")}${end}`).replace(/^a=ice-pwd:.*?(\r?)$/gm, (_, end) => `a=ice-pwd:${value("ice-pwd")}${end}`);
  const at = rest.indexOf("a=ice-ufrag:", rest.indexOf("m=video"));
  return candidates.length && at > 0 ? `${rest.slice(0, at)}${candidates.join("\r\n")}\r\n${rest.slice(at)}` : rest;
}
