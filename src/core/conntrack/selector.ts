/** Which tracked flows belong to a virtual server, and to which backend of it. */
import { addressBytes, type IpAddress } from "#base/address";
import type { Protocol } from "#core/balance/model";
import type { PortRange } from "#core/balance/ports";
import type { TrackedFlow } from "./flow.ts";

/** The flows that clients opened to one virtual server. */
export type FlowSelector = {
  /** The virtual address, which clients spoke to. */
  readonly address: IpAddress;
  readonly protocol: Protocol;
  /** The ports that clients spoke to, 0..65535 inclusive. */
  readonly firstPort: number;
  readonly lastPort: number;
  /** Ports among them that belong to other, more particular servers. */
  readonly except?: readonly PortRange[];
};

/** Who answers a flow; `port` undefined: on whatever port the client asked for. */
export type FlowTarget = { readonly address: IpAddress; readonly port: number | undefined };

/** The flows of one virtual server that some of its backends answer. */
export type FlowSection = { readonly selector: FlowSelector; readonly targets: readonly FlowTarget[] };

/** The number of a protocol in an IP header. */
export const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17 };

/** What identifies an address in a `Map`: no text is made for the hundreds of thousands of entries of a large table. */
export type AddressKey = number | string;

/** The key of an address in network order (4 or 16 bytes). */
const addressKey = (bytes: Uint8Array): AddressKey => {
  if (bytes.length === 4) {
    const [a = 0, b = 0, c = 0, d = 0] = bytes;
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  }
  return String.fromCharCode(...bytes);
};

/** The key of an address as text. */
export const keyOfAddress = (address: IpAddress): AddressKey => addressKey(addressBytes(address));

/** Finds the target that a flow's reply direction comes from: its index in the list, or `undefined`. */
export const createTargetFinder = (
  targets: readonly FlowTarget[],
): ((source: Uint8Array, port: number, requestedPort: number) => number | undefined) => {
  const indexesByAddress = new Map<AddressKey, number[]>();
  for (const [index, { address }] of targets.entries()) {
    const key = keyOfAddress(address);
    const known = indexesByAddress.get(key);
    if (known === undefined) indexesByAddress.set(key, [index]);
    else known.push(index);
  }
  return (source, port, requestedPort) =>
    indexesByAddress
      .get(addressKey(source))
      ?.find((index) => port === (targets[index]?.port ?? requestedPort));
};

/** Where a flow belongs: the indexes of a section and of one of its targets. */
export type FlowPlace = { readonly section: number; readonly target: number };

type Sections = { readonly byPort: Map<number, number[]>; readonly wide: number[] };

const isAmong = ({ firstPort, lastPort, except = [] }: FlowSelector, port: number): boolean =>
  port >= firstPort && port <= lastPort && !except.some(({ first, last }) => port >= first && port <= last);

/** Finds where flows belong, at about the same cost for one section and for thousands. */
export const createFlowFinder = (
  sections: readonly FlowSection[],
): ((flow: TrackedFlow) => readonly FlowPlace[]) => {
  const finders = sections.map(({ targets }) => createTargetFinder(targets));
  const byProtocol = new Map<number, Map<AddressKey, Sections>>();
  for (const [index, { selector }] of sections.entries()) {
    const { address, protocol, firstPort, lastPort } = selector;
    const sectionsByAddress = byProtocol.get(PROTOCOL_NUMBERS[protocol]) ?? new Map<AddressKey, Sections>();
    byProtocol.set(PROTOCOL_NUMBERS[protocol], sectionsByAddress);
    const key = keyOfAddress(address);
    const known = sectionsByAddress.get(key) ?? { byPort: new Map<number, number[]>(), wide: [] };
    sectionsByAddress.set(key, known);
    if (firstPort !== lastPort) known.wide.push(index);
    else known.byPort.set(firstPort, [...(known.byPort.get(firstPort) ?? []), index]);
  }
  return ({ original: { protocol, destination, destinationPort }, reply }) => {
    const found = byProtocol.get(protocol)?.get(addressKey(destination));
    if (found === undefined) return [];
    return [...(found.byPort.get(destinationPort) ?? []), ...found.wide].flatMap((section) => {
      const selector = sections[section]?.selector;
      if (selector === undefined || !isAmong(selector, destinationPort)) return [];
      const target = finders[section]?.(reply.source, reply.sourcePort, destinationPort);
      return target === undefined ? [] : [{ section, target }];
    });
  };
};
