/** One event of each type: what the reference page shows and tests go through. */
import { parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { macFromBytes } from "#base/mac";
import { millis } from "#base/time";
import type { SpeakerEvent } from "./event.ts";

const address = parseAddress("192.0.2.10");
assert(address !== undefined, "an address");
const mac = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 0x63));

type Of<Type extends SpeakerEvent["type"]> = Extract<SpeakerEvent, { readonly type: Type }>;

/** With every field that the type may have. */
export const SPEAKER_EXAMPLES: { readonly [Type in SpeakerEvent["type"]]: Of<Type> } = {
  speaker: { type: "speaker", change: "started", detail: "0.1.0 on node-a" },
  "address-state": {
    ...{ type: "address-state", address, from: "claiming", to: "holding" },
    ...{ cause: "holder-dead", peer: "node-b", outage: millis(362) },
  },
  member: { type: "member", node: "node-b", from: "alive", to: "dead", cause: "silent" },
  hearing: { type: "hearing", node: "node-b", hearsUs: "no" },
  company: { type: "company", to: "isolated" },
  patience: { type: "patience", state: "begun", wait: millis(1_000) },
  rival: { type: "rival", address, peer: "node-b" },
  "duplicate-address": { type: "duplicate-address", address, mac, stage: "held" },
  "duplicate-gone": { type: "duplicate-gone", address, mac },
  binding: {
    ...{ type: "binding", address, link: "eth0", change: "restored" },
    detail: "removed by process 4711 (ip)",
  },
  secret: { type: "secret", change: "refused", detail: "/etc/steelyard/secret holds less than 16 bytes" },
  flapping: { type: "flapping", address, state: "begun" },
  link: { type: "link", link: "eth0", state: "down" },
  reachability: {
    ...{ type: "reachability", address, from: "reachable", to: "unreachable" },
    obstacle: "not-resolved",
  },
  "configuration-refused": {
    type: "configuration-refused",
    problems: ["IPAddressPool lb/public, spec.addresses[0]: 192.0.2.9-192.0.2.1 runs backwards"],
  },
  "configuration-applied": { type: "configuration-applied", pools: 2, advertisements: 1 },
  "api-trouble": { type: "api-trouble", resource: "nodes", state: "begun", detail: "connection refused" },
  "write-failed": {
    ...{ type: "write-failed", subject: "ServiceL2Status of shop/web" },
    ...{ reason: "throttled", message: "too many requests" },
  },
  "bgp-session": {
    ...{ type: "bgp-session", peer: "tor-1", to: "down" },
    ...{ cause: "hold-timer-expired", detail: "the peer has said nothing for 90s" },
  },
  "bgp-attempt": {
    ...{ type: "bgp-attempt", peer: "tor-1", cause: "connect-failed", detail: "connection refused" },
  },
  "bgp-refusal": {
    ...{ type: "bgp-refusal", peer: "tor-1", state: "begun", reason: "secret-absent" },
    detail: "names the Secret tor-1, which is not there",
  },
  "bgp-trouble": {
    ...{ type: "bgp-trouble", subject: "listening on port 179", state: "begun", detail: "EADDRINUSE" },
  },
  "bgp-bfd": { type: "bgp-bfd", peer: "tor-1", to: "down" },
  "bgp-damped": { type: "bgp-damped", prefix: "192.0.2.10/32", state: "begun" },
  "bgp-limit": { type: "bgp-limit", peer: "tor-1", state: "begun", most: 100 },
  "bgp-configuration-refused": {
    type: "bgp-configuration-refused",
    problems: ["BGPPeer lb/tor-1, spec.myASN: 0 is not the number of an autonomous system"],
  },
  "bgp-configuration-applied": { type: "bgp-configuration-applied", peers: 2, advertisements: 1 },
  process: { type: "process", part: "agent", change: "exited", detail: "pid 812: SIGKILL" },
};
