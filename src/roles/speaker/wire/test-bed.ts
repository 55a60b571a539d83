/** Wire processes for tests: real but for their drivers, and with agents that a test speaks for. */
import { createHash } from "node:crypto";
import type { IpAddress } from "#base/address";
import { assert } from "#base/assert";
import { type Duration, millis, seconds, wallTime } from "#base/time";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { DEFAULTS } from "#core/responder/config";
import { speakerSentence } from "#core/speaker/sentence";
import { fakeBfdLink } from "#drivers/bfd/fake";
import type { BfdPort } from "#drivers/bfd/port";
import { fakeClock } from "#drivers/clock/fake";
import { type FakeRecord, fakeRecord } from "#drivers/files/fake-record";
import { fakeResponderSegment } from "#drivers/packet/fake-responder";
import { fakeSegmentLan } from "#drivers/packet/fake-segments";
import { createDeadlines } from "#runtime/deadlines";
import { seededRandom } from "#testing/random";
import { kernelOf, LINK, macOf, parsed, startGateway } from "../fast/bed.ts";
import type { MemberWord, PlacementWord } from "../fast/desired.ts";
import type { AgentToWire, WireToAgent } from "../messages.ts";
import { type FakeBgp, fakeBgp } from "./bgp/fake.ts";
import type { AgentOptions } from "./parts.ts";
import { Wire } from "./wire.ts";

/** The agent of one wire process. */
export type FakeAgent = {
  /** Another process begins, and says its first word. */
  greet(): void;
  /** It has ended, killed or with a status; gives whether there is to be another one, which has yet to greet. */
  die(status?: number): "restart" | "leave";
  say(message: Exclude<AgentToWire, { type: "hello" }>): void;
  /** Whether it reads what it is sent. */
  setReading(isReading: boolean): void;
  /** What it was sent since it was last asked. */
  heard(): readonly WireToAgent[];
};

export type WireNode = {
  readonly name: string;
  readonly wire: Wire;
  readonly agent: FakeAgent;
  readonly record: FakeRecord;
  /** What talks to its BGP peers. */
  readonly bgp: FakeBgp;
  /** What it complained of on standard error. */
  readonly complaints: readonly string[];
  /** What ended, in order: `asked to stop`, `killed` (the agent), `end N` (the process). */
  readonly ends: readonly string[];
  /** A write to its disk fails. */
  failWrite(detail: string): void;
  /** Gone like a killed process: nothing of it runs any more. */
  kill(): void;
};

const createAgent = (ends: string[]) => {
  let options: AgentOptions | undefined;
  let isGreeted = false;
  let isReading = true;
  const heard: WireToAgent[] = [];
  const agent: FakeAgent = {
    greet: () => {
      isGreeted = true;
      isReading = true;
      options?.onGreeted();
    },
    die: (status) => {
      isGreeted = false;
      const exit = status === undefined ? { code: null, signal: "SIGKILL" } : { code: status, signal: null };
      return options?.onExit({ ...exit, pid: 7 }) ?? "leave";
    },
    say: (message) => options?.onMessage(message),
    setReading: (reads) => {
      isReading = reads;
      if (reads) options?.onDrain();
    },
    heard: () => heard.splice(0),
  };
  const start = (given: AgentOptions) => {
    options = given;
    return {
      get isReady() {
        return isGreeted && isReading;
      },
      send: (message: WireToAgent) => {
        if (isGreeted) heard.push(message);
        return isGreeted && isReading;
      },
      stop: async () => void ends.push("asked to stop"),
      kill: () => void ends.push("killed"),
    };
  };
  return { agent, start };
};

/** This start of the machine. */
export const BOOT = "00000000-0000-4000-8000-000000000001";

/** Everything that the nodes of a bed share. */
const createWires = () => ({
  segment: fakeResponderSegment(),
  sessions: fakeBfdLink(),
  lan: fakeSegmentLan(),
});
type Wires = ReturnType<typeof createWires>;

type Wish = {
  /** What is on its disk, and what of BGP. */
  readonly found: string;
  readonly bgpFound: string;
  /** What an earlier run has left of BFD. */
  readonly bgpLeft: string;
  /** Whether another program has the port. */
  readonly bfd: "works" | "port-taken";
};

const PORT_TAKEN: BfdPort["listen"] = ({ family }) => ({
  ok: false,
  error: { code: "EADDRINUSE", operation: `listen on UDP port 3784 for ${family}` },
});

const startNode = (host: number, wires: Wires, { found, bgpFound, bgpLeft, bfd }: Wish) => {
  const clock = fakeClock({
    onWake: () => {
      if (isAlive) deadlines.runDue();
    },
  });
  const deadlines = createDeadlines(clock);
  const station = wires.segment.addStation(macOf(host));
  const system = wires.sessions.addSystem({
    ...{ linkIndex: LINK.index, addresses: new Set([parsed(`192.0.2.${host}`)]) },
  });
  let isAlive = true;
  let onFailure = (_detail: string): void => {};
  const ends: string[] = [];
  const complaints: string[] = [];
  const record = fakeRecord(found);
  const { agent, start } = createAgent(ends);
  const name = `node-${host}`;
  const bgp = fakeBgp(bgpFound, bgpLeft);
  const wire = new Wire({
    ...{
      node: name,
      deadlines,
      ownership: DEFAULT_OWNERSHIP,
      authentication: undefined,
      netlink: kernelOf(host),
    },
    ...{ random: seededRandom(host), answerer: "responder", forwardsIpv6: () => false },
    bfd: bfd === "works" ? system.port : { ...system.port, listen: PORT_TAKEN },
    packets: { ...station.port, ...wires.lan.addStation(macOf(host)).port },
    facts: { pid: 1, startedAt: wallTime(0), version: "test" },
    now: () => clock.now(),
    time: () => wallTime(clock.now() / 1_000),
    digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
    responder: { ...DEFAULTS, nonce: host },
    openState: (report) => {
      onFailure = report;
      return record;
    },
    ...{ bootId: BOOT, bgpLeaveLimit: seconds(1), openBgp: bgp.open, openBgpState: bgp.openRecord },
    bequest: bgp.bequest,
    startAgent: start,
    memory: { rest: () => {}, expectWork: () => {} },
    complain: (message) => void complaints.push(message),
    end: (status) => void ends.push(`end ${status}`),
  });
  const node: WireNode = {
    ...{ name, wire, agent, record, bgp, complaints, ends },
    failWrite: (detail) => onFailure(detail),
    kill: () => {
      isAlive = false;
      station.setLink(false);
      system.setLink(false);
    },
  };
  return { node, clock };
};

export type WireBed = {
  readonly nodes: readonly WireNode[];
  /** Moves time on in steps of five milliseconds, and delivers whatever is on its way. */
  pass(duration: Duration): Promise<void>;
  /** Nodes that announced an address on the link, in order, each once, since that was last asked. */
  announced(): readonly string[];
};

type BedWish = {
  readonly found?: (name: string) => string;
  readonly bgpFound?: string;
  readonly bgpLeft?: string;
  readonly bfd?: Wish["bfd"];
};

/** So many nodes `node-1`, `node-2`, ... on one link with a gateway; `found` is what each has on disk. */
export const wireBed = (
  count: number,
  { found = () => "", bgpFound = "", bgpLeft = "", bfd = "works" }: BedWish = {},
): WireBed => {
  const wires = createWires();
  startGateway(wires.segment);
  const started = Array.from({ length: count }, (_, index) =>
    startNode(index + 1, wires, { found: found(`node-${index + 1}`), bgpFound, bgpLeft, bfd }),
  );
  let read = 0;
  return {
    nodes: started.map(({ node }) => node),
    pass: async (duration) => {
      for (let left = duration / 5_000; left > 0; left -= 1) {
        for (const { clock } of started) clock.advance(millis(5));
        wires.sessions.settle();
        wires.segment.settle();
        wires.lan.settle();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    announced: () => {
      const frames = wires.segment.frames.slice(read);
      read = wires.segment.frames.length;
      // Gratuitous ARP: operation 1 or 2, sender and target address are the same.
      const senders = frames.flatMap(({ from, payload }) =>
        payload.slice(14, 18).join() === payload.slice(24, 28).join() ? [from] : [],
      );
      const names = senders.map((mac) => `node-${Number.parseInt(mac.slice(-2), 16)}`);
      return names.filter((name, index) => name !== names[index - 1]);
    },
  };
};

/** All nodes of a bed as members. */
export const membersOf = (count: number): readonly MemberWord[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ name: `node-${index + 1}`, addresses: [parsed(`192.0.2.${index + 1}`)], macs: [macOf(index + 1)] },
    api: "ready" as const,
  }));

/** An address for which these may answer. */
export const placed = (text: string, ...candidates: readonly string[]): PlacementWord => ({
  ...{ address: parsed(text), candidates, interfaces: "all" },
});

/** What an agent has been told to have happened, as lines. */
export const linesOf = (messages: readonly WireToAgent[]): readonly string[] =>
  messages.flatMap((message) => {
    const told = message.type === "snapshot" ? message.recent : [];
    const all = message.type === "observation" ? [message.observation] : told;
    return all.map(({ event }) => {
      const { subject, text } = speakerSentence(event);
      return `${subject}: ${text}`;
    });
  });

/** Where each address is answered for, as an agent has been told last. */
export const voicesOf = (messages: readonly WireToAgent[]): ReadonlyMap<IpAddress, readonly string[]> => {
  const voices = new Map<IpAddress, readonly string[]>();
  for (const message of messages) {
    if (message.type !== "snapshot" && message.type !== "voices") continue;
    for (const { address, interfaces } of message.voices) {
      if (interfaces.length === 0) voices.delete(address);
      else voices.set(address, interfaces);
    }
  }
  return voices;
};

/** The only node. */
export const onlyOf = ({ nodes }: WireBed): WireNode => {
  const [node] = nodes;
  assert(node !== undefined, "a node");
  return node;
};
