// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// A wall's connection (ADR 35): one offer with sixteen m-lines, then pictures by PUT, no more SDP. If the
// network is cut it begins another ICE session; if that does not help, or the gateway forgot it, a new wall.

import { Problem, get, query, request } from "./api.js";
import { t } from "./i18n.js";
import { answerWith, fragmentOf, gathered, iceServers, learnServers, preferCodecs } from "./ice.js";

export const MOST = 16;
/** Chromium says "disconnected" after some seconds without an answer, and may find back by itself. */
const GRACE_MS = 1000;
const CONNECT_MS = 8000;
const RESTARTS = 2;
const PAUSES_MS = [300, 1000, 2000, 4000];
/** What was under way to a place must not appear under the next picture's name. */
const REST_MS = 400;
const FRAGMENT = "application/trickle-ice-sdpfrag";

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** One wall at the gateway. `onCut()` when the connection fails, `onBack({ anew })` when it is there again
 * (`anew`: every picture has to be asked for again), `onGone(problem)` if the gateway refuses us. */
export class WallLink {
  constructor({ onCut, onBack, onGone }) {
    Object.assign(this, { onCut, onBack, onGone });
    this.closed = false;
    this.mending = false;
    this.forget();
  }

  forget() {
    this.pc?.close();
    this.pc = null;
    this.resource = "";
    this.answer = "";
    this.receivers = new Map();
    this.free = [];
    this.opening = null;
  }

  /** Opens the wall unless it is open; throws a Problem if the gateway refuses. */
  open() {
    this.opening ??= this.begin().catch((problem) => {
      this.forget();
      throw problem;
    });
    return this.opening;
  }

  async begin() {
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: await iceServers() });
    this.pc = pc;
    const places = Array.from({ length: MOST }, () => pc.addTransceiver("video", { direction: "recvonly" }));
    for (const place of places) {
      preferCodecs(place);
      if ("jitterBufferTarget" in place.receiver) place.receiver.jitterBufferTarget = 0;
    }
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    const response = await request("/walls", { method: "POST", type: "application/sdp", body: pc.localDescription.sdp });
    learnServers(response);
    const resource = response.headers.get("location");
    const answer = await response.text();
    if (this.closed) {
      leave(pc, resource);
      throw new Problem(0, "closed", "");
    }
    await pc.setRemoteDescription({ type: "answer", sdp: answer });
    Object.assign(this, { resource, answer });
    for (const { mid, receiver } of places) this.receivers.set(mid, receiver);
    this.free = places.map(({ mid }) => ({ mid, since: -REST_MS }));
    pc.addEventListener("connectionstatechange", () => this.watch(pc));
  }

  async watch(pc) {
    if (pc.connectionState === "disconnected") await pause(GRACE_MS);
    if (this.pc === pc && ["disconnected", "failed", "closed"].includes(pc.connectionState)) this.mend();
  }

  /** Shows a camera; returns { mid, track, receiver, ...what the gateway says of the tile }. */
  async show(camera, wish, reasons) {
    await this.open();
    const resource = this.resource;
    const place = this.free.shift();
    if (!place) throw new Problem(503, "wall-full", t("wall.full"));
    await pause(Math.max(0, place.since + REST_MS - performance.now()));
    try {
      const tile = await this.put(place.mid, camera, wish, reasons, resource);
      const receiver = this.receivers.get(place.mid);
      if (this.resource !== resource || !receiver) throw new Problem(503, "wall-gone", "");
      return { ...tile, receiver, track: receiver.track };
    } catch (error) {
      if (this.resource === resource) this.free.unshift(place);
      throw error;
    }
  }

  /** Has a picture go over to another stream of its camera; its authorisation goes on. */
  async put(mid, camera, wish, reasons, resource = this.resource) {
    const response = await request(`${resource}/tiles/${encodeURIComponent(mid)}?${query(reasons)}`, {
      method: "PUT",
      type: "application/json",
      body: JSON.stringify({ camera, stream: wish }),
    });
    return response.json();
  }

  /** Ends a picture; its place is used again last. */
  clear(mid) {
    if (!this.receivers.has(mid) || this.free.some((one) => one.mid === mid)) return;
    this.free.push({ mid, since: performance.now() });
    request(`${this.resource}/tiles/${encodeURIComponent(mid)}`, { method: "DELETE" }).catch(() => {});
  }

  /** Gives back the place of a picture that the gateway ended. */
  release(mid) {
    if (this.receivers.has(mid) && !this.free.some((one) => one.mid === mid)) this.free.push({ mid, since: performance.now() });
  }

  /** Returns what the gateway says of the tiles, by mid; null while it cannot be asked. */
  async ask() {
    const { resource } = this;
    if (!resource || this.mending) return null;
    try {
      const { state, tiles } = await get(resource);
      if (this.resource !== resource) return null;
      if (state === "open") return new Map(tiles.map((tile) => [tile.mid, tile]));
    } catch (problem) {
      if (problem.status !== 404 || this.resource !== resource) return null;
    }
    this.lost();
    return null;
  }

  lost() {
    if (this.free.length === MOST) this.forget(); // nothing was shown: the next picture opens another one
    else this.mend({ anew: true });
  }

  /** Brings the pictures back, as long as it takes. */
  async mend({ anew = false } = {}) {
    if (this.mending || this.closed) return;
    this.mending = true;
    this.onCut();
    for (let tries = 0, silent = 0; !this.closed; tries += 1) {
      try {
        const again = !anew && tries < RESTARTS;
        if (again) await this.restart();
        else await this.renew();
        if (await this.connected(again)) {
          this.mending = false;
          if (!this.closed) this.onBack({ anew: !again });
          return;
        }
      } catch (problem) {
        if (problem.status === 401) break;
        if (problem.status === 404 || problem.status === 400) anew = true;
        else if (problem.status >= 400 && problem.status !== 503 && problem.status !== 429) {
          this.onGone(problem);
          break;
        } else if (problem.status === 0) { // nobody answered: nothing was tried
          silent += 1;
          tries -= 1;
        }
      }
      await pause(PAUSES_MS[Math.min(Math.max(tries, 0) + silent, PAUSES_MS.length - 1)]);
    }
    this.mending = false;
  }

  /** Begins another ICE session of the same wall: every picture goes on. */
  async restart() {
    const { pc, resource } = this;
    if (!pc || !resource) throw new Problem(404, "not-found", "");
    pc.setConfiguration({ ...pc.getConfiguration(), iceServers: await iceServers() });
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
    await gathered(pc);
    try {
      const response = await request(resource, { method: "PATCH", type: FRAGMENT, body: fragmentOf(pc.localDescription.sdp), headers: { "If-Match": "*" } });
      this.answer = answerWith(this.answer, await response.text());
      await pc.setRemoteDescription({ type: "answer", sdp: this.answer });
    } catch (error) {
      if (pc.signalingState === "have-local-offer") await pc.setLocalDescription({ type: "rollback" }).catch(() => {});
      throw error;
    }
  }

  async renew() {
    const { pc, resource } = this;
    this.pc = null;
    leave(pc, resource);
    this.forget();
    await this.open();
  }

  /** Waits for the connection; a new wall without a picture is connected when it has one. */
  async connected(again) {
    const { pc } = this;
    for (let waited = 0; again && waited < CONNECT_MS && !this.closed && pc.connectionState !== "closed"; waited += 100) {
      if (pc.connectionState === "connected" && ["connected", "completed"].includes(pc.iceConnectionState)) return true;
      await pause(100);
    }
    return !again;
  }

  /** Ends everything. */
  close() {
    this.closed = true;
    leave(this.pc, this.resource);
    this.forget();
  }
}

function leave(pc, resource) {
  pc?.close();
  if (resource) fetch(resource, { method: "DELETE", keepalive: true }).catch(() => {});
}
