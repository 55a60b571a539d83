/** A simulated segment for responders: stations that hear each other's frames when the test says so. */
import type { IpAddress, IpFamily } from "#base/address";
import { type MacAddress, macBytes } from "#base/mac";
import { decode as decodeArp } from "#core/arp/packet";
import { decodePacket } from "#core/ndp/packet";
import type { PacketResult } from "./port.ts";
import type { HeardFrame, ResponderPort, ResponderSocket } from "./responder-port.ts";

/** A frame on the segment. */
export type FakeFrame = {
  readonly from: MacAddress;
  readonly destination: MacAddress;
  readonly family: IpFamily;
  readonly payload: Uint8Array;
};

export type FakeResponderStation = {
  readonly port: ResponderPort;
  /** Takes the station's link down or brings it up; while it is down nothing is sent or heard. */
  setLink(up: boolean): void;
};

export type FakeResponderSegment = {
  addStation(mac: MacAddress): FakeResponderStation;
  /** Delivers all that is queued, and what is sent because of it, until nothing is. */
  settle(): void;
  /** Every frame that was sent, oldest first. */
  readonly frames: readonly FakeFrame[];
};

type Listener = {
  readonly mac: MacAddress;
  readonly family: IpFamily;
  readonly isUp: () => boolean;
  readonly onFrame: (frame: HeardFrame) => void;
  readonly queue: FakeFrame[];
  addresses: ReadonlySet<IpAddress>;
  received: number;
  reading: boolean;
  closed: boolean;
};

/** The addresses that a frame is from and about; none if it is of another kind. */
const subjectsOf = ({ family, payload }: FakeFrame): readonly IpAddress[] => {
  if (family === "IPv4") {
    const arp = decodeArp(payload);
    return arp.ok ? [arp.value.senderAddress, arp.value.targetAddress] : [];
  }
  const ndp = decodePacket(payload);
  return ndp.ok ? [ndp.value.message.target, ndp.value.context.source] : [];
};

const isGroup = (mac: MacAddress): boolean => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;

const hears = (listener: Listener, frame: FakeFrame): boolean =>
  !listener.closed &&
  listener.isUp() &&
  listener.family === frame.family &&
  listener.mac !== frame.from &&
  (isGroup(frame.destination) || listener.mac === frame.destination) &&
  subjectsOf(frame).some((address) => listener.addresses.has(address));

/** Lends the bytes of each frame for one callback and then spoils them, as the real buffer does. */
const drainOf = (listener: Listener): number => {
  if (listener.reading) return 0;
  listener.reading = true;
  const before = listener.received;
  for (let next = listener.queue.shift(); next !== undefined && !listener.closed; ) {
    listener.received += 1;
    const lent = { payload: next.payload.slice(), from: macBytes(next.from) };
    listener.onFrame(lent);
    lent.payload.fill(0xee);
    lent.from.fill(0xee);
    next = listener.queue.shift();
  }
  listener.reading = false;
  return listener.received - before;
};

/** A segment without stations yet. */
export const fakeResponderSegment = (): FakeResponderSegment => {
  const listeners: Listener[] = [];
  const frames: FakeFrame[] = [];

  const addStation = (mac: MacAddress): FakeResponderStation => {
    let up = true;
    const openResponder: ResponderPort["openResponder"] = ({ family, onFrame }) => {
      const listener: Listener = {
        ...{ mac, family, onFrame, isUp: () => up },
        ...{ queue: [], addresses: new Set(), received: 0, reading: false, closed: false },
      };
      listeners.push(listener);
      let sent = 0;
      const sendErrors = new Map<string, number>();
      const send: ResponderSocket["send"] = ({ destination, payload }): PacketResult<undefined> => {
        if (listener.closed || !up) {
          const code = listener.closed ? "EBADF" : "ENETDOWN";
          sendErrors.set(code, (sendErrors.get(code) ?? 0) + 1);
          return { ok: false, error: { code, operation: "send" } };
        }
        sent += 1;
        const frame = { from: mac, destination, family, payload: payload.slice() };
        frames.push(frame);
        for (const each of listeners) if (hears(each, frame)) each.queue.push(frame);
        return { ok: true, value: undefined };
      };
      const listen: ResponderSocket["listen"] = (addresses) => {
        listener.addresses = new Set(addresses);
        return { ok: true, value: { joined: 0, unjoined: 0 } };
      };
      const listenToo: ResponderSocket["listenToo"] = (addresses) =>
        listen([...listener.addresses, ...addresses]);
      const counters: ResponderSocket["counters"] = () => ({
        ...{ received: listener.received, sent, dropped: 0, sendErrors: new Map(sendErrors) },
      });
      const close = (): void => {
        listener.closed = true;
      };
      const drain = (): number => drainOf(listener);
      return { ok: true, value: { send, listen, listenToo, counters, close, drain } };
    };
    const setLink = (next: boolean): void => {
      up = next;
    };
    return { port: { openResponder }, setLink };
  };

  const settle = (): void => {
    while (listeners.some((listener) => drainOf(listener) > 0)) {
      // A delivery may have caused another.
    }
  };
  return { addStation, settle, frames };
};
