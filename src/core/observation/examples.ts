/** One example of every type of event, for the tests of whoever turns events into something else. */
import type { IpAddress } from "#base/address";
import { parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { type MacAddress, parseMac } from "#base/mac";
import { millis, wallTime } from "#base/time";
import type { Event } from "./event.ts";

const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert(parsed !== undefined, "not an address", { text });
  return parsed;
};

const mac = (text: string): MacAddress => {
  const parsed = parseMac(text);
  assert(parsed !== undefined, "not a MAC address", { text });
  return parsed;
};

/** A type that is missing here does not compile. */
export const EXAMPLES: { readonly [Type in Event["type"]]: Extract<Event, { type: Type }> } = {
  "router-state": {
    ...{ type: "router-state", router: "front", from: "backup", to: "active" },
    ...{ reason: "active-down-timer", peer: address("192.0.2.2") },
  },
  "router-priority": { type: "router-priority", router: "front", priority: 80, failed: ["check app failed"] },
  "router-conflict": {
    ...{ type: "router-conflict", router: "front", conflict: "same-priority-active" },
    ...{ peer: address("192.0.2.2"), state: "begun", detail: "why" },
  },
  "router-waiting": {
    ...{ type: "router-waiting", router: "front", state: "begun" },
    detail: "eth1 has no IPv4 address to speak from",
  },
  address: {
    ...{ type: "address", router: "front", address: address("192.0.2.100"), device: "eth0" },
    ...{ change: "failed", detail: "ENOBUFS" },
  },
  "virtual-link": {
    ...{ type: "virtual-link", router: "front", device: "vrrp.51", change: "made" },
    detail: "00:00:5e:00:01:33",
  },
  "duplicate-address": {
    ...{ type: "duplicate-address", router: "front", address: address("192.0.2.100") },
    mac: mac("02:00:00:00:00:07"),
  },
  link: { type: "link", link: "eth0", state: "down" },
  "backend-health": {
    ...{ type: "backend-health", server: "web", backend: "node1", from: "healthy", to: "failed" },
    ...{ reason: "refused", detail: "connection refused" },
  },
  "check-health": {
    ...{ type: "check-health", check: "app", from: "healthy", to: "failed" },
    ...{ reason: "exit-status", detail: "status 1" },
  },
  "forwarding-applied": { type: "forwarding-applied", how: "ruleset", took: millis(20) },
  "forwarding-failed": { type: "forwarding-failed", detail: "nft refused the ruleset" },
  "server-engine": {
    ...{ type: "server-engine", server: "web", engine: "nftables" },
    detail: "xdp: it carries dsr only",
  },
  "backend-drain": {
    ...{ type: "backend-drain", server: "web", backend: "node1", state: "draining" },
    until: wallTime(Date.UTC(2026, 0, 2, 3, 4, 5)),
  },
  "kept-out": { type: "kept-out", server: "web", limit: "new-connections", count: 120 },
  "flows-ended": { type: "flows-ended", server: "web", backends: ["node1"], count: 42 },
  "connection-sync": {
    ...{ type: "connection-sync", state: "peer-silent" },
    detail:
      "192.0.2.2 is not heard; 120 connections of this box, 0 taken over from 192.0.2.2 since the start",
  },
  "pin-sync": { type: "pin-sync", state: "peer-silent", detail: "192.0.2.2 port 3781 is not heard" },
  conntrack: { type: "conntrack", change: "filling", detail: "210000 of 262144 entries" },
  sysctl: {
    ...{ type: "sysctl", setting: "net/ipv4/conf/eth0/forwarding", change: "set" },
    detail: "0 -> 1, because packets are forwarded",
  },
  "bgp-session": {
    ...{ type: "bgp-session", peer: "tor-1", to: "down", cause: "hold-timer-expired" },
    detail: "the peer has said nothing for 90s",
  },
  "bgp-attempt": {
    ...{ type: "bgp-attempt", peer: "tor-1", cause: "connect-failed", detail: "connection refused" },
  },
  "bgp-trouble": {
    ...{
      type: "bgp-trouble",
      subject: "listening on port 179 for IPv4",
      state: "begun",
      detail: "EADDRINUSE",
    },
  },
  "bgp-bfd": { type: "bgp-bfd", peer: "tor-1", to: "down" },
  "bgp-damped": { type: "bgp-damped", prefix: "192.0.2.10/32", state: "begun" },
  "bgp-limit": { type: "bgp-limit", peer: "tor-1", state: "begun", most: 100 },
  "bgp-route": { type: "bgp-route", route: "192.0.2.10/32", state: "withheld", servers: ["web"] },
  "config-applied": {
    ...{ type: "config-applied", generation: 1, changed: [] },
    added: [{ kind: "VirtualRouter", name: "front" }],
    removed: [{ kind: "VirtualServer", name: "web" }],
  },
  "config-refused": { type: "config-refused", problems: ["edge.yaml:1:1 is empty"] },
  process: { type: "process", part: "agent", change: "exited", detail: "pid 42: SIGKILL" },
};
