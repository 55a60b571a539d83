/** What the two edges of chaos carry: what the demonstration shows, and an address with a MAC address of its own. */
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { SLOT_SEED } from "#core/balance/choice";
import { clientSlot, sourceSlot } from "#core/balance/jhash";
import { buildRing } from "#core/balance/ring";
import { DOWNLOAD_PORT, edgeConfig, VIRTUAL_ADDRESS, WEB_PORT } from "#lab/demo/config";
import type { EdgeName, NodeName } from "./plan.ts";

/** An address of the lab. */
export const parsed = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

/** Its router has a virtual MAC address; its server has persistence and limits, and backends see it as their client. */
export const KEPT_ADDRESS = parsed("10.2.0.101");
/** The interface with that MAC address. */
export const KEPT_DEVICE = "vrrp.52";
/** The client, on the edges' network. */
const CLIENT = parsed("10.2.0.2");

/** What is watched: in `dsr`, in `masquerade` behind an address of the edge's own, and behind a virtual one. */
export type Service = "direct" | "web" | "kept";
export const SERVICES = {
  direct: { address: VIRTUAL_ADDRESS, port: DOWNLOAD_PORT },
  web: { address: VIRTUAL_ADDRESS, port: WEB_PORT },
  kept: { address: KEPT_ADDRESS, port: DOWNLOAD_PORT },
} as const;

const NODES: readonly NodeName[] = ["n1", "n2", "n3"];
const TABLE_SIZE = 251;

const kept = (priority: number): string => `---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualRouter
metadata: {name: kept}
spec:
  interface: eth0
  vrid: 52
  priority: ${priority}
  advertisementInterval: 200ms
  preemptDelay: 3s
  virtualMac: true
  addresses: [${KEPT_ADDRESS}/24]
  track:
    checks: [{name: uplink}]
---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata: {name: kept}
spec:
  address: ${KEPT_ADDRESS}
  port: ${DOWNLOAD_PORT}
  tableSize: ${TABLE_SIZE}
  persistence: {timeout: 10m}
  limits: {connectionsPerSource: 200, newConnectionsPerSource: {rate: 100, burst: 400}}
  health: {http: {path: /}}
  backends:
${NODES.map((name, index) => `    - {name: ${name}, address: 10.2.0.2${index + 1}}\n`).join("")}`;

/** The file of an edge. */
export const chaosConfig = (edge: EdgeName): string => edgeConfig(edge) + kept(edge === "e1" ? 150 : 100);

/** Kernel settings that the edges need, and what they must be. */
export const NEEDED: Readonly<Record<string, string>> = {
  "net.netfilter.nf_conntrack_tcp_loose": "1",
  "net.netfilter.nf_conntrack_tcp_be_liberal": "1",
  "net.ipv4.conf.eth0.send_redirects": "0",
  "net.ipv4.conf.eth0.forwarding": "1",
};

const ring = (gone?: NodeName) =>
  buildRing(
    NODES.map((name) => ({ name, weight: 1, available: name !== gone })),
    TABLE_SIZE,
  );
const FULL = ring();
const WITHOUT = { n1: ring("n1"), n2: ring("n2"), n3: ring("n3") };

const slotOf = (service: Service, port: number): number => {
  const table = { size: TABLE_SIZE, seed: SLOT_SEED };
  return service === "kept" ? sourceSlot(CLIENT, table) : clientSlot({ address: CLIENT, port }, table);
};

/** The backend of a new flow from this port of the client while all are healthy. */
export const homeOf = (service: Service, port: number): string | undefined => FULL[slotOf(service, port)];

/** Whether a flow from this port of the client belongs to another backend while that node is away. */
export const belongsTo = (node: NodeName, service: Service, port: number): boolean =>
  homeOf(service, port) !== WITHOUT[node][slotOf(service, port)];
