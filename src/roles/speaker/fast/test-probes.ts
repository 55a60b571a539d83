/** A prober on a simulated link, and machines that answer it, or do not. For tests. */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import { assert } from "#base/assert";
import { type MacAddress, macFromBytes } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { type Duration, type Instant, millis } from "#base/time";
import { type Frame, framesFor } from "#core/announce/frames";
import { encode as encodeArp, replyTo } from "#core/arp/packet";
import { answerTo } from "#core/ndp/answer";
import { encodePacket } from "#core/ndp/packet";
import type { Verdict } from "#core/reachability/machine";
import { readFrame } from "#core/responder/reading";
import type { SpeakerEvent } from "#core/speaker/event";
import { decode } from "#core/tcp/segment";
import { fakeClock } from "#drivers/clock/fake";
import { FakeNetlink } from "#drivers/netlink/fake";
import { type FakeResponderSegment, fakeResponderSegment } from "#drivers/packet/fake-responder";
import { type FakeSegmentLan, fakeSegmentLan } from "#drivers/packet/fake-segments";
import type { HeardFrame, ResponderSocket } from "#drivers/packet/responder-port";
import { createDeadlines } from "#runtime/deadlines";
import { seededRandom } from "#testing/random";
import { answerSegment, rejectSegment } from "#testing/segments";
import { address } from "#testing/values";
import { Probes } from "./probes.ts";

export const LINK = { index: 2, name: "eth0" };
const STEP = millis(1);

export const macOf = (host: number): MacAddress =>
  macFromBytes(Uint8Array.of(2, 0, 0, 0, host >> 8, host & 0xff));

/** The prober's own. */
export const OWN: Readonly<Record<IpFamily, IpAddress>> = {
  IPv4: address("192.0.2.1"),
  IPv6: address("2001:db8::1"),
};

/** What a machine does when somebody connects to it. */
export type PortManner = "accepts" | "resets" | "rejects" | "silent";

export type Machine = {
  readonly mac: MacAddress;
  manner: PortManner;
  /** Whether it answers who asks for its addresses. */
  answers: boolean;
  /** Tells everybody that it has an address. */
  announce(target: IpAddress): void;
  /** Addresses that it answers for. */
  have(...addresses: readonly IpAddress[]): void;
};

const kernel = (): FakeNetlink => {
  const netlink = new FakeNetlink([
    { ...LINK, mac: macOf(1), mtu: 1500, up: true, carrier: true, loopback: false },
  ]);
  for (const text of ["192.0.2.1/24", "2001:db8::1/64"]) {
    const own = parseInterfaceAddress(text);
    assert(own !== undefined, "not an address", { text });
    netlink.setAddress({ ...own, linkIndex: LINK.index, tentative: false, duplicate: false });
  }
  return netlink;
};

type Wires = { readonly neighbours: FakeResponderSegment; readonly segments: FakeSegmentLan };
type StartedMachine = { readonly machine: Machine; readonly send: (payload: Uint8Array) => void };

/** Sends the answer to a question. */
const reply = (family: IpFamily, frame: HeardFrame, mac: MacAddress): Frame | undefined => {
  const reading = readFrame(family, frame);
  const question = reading.ok ? reading.value.question : undefined;
  if (question === undefined) return undefined;
  if (question.family === "IPv4") {
    const arp = replyTo(question.packet, mac);
    return { destination: arp.targetMac, payload: encodeArp(arp) };
  }
  const { message, context, destination } = answerTo(question.solicitation, {
    ...{ source: question.target, from: question.from, mac, router: false },
  });
  return { destination, payload: encodePacket(message, context) };
};

const FAMILIES = ["IPv4", "IPv6"] as const;

const startMachine = ({ neighbours, segments }: Wires, host: number, manner: PortManner): StartedMachine => {
  const mac = macOf(host);
  const { port } = neighbours.addStation(mac);
  const tcp = segments.addStation(mac).port;
  const sockets = FAMILIES.map((family) => {
    let answer: ResponderSocket["send"] | undefined;
    const onFrame = (frame: HeardFrame): void => {
      const said = machine.answers ? reply(family, frame, mac) : undefined;
      if (said !== undefined) answer?.(said);
    };
    const opened = port.openResponder({ link: LINK, family, onFrame, onError: () => {} });
    const sender = tcp.openSegments({
      ...{ link: LINK, family, ports: { low: 1, high: 1 }, onPacket: () => {}, onError: () => {} },
    });
    assert(opened.ok && sender.ok, "the fake always opens");
    answer = opened.value.send;
    return { family, socket: opened.value, sender: sender.value };
  });
  const machine: Machine = {
    ...{ mac, manner, answers: true },
    have: (...targets) => {
      for (const { socket } of sockets) socket.listen(targets);
    },
    announce: (target) => {
      const socket = sockets.find(({ family }) => family === familyOf(target))?.socket;
      for (const frame of framesFor({ address: target, mac, router: false })) socket?.send(frame);
    },
  };
  const send = (payload: Uint8Array): void => {
    const family = (payload[0] ?? 0) >> 4 === 4 ? "IPv4" : "IPv6";
    for (const each of sockets) {
      if (each.family === family) each.sender.send({ destination: macOf(1), payload });
    }
  };
  return { machine, send };
};

const REJECTING: Readonly<Record<IpFamily, IpAddress>> = {
  IPv4: address("192.0.2.99"),
  IPv6: address("2001:db8::99"),
};

/** What a machine says to the first segment of a handshake. */
const answerOf = ({ manner }: Machine, payload: Uint8Array, target: IpAddress): Uint8Array | undefined => {
  if (manner === "silent") return undefined;
  if (manner === "rejects") return rejectSegment(payload, REJECTING[familyOf(target)]);
  return answerSegment(payload, manner === "accepts" ? "syn-ack" : "reset");
};

const machinesOn = (wires: Wires) => {
  const started: StartedMachine[] = [];
  let read = 0;
  return {
    add: (host: number, manner: PortManner = "accepts"): Machine => {
      const one = startMachine(wires, host, manner);
      started.push(one);
      return one.machine;
    },
    /** Lets machines answer the handshakes that were begun with them. */
    answerHandshakes: (): void => {
      for (const { destination, payload } of wires.segments.packets.slice(read)) {
        read += 1;
        const segment = decode(payload);
        const found = started.find(({ machine }) => machine.mac === destination);
        if (found === undefined || !segment.ok || segment.value.kind !== "other") continue;
        const answer = answerOf(found.machine, payload, segment.value.destination);
        if (answer !== undefined) found.send(answer);
      }
      wires.segments.settle();
    },
  };
};

/** A link with a prober on it. */
export const probeBed = () => {
  const netlink = kernel();
  const neighbours = fakeResponderSegment();
  const segments = fakeSegmentLan();
  const own = { neighbours: neighbours.addStation(macOf(1)), segments: segments.addStation(macOf(1)) };
  const verdicts = new Map<IpAddress, Verdict>();
  const events: SpeakerEvent[] = [];
  const counts = new Map<string, number>();
  const excused = new Set<IpAddress>();
  const strangers = new Set<MacAddress>();
  let isFrozen = false;
  const clock = fakeClock({
    onWake: () => {
      if (!isFrozen) deadlines.runDue();
    },
  });
  const deadlines = createDeadlines(clock);
  const probes = new Probes({
    packets: { ...own.neighbours.port, ...own.segments.port },
    ...{ netlink, deadlines, now: () => clock.now(), random: seededRandom(7) },
    mayAsk: (target) => !excused.has(target),
    isStranger: (mac) => strangers.has(mac),
    onVerdict: (target, verdict) => verdicts.set(target, verdict),
    tell: (event) => events.push(event),
    count: (what) => counts.set(what, (counts.get(what) ?? 0) + 1),
  });
  const station = machinesOn({ neighbours, segments });
  const pass = (duration: Duration, step: Duration = STEP): void => {
    for (let left: number = duration; left > 0; left -= step) {
      clock.advance(step);
      if (isFrozen) continue;
      neighbours.settle();
      station.answerHandshakes();
    }
  };
  return {
    ...{ probes, netlink, neighbours, segments, own, verdicts, events, counts, excused, strangers, clock },
    ...{ addMachine: station.add, pass },
    now: (): Instant => clock.now(),
    /** The process stands still, as under SIGSTOP, and goes on. */
    freeze: (frozen: boolean): void => {
      isFrozen = frozen;
      if (!frozen) deadlines.runDue();
    },
    /** Passes time until there is a verdict about an address, or for 20 s. */
    passUntil: (done: () => boolean): void => {
      for (let left = 20_000; left > 0 && !done(); left -= 1) pass(STEP);
    },
  };
};

export type ProbeBed = ReturnType<typeof probeBed>;
