/** A simulated link: stations whose packet sockets hear each other when the test says so. */
import { addressFromBytes, type IpAddress, type IpFamily, isMulticast } from "#base/address";
import type { MacAddress } from "#base/mac";
import { decode as decodeArp } from "#core/arp/packet";
import { decode as decodeNdp } from "#core/ndp/packet";
import { HOP_LIMIT } from "#core/vrrp/constants";
import type {
  NeighbourMessage,
  NeighbourSocket,
  PacketCounters,
  PacketLink,
  PacketPort,
  PacketResult,
  VrrpPacket,
  VrrpSocket,
} from "./port.ts";

/** One host on the link. */
export type FakeStation = {
  readonly port: PacketPort;
  /** Takes the station's link down or brings it up; while it is down nothing is sent or heard. */
  setLink(up: boolean): void;
  /** Frames that neighbour sockets sent, oldest first. */
  readonly announced: readonly Announced[];
  /** Names of the links through which senders of other links' addresses sent, oldest first. */
  readonly sentThrough: readonly string[];
};

/** A frame that a neighbour socket sent. */
export type Announced = { readonly destination: MacAddress; readonly payload: Uint8Array };

/** The link that the stations share. */
export type FakeSegment = {
  /** Adds a host with these addresses, which may change later. */
  addStation(host: { readonly link: PacketLink; readonly addresses: ReadonlySet<IpAddress> }): FakeStation;
  /** Delivers all that is queued, and what is sent because of it, until nothing is. */
  settle(): void;
};

/** A packet on its way to one socket, and how to tell it. */
type Delivery = () => void;

/** What both kinds of fake socket share. */
const createEndpoint = (isUp: () => boolean) => {
  const queue: Delivery[] = [];
  const sendErrors = new Map<string, number>();
  let received = 0;
  let sent = 0;
  let closed = false;
  let reading = false;
  const refuse = (code: string, operation: string): PacketResult<undefined> => {
    sendErrors.set(code, (sendErrors.get(code) ?? 0) + 1);
    return { ok: false, error: { code, operation } };
  };
  return {
    isClosed: () => closed,
    enqueue: (delivery: Delivery): void => {
      if (!closed && isUp()) queue.push(delivery);
    },
    transmit: (send: () => string | undefined): PacketResult<undefined> => {
      if (closed) return refuse("EBADF", "send");
      const code = isUp() ? send() : "ENETDOWN";
      if (code !== undefined) return refuse(code, "send");
      sent += 1;
      return { ok: true, value: undefined };
    },
    drain: (): number => {
      if (reading) return 0;
      reading = true;
      const before = received;
      for (let next = queue.shift(); next !== undefined && !closed; next = queue.shift()) {
        received += 1;
        next();
      }
      reading = false;
      return received - before;
    },
    counters: (): PacketCounters => ({ received, sent, dropped: 0, sendErrors: new Map(sendErrors) }),
    close: (): void => {
      closed = true;
    },
  };
};

/** Lends the bytes for one callback and then spoils them, as the real buffer does. */
const lend = (bytes: Uint8Array, use: (lent: Uint8Array) => void): void => {
  const lent = bytes.slice();
  use(lent);
  lent.fill(0xee);
};

type Endpoint = ReturnType<typeof createEndpoint>;

type VrrpListener = {
  readonly type: "vrrp";
  readonly owner: object;
  readonly addresses: ReadonlySet<IpAddress>;
  readonly family: IpFamily;
  readonly endpoint: Endpoint;
  readonly onPacket: (packet: VrrpPacket) => void;
};

type NeighbourListener = {
  readonly type: "neighbour";
  readonly owner: object;
  readonly family: IpFamily;
  readonly endpoint: Endpoint;
  watched: ReadonlySet<IpAddress>;
  readonly onMessage: (message: NeighbourMessage) => void;
};

/** The claimed address and the message, as a listener would get it; `undefined` if the kernel would drop it. */
const readFrame = (
  family: IpFamily,
  payload: Uint8Array,
): { readonly claimed: IpAddress; readonly message: NeighbourMessage } | undefined => {
  if (family === "IPv4") {
    const arp = decodeArp(payload);
    return arp.ok ? { claimed: arp.value.senderAddress, message: { type: "arp", payload } } : undefined;
  }
  const context = {
    source: addressFromBytes(payload.subarray(8, 24)),
    destination: addressFromBytes(payload.subarray(24, 40)),
    hopLimit: payload[7] ?? 0,
  };
  const ndp = decodeNdp(payload.subarray(40), context);
  if (!ndp.ok || ndp.value.type !== "advertisement") return undefined;
  return { claimed: ndp.value.target, message: { type: "ndp", payload: payload.subarray(40), ...context } };
};

/** A link without stations yet. */
export const fakeSegment = (): FakeSegment => {
  const listeners: (VrrpListener | NeighbourListener)[] = [];

  const sendVrrp = (owner: object, packet: VrrpPacket): void => {
    for (const listener of listeners) {
      if (listener.type !== "vrrp" || listener.owner === owner) continue;
      const { endpoint, onPacket } = listener;
      if (!isMulticast(packet.destination) && !listener.addresses.has(packet.destination)) continue;
      const payload = packet.payload.slice();
      endpoint.enqueue(() => lend(payload, (lent) => onPacket({ ...packet, payload: lent })));
    }
  };

  const sendFrame = (owner: object, family: IpFamily, bytes: Uint8Array): void => {
    const frame = readFrame(family, bytes.slice());
    if (frame === undefined) return;
    const { claimed, message } = frame;
    for (const listener of listeners) {
      if (listener.type !== "neighbour" || listener.owner === owner || listener.family !== family) continue;
      if (!listener.watched.has(claimed)) continue;
      const { onMessage, endpoint } = listener;
      endpoint.enqueue(() => lend(message.payload, (lent) => onMessage({ ...message, payload: lent })));
    }
  };

  const addStation: FakeSegment["addStation"] = ({ addresses }) => {
    const owner = {};
    const announced: Announced[] = [];
    const sentThrough: string[] = [];
    let up = true;
    const openVrrp: PacketPort["openVrrp"] = ({ family, onPacket }) => {
      const endpoint = createEndpoint(() => up);
      listeners.push({ type: "vrrp", owner, addresses, family, endpoint, onPacket });
      const send: VrrpSocket["send"] = (packet) =>
        endpoint.transmit(() => {
          if (!addresses.has(packet.source)) return "EINVAL";
          sendVrrp(owner, { ...packet, hopLimit: HOP_LIMIT });
          return undefined;
        });
      return { ok: true, value: { ...endpoint, send } };
    };
    const openVrrpSender: PacketPort["openVrrpSender"] = ({ link }) => {
      const endpoint = createEndpoint(() => up);
      const send: VrrpSocket["send"] = (packet) =>
        endpoint.transmit(() => {
          if (!addresses.has(packet.source)) return "EINVAL";
          sentThrough.push(link.name);
          sendVrrp(owner, { ...packet, hopLimit: HOP_LIMIT });
          return undefined;
        });
      return { ok: true, value: { send, close: endpoint.close } };
    };
    const openNeighbour: PacketPort["openNeighbour"] = ({ family, onMessage }) => {
      const endpoint = createEndpoint(() => up);
      const listener: NeighbourListener = {
        type: "neighbour",
        ...{ owner, family, endpoint, onMessage, watched: new Set<IpAddress>() },
      };
      listeners.push(listener);
      const send: NeighbourSocket["send"] = ({ destination, payload }) =>
        endpoint.transmit(() => {
          announced.push({ destination, payload: payload.slice() });
          sendFrame(owner, family, payload);
          return undefined;
        });
      const watch: NeighbourSocket["watch"] = (watched) => {
        listener.watched = new Set(watched);
        return { ok: true, value: undefined };
      };
      return { ok: true, value: { ...endpoint, send, watch } };
    };
    const setLink = (next: boolean): void => {
      up = next;
    };
    return { port: { openVrrp, openVrrpSender, openNeighbour }, setLink, announced, sentThrough };
  };

  const settle = (): void => {
    while (listeners.some(({ endpoint }) => endpoint.drain() > 0)) {
      // A delivery may have caused another.
    }
  };
  return { addStation, settle };
};
