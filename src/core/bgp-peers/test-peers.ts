/** Peers for tests, read from resources as an API server has them. */
import { assert } from "#base/assert";
import type { BgpPeer } from "#core/metallb/model";
import { readConfiguration } from "#core/metallb/read";
import { address } from "#testing/values";
import { type PeerPlan, type PeerSources, planPeers } from "./plan.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A BGPPeer that is right unless `spec` or the annotations make it wrong. */
export const peer = (name: string, spec: Fields = {}, annotations: Fields = {}): Fields => ({
  apiVersion: "metallb.io/v1beta2",
  kind: "BGPPeer",
  metadata: { namespace: "lb", name, annotations },
  spec: { myASN: 64500, peerASN: 64501, peerAddress: "198.51.100.1", ...spec },
});

/** A BFDProfile. */
export const profile = (name: string, spec: Fields = {}): Fields => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "BFDProfile",
  metadata: { namespace: "lb", name },
  spec,
});

/** The only peer that the resources describe. */
export const readPeer = (objects: readonly Fields[]): BgpPeer => {
  const read = readConfiguration({ objects, namespaces: new Map() });
  const [found] = read.ok ? read.configuration.peers : [];
  assert(found !== undefined, "a peer can be read");
  return found;
};

/** What the resources come to on `node-a`. */
export const planOf = (
  objects: readonly Fields[],
  around: Partial<Omit<PeerSources, "configuration">> = {},
): PeerPlan => {
  // Each is known by its labels, so that peers of other nodes are no conflict.
  const nodes = new Map([["node-a", around.node?.labels ?? {}]]);
  const read = readConfiguration({ objects, namespaces: new Map(), nodes });
  assert(read.ok, "the resources can be read", { problems: read.ok ? [] : read.problems });
  return planPeers({
    node: { name: "node-a", labels: {}, internalIps: [address("2001:db8::1"), address("192.0.2.1")] },
    secretOf: () => ({ type: "absent" }),
    listening: "no",
    ...around,
    configuration: read.configuration,
  });
};
