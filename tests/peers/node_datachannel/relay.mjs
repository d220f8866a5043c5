// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// A relay on libdatachannel (npm node-datachannel): plain RTP in over UDP, WHEP out.
//
// argv: one JSON object { address, port, feed, way }. `way` "forward" gives each viewer the packets
// as they came; "packetize" puts a picture together once and has the library cut it for each viewer.
// Prints "ready". Its sender reports and its answers to NACK are the library's own.
import dgram from "node:dgram";
import http from "node:http";
import ndc from "node-datachannel";

const told = JSON.parse(process.argv[2]);
const KEPT_PACKETS = 512;
const RECEIVE_BUFFER_BYTES = 4 << 20;
const START_CODE = Buffer.from([0, 0, 0, 1]);
const viewers = new Set();

function numberOf(sdp, pattern) {
  const found = sdp.match(pattern);
  if (!found) throw new Error(`no ${pattern} in the offer`);
  return found[1];
}

// the first H.264 with packetization mode 1, and its RTX if there is one
function typesOf(sdp) {
  const h264 = [...sdp.matchAll(/^a=rtpmap:(\d+) H264\/90000/gm)].map((one) => one[1]);
  const type = h264.find((one) => new RegExp(`^a=fmtp:${one} .*packetization-mode=1`, "m").test(sdp));
  if (!type) throw new Error("no H.264 in the offer");
  return Number(type);
}

function open(offer, reply) {
  const type = typesOf(offer);
  const mid = numberOf(offer, /^a=mid:(\S+)/m);
  const ssrc = 1 + Math.floor(Math.random() * 0xfffffffe);
  const peer = new ndc.PeerConnection("viewer", {
    iceServers: [], bindAddress: told.address, disableAutoNegotiation: true, mtu: 1400,
  });
  const video = new ndc.Video(mid, "SendOnly");
  video.addH264Codec(type, "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1");
  video.addSSRC(ssrc, "camera", "camera", "camera");
  const track = peer.addTrack(video);
  const config = new ndc.RtpPacketizationConfig(ssrc, "camera", type, 90000);
  const first = told.way === "packetize"
    ? new ndc.H264RtpPacketizer("LongStartSequence", config, 1188)
    : new ndc.RtcpSrReporter(config);
  if (told.way === "packetize") first.addToChain(new ndc.RtcpSrReporter(config));
  first.addToChain(new ndc.RtcpNackResponder(KEPT_PACKETS));
  track.setMediaHandler(first);
  const viewer = { peer, track, type, ssrc, config, ready: false };
  track.onOpen(() => { viewer.ready = true; });
  track.onClosed(() => { viewers.delete(viewer); });
  peer.onStateChange((state) => {
    if (state === "closed" || state === "failed" || state === "disconnected") viewers.delete(viewer);
  });
  peer.onGatheringStateChange((state) => {
    if (state !== "complete") return;
    reply.writeHead(201, { "Content-Type": "application/sdp", Location: "/" });
    reply.end(peer.localDescription().sdp);
  });
  viewers.add(viewer);
  peer.setRemoteDescription(offer, "offer");
  peer.setLocalDescription("answer");
}

// every viewer's stream differs in payload type and SSRC alone: these are written in place
function forward(packet) {
  const marker = packet[1] & 0x80;
  for (const one of viewers) {
    if (!one.ready) continue;
    packet[1] = marker | one.type;
    packet.writeUInt32BE(one.ssrc, 8);
    try { one.track.sendMessageBinary(packet); } catch { one.ready = false; }
  }
}

let picture = [];
let fragment = [];

function gather(packet) {
  const payload = packet.subarray(12);
  const kind = payload[0] & 31;
  if (kind === 28) {
    if (payload[1] & 0x80) fragment = [Buffer.from([(payload[0] & 0xe0) | (payload[1] & 31)])];
    fragment.push(payload.subarray(2));
    if (payload[1] & 0x40) picture.push(START_CODE, ...fragment);
  } else if (kind === 24) {
    for (let at = 1; at + 2 < payload.length;) {
      const size = payload.readUInt16BE(at);
      picture.push(START_CODE, payload.subarray(at + 2, at + 2 + size));
      at += 2 + size;
    }
  } else picture.push(START_CODE, payload);
  if (!(packet[1] & 0x80)) return;
  const whole = Buffer.concat(picture);
  picture = [];
  const timestamp = packet.readUInt32BE(4);
  for (const one of viewers) {
    if (!one.ready) continue;
    one.config.timestamp = timestamp;
    try { one.track.sendMessageBinary(whole); } catch { one.ready = false; }
  }
}

const feed = dgram.createSocket({ type: "udp4", recvBufferSize: RECEIVE_BUFFER_BYTES });
feed.on("message", told.way === "packetize" ? gather : forward);
feed.bind(told.feed, "127.0.0.1", () => {
  http.createServer((request, reply) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      try { open(Buffer.concat(parts).toString(), reply); } catch (error) {
        reply.writeHead(400).end(String(error));
      }
    });
  }).listen(told.port, told.address, () => console.log("ready"));
});
