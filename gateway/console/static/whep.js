// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// WHEP client (draft-ietf-wish-whep-03): one offer, one answer, recvonly, no third party.

import { query, request } from "./api.js";
import { gathered, iceServers, learnServers } from "./ice.js";

/** Opens a live picture: `rendition` main for incidents, sub where it is small. Returns
 * { stream, rendition, resource, pc, close }; throws a Problem if refused. */
export async function open(camera, reasons, rendition) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: await iceServers() });
  try {
    const transceiver = pc.addTransceiver("video", { direction: "recvonly" });
    const stream = new MediaStream([transceiver.receiver.track]);
    if ("jitterBufferTarget" in transceiver.receiver) transceiver.receiver.jitterBufferTarget = 0;
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    const response = await request(`/whep/${encodeURIComponent(camera)}?${query({ ...reasons, stream: rendition })}`, {
      method: "POST",
      type: "application/sdp",
      body: pc.localDescription.sdp,
    });
    learnServers(response);
    const resource = response.headers.get("location");
    await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
    return { pc, stream, rendition, resource, close: () => close(pc, resource) };
  } catch (error) {
    pc.close();
    throw error;
  }
}

function close(pc, resource) {
  pc.close();
  if (resource) fetch(resource, { method: "DELETE", keepalive: true }).catch(() => {});
}
