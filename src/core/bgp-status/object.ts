/** The object that says which peers one node tells of one Service. */
import type { ObjectKey } from "#core/kubernetes/meta";
import { listOf, textOf } from "#core/kubernetes/read";
import {
  type Owner,
  readStatusObject,
  type SeenStatusObject,
  statusObject,
  statusObjectName,
  statusSubject,
} from "#core/service-status/object";

/** One `ServiceBGPStatus` as it was read. */
export type SeenBgpStatus = SeenStatusObject & {
  /** Sorted. */
  readonly peers: readonly string[];
};

/** What one node says of one Service. */
export type BgpAnnounced = {
  readonly service: ObjectKey;
  /** Of BGPPeers, by name; at least one. */
  readonly peers: readonly string[];
};

/** Reads an object; `undefined` if it names no Service. */
export const readBgpStatus = (object: unknown): SeenBgpStatus | undefined => {
  const read = readStatusObject(object);
  if (read === undefined) return undefined;
  const peers = listOf(read.status.peers).map(textOf);
  return { ...read.seen, peers: peers.filter((each) => each !== "").sort() };
};

/** The name of the object of this node and Service: the same whenever it is asked for. */
export const bgpStatusName = (node: string, service: ObjectKey): string =>
  statusObjectName("bgp", node, service);

/** The object without its status, as it is made. */
export const bgpStatusObject = (options: {
  readonly node: string;
  readonly service: ObjectKey;
  readonly namespace: string;
  readonly owner: Owner | undefined;
}): Readonly<Record<string, unknown>> => {
  const { node, service } = options;
  return statusObject({ ...options, kind: "ServiceBGPStatus", name: bgpStatusName(node, service) });
};

/** The status itself. */
export const bgpStatusBody = (
  node: string,
  { service, peers }: BgpAnnounced,
): Readonly<Record<string, unknown>> => ({ ...statusSubject(node, service), peers: [...peers].sort() });
