/** A simulated link for segments of TCP: stations that hear each other's packets when the test says so. */
import type { IpAddress, IpFamily } from "#base/address";
import type { MacAddress } from "#base/mac";
import { decodeRefusal } from "#core/tcp/refusal";
import { decode } from "#core/tcp/segment";
import type { PacketResult } from "./port.ts";
import type { PortRange, SegmentPort, SegmentSocket } from "./segment-port.ts";

/** A packet on the link. */
export type FakeSegment = {
  readonly from: MacAddress;
  readonly destination: MacAddress;
  readonly family: IpFamily;
  readonly payload: Uint8Array;
};

export type FakeSegmentStation = {
  readonly port: SegmentPort;
  /** Takes the station's link down or brings it up; while it is down nothing is sent or heard. */
  setLink(up: boolean): void;
};

export type FakeSegmentLan = {
  addStation(mac: MacAddress): FakeSegmentStation;
  /** Delivers all that is queued, and what is sent because of it, until nothing is. */
  settle(): void;
  /** Every packet that was sent, oldest first. */
  readonly packets: readonly FakeSegment[];
};

type Listener = {
  readonly mac: MacAddress;
  readonly family: IpFamily;
  readonly ports: PortRange;
  readonly isUp: () => boolean;
  readonly onPacket: (packet: Uint8Array, sender: MacAddress) => void;
  readonly queue: FakeSegment[];
  addresses: ReadonlySet<IpAddress>;
  received: number;
  reading: boolean;
  closed: boolean;
};

/** Whom a packet answers for, and at which port; nothing if it is of another kind. */
const subjectOf = (
  payload: Uint8Array,
): { readonly address: IpAddress; readonly port: number } | undefined => {
  const segment = decode(payload);
  if (segment.ok) {
    const { kind, source: address, destinationPort: port } = segment.value;
    return kind === "other" ? undefined : { address, port };
  }
  const refusal = decodeRefusal(payload);
  return refusal.ok ? { address: refusal.value.destination, port: refusal.value.sourcePort } : undefined;
};

const hears = (listener: Listener, packet: FakeSegment): boolean => {
  if (listener.closed || !listener.isUp() || listener.family !== packet.family) return false;
  if (listener.mac === packet.from || listener.mac !== packet.destination) return false;
  const subject = subjectOf(packet.payload);
  return (
    subject !== undefined &&
    listener.addresses.has(subject.address) &&
    subject.port >= listener.ports.low &&
    subject.port <= listener.ports.high
  );
};

/** Lends the bytes of each packet for one callback and then spoils them, as the real buffer does. */
const drainOf = (listener: Listener): number => {
  if (listener.reading) return 0;
  listener.reading = true;
  const before = listener.received;
  for (let next = listener.queue.shift(); next !== undefined && !listener.closed; ) {
    listener.received += 1;
    const lent = next.payload.slice();
    listener.onPacket(lent, next.from);
    lent.fill(0xee);
    next = listener.queue.shift();
  }
  listener.reading = false;
  return listener.received - before;
};

/** A link without stations yet. */
export const fakeSegmentLan = (): FakeSegmentLan => {
  const listeners: Listener[] = [];
  const packets: FakeSegment[] = [];

  const addStation = (mac: MacAddress): FakeSegmentStation => {
    let up = true;
    const openSegments: SegmentPort["openSegments"] = ({ family, ports, onPacket }) => {
      const listener: Listener = {
        ...{ mac, family, ports, onPacket, isUp: () => up },
        ...{ queue: [], addresses: new Set(), received: 0, reading: false, closed: false },
      };
      listeners.push(listener);
      let sent = 0;
      const sendErrors = new Map<string, number>();
      const send: SegmentSocket["send"] = ({ destination, payload }): PacketResult<undefined> => {
        if (listener.closed || !up) {
          const code = listener.closed ? "EBADF" : "ENETDOWN";
          sendErrors.set(code, (sendErrors.get(code) ?? 0) + 1);
          return { ok: false, error: { code, operation: "send a segment" } };
        }
        sent += 1;
        const packet = { from: mac, destination, family, payload: payload.slice() };
        packets.push(packet);
        for (const each of listeners) if (hears(each, packet)) each.queue.push(packet);
        return { ok: true, value: undefined };
      };
      const listen: SegmentSocket["listen"] = (addresses) => {
        listener.addresses = new Set(addresses);
        return { ok: true, value: undefined };
      };
      const counters: SegmentSocket["counters"] = () => ({
        ...{ received: listener.received, sent, dropped: 0, sendErrors: new Map(sendErrors) },
      });
      const close = (): void => {
        listener.closed = true;
      };
      return { ok: true, value: { send, listen, counters, close, drain: () => drainOf(listener) } };
    };
    const setLink = (next: boolean): void => {
      up = next;
    };
    const taken = new Set<number>();
    const reservePorts: SegmentPort["reservePorts"] = ({ low, high }) => {
      const ports = Array.from({ length: high - low + 1 }, (_, index) => low + index).filter(
        (each) => !taken.has(each),
      );
      if (ports.length === 0)
        return { ok: false, error: { code: "EADDRINUSE", operation: `take port ${high}` } };
      for (const each of ports) taken.add(each);
      const close = (): void => {
        for (const each of ports.splice(0)) taken.delete(each);
      };
      return { ok: true, value: { ports: [...ports], close } };
    };
    return { port: { openSegments, reservePorts }, setLink };
  };

  const settle = (): void => {
    while (listeners.some((listener) => drainOf(listener) > 0)) {
      // A delivery may have caused another.
    }
  };
  return { addStation, settle, packets };
};
