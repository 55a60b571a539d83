/** Nodes for tests: a real fast speaker each, on a fake kernel, fake wires and a clock that a test moves. */
import { createHash } from "node:crypto";
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { type MacAddress, parseMac } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { after, type Duration, type Instant, micros, millis } from "#base/time";
import { decode as decodeArp, encode as encodeArp, replyTo, whoHas } from "#core/arp/packet";
import type { ApiWord } from "#core/liveness/standing";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { DEFAULTS } from "#core/responder/config";
import type { SpeakerEvent } from "#core/speaker/event";
import { speakerSentence } from "#core/speaker/sentence";
import { type FakeBfdLink, fakeBfdLink } from "#drivers/bfd/fake";
import { fakeClock } from "#drivers/clock/fake";
import { FakeNetlink } from "#drivers/netlink/fake";
import { type FakeResponderSegment, fakeResponderSegment } from "#drivers/packet/fake-responder";
import type { ResponderPort, ResponderSocket } from "#drivers/packet/responder-port";
import { createDeadlines } from "#runtime/deadlines";
import type { MemberWord, PlacementWord } from "./desired.ts";
import { Speaker } from "./speaker.ts";

/** The one link of each node. */
export const LINK = { index: 2, name: "eth0" };

export const parsed = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

/** The MAC address of a host. */
export const macOf = (host: number): MacAddress => {
  const mac = parseMac(`02:00:00:00:00:${host.toString(16).padStart(2, "0")}`);
  assert(mac !== undefined, "not a MAC address", { host });
  return mac;
};

/** The gateway's host number. */
const GATEWAY = 99;

export type BedNode = {
  readonly name: string;
  readonly mac: MacAddress;
  readonly speaker: Speaker;
  readonly netlink: FakeNetlink;
  /** What it said happened since it was last asked. */
  said(): readonly string[];
  /** Addresses that it answers for. */
  answers(): readonly IpAddress[];
  /** Its cable, as its peers see it; the kernel of the node does not notice. */
  cut(isCut: boolean): void;
  /** It stands still, as under SIGSTOP, and goes on. */
  freeze(isFrozen: boolean): void;
};

export type SpeakerBed = {
  readonly nodes: readonly BedNode[];
  readonly segment: FakeResponderSegment;
  readonly sessions: FakeBfdLink;
  readonly now: () => Instant;
  /** Moves time on in steps of five milliseconds, and delivers whatever is on its way. */
  pass(duration: Duration): Promise<void>;
  /** Tells all nodes of these placements, each address with its candidates in order. */
  place(placements: Readonly<Record<string, readonly string[]>>): void;
  /** Tells all nodes what the API server says of members; those that are not named are ready. */
  members(words?: Readonly<Record<string, ApiWord>>): void;
  /** Asks, as a client does; gives the MAC addresses of whoever answers. */
  ask(address: string): Promise<readonly MacAddress[]>;
  /** Lets the gateway be silent. */
  silenceGateway(isSilent: boolean): void;
};

/** What the kernel of a host knows of its network. */
export const kernelOf = (host: number): FakeNetlink => {
  const netlink = new FakeNetlink([
    { ...LINK, mac: macOf(host), mtu: 1500, up: true, carrier: true, loopback: false },
  ]);
  netlink.setAddress({
    ...{ address: parsed(`192.0.2.${host}`), prefixLength: 24, linkIndex: LINK.index },
    ...{ tentative: false, duplicate: false },
  });
  const everywhere = parseInterfaceAddress("0.0.0.0/0");
  assert(everywhere !== undefined, "the default route");
  netlink.setRoute(everywhere, {
    ...{ linkIndex: LINK.index, gateway: parsed(`192.0.2.${GATEWAY}`), source: parsed(`192.0.2.${host}`) },
  });
  return netlink;
};

/** A gateway that answers whoever asks for it. */
export const startGateway = (segment: FakeResponderSegment) =>
  startMachine(segment, GATEWAY, `192.0.2.${GATEWAY}`);

/** A machine that is no node and answers whoever asks for its address. */
export const startMachine = (segment: FakeResponderSegment, host: number, address: string) => {
  const station = segment.addStation(macOf(host));
  let socket: ResponderSocket | undefined;
  const opened = station.port.openResponder({
    ...{ link: LINK, family: "IPv4" },
    onFrame: ({ payload }) => {
      const asked = decodeArp(payload);
      if (!asked.ok || asked.value.operation !== "request") return;
      const reply = replyTo(asked.value, macOf(host));
      socket?.send({ destination: asked.value.senderMac, payload: encodeArp(reply) });
    },
    onError: () => {},
  });
  assert(opened.ok, "the fake always opens");
  socket = opened.value;
  socket.listen([parsed(address)]);
  return station;
};

type Wires = {
  readonly segment: FakeResponderSegment;
  readonly sessions: FakeBfdLink;
  readonly frameCost: Duration;
  readonly answerer: "responder" | "kernel";
};

/** A port through which each frame takes its time, to send and to hear. */
const slowly = (port: ResponderPort, spend: () => void): ResponderPort => ({
  openResponder: (request) => {
    const opened = port.openResponder({
      ...request,
      onFrame: (frame) => {
        spend();
        request.onFrame(frame);
      },
    });
    if (!opened.ok) return opened;
    const { send } = opened.value;
    const slow: ResponderSocket["send"] = (frame) => {
      spend();
      return send(frame);
    };
    return { ok: true, value: { ...opened.value, send: slow } };
  },
});

const startNode = (host: number, { segment, sessions, frameCost, answerer }: Wires) => {
  const netlink = kernelOf(host);
  const station = segment.addStation(macOf(host));
  const system = sessions.addSystem({
    ...{ linkIndex: LINK.index, addresses: new Set([parsed(`192.0.2.${host}`)]) },
  });
  let frozen = false;
  const events: SpeakerEvent[] = [];
  const clock = fakeClock({
    onWake: () => {
      if (!frozen) deadlines.runDue();
    },
  });
  /** Time that has passed in the midst of a turn. */
  let spent = micros(0);
  const now = (): Instant => after(clock.now(), spent);
  const deadlines = createDeadlines({ now, wake: (at) => clock.wake(at) });
  const packets = slowly(station.port, () => {
    spent = micros(spent + frameCost);
  });
  let die = host * 7_919;
  const speaker = new Speaker({
    ...{ self: `node-${host}`, bfd: system.port, packets, netlink, deadlines, now },
    // Good enough where nobody attacks.
    random: () => {
      die = (die * 1_103_515_245 + 12_345) % 2_147_483_648;
      return die / 2_147_483_648;
    },
    digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
    ...{ count: () => {}, ownership: DEFAULT_OWNERSHIP, responder: { ...DEFAULTS, nonce: host } },
    ...{
      authentication: undefined,
      answerer,
      forwardsIpv6: () => false,
      tell: (event) => void events.push(event),
    },
  });
  netlink.subscribe((change) => speaker.networkChanged(change, now()));
  const node: BedNode = {
    ...{ name: `node-${host}`, mac: macOf(host), speaker, netlink },
    said: () =>
      events.splice(0).map((event) => {
        const { subject, text } = speakerSentence(event);
        return `${subject}: ${text}`;
      }),
    answers: () => [...heldOf(speaker)],
    cut: (isCut) => {
      station.setLink(!isCut);
      system.setLink(!isCut);
    },
    freeze: (isFrozen) => {
      frozen = isFrozen;
      if (!isFrozen) deadlines.runDue();
    },
  };
  const advance = (duration: Duration): void => {
    spent = micros(Math.max(0, spent - duration));
    clock.advance(duration);
  };
  return { node, clock: { now, advance }, isFrozen: () => frozen };
};

/** Addresses of the tests; a speaker is asked for each. */
const ADDRESSES = Array.from({ length: 50 }, (_, index) => parsed(`192.0.2.${100 + index}`));
const heldOf = (speaker: Speaker): readonly IpAddress[] =>
  ADDRESSES.filter((address) => speaker.answers(address));

/** So many nodes `node-1`, `node-2`, ... on one link with a gateway, who know each other; each frame takes so long to send, or to hear. */
export const speakerBed = (
  count: number,
  { frameCost = micros(0), answerer = "responder" }: Partial<Pick<Wires, "frameCost" | "answerer">> = {},
): SpeakerBed => {
  const segment = fakeResponderSegment();
  const sessions = fakeBfdLink(() => now());
  const gateway = startGateway(segment);
  const started = Array.from({ length: count }, (_, index) =>
    startNode(index + 1, { segment, sessions, frameCost, answerer }),
  );
  const nodes = started.map(({ node }) => node);
  const clocks = started.map(({ clock }) => clock);
  const [firstClock] = clocks;
  assert(firstClock !== undefined, "at least one node");
  const now = (): Instant => firstClock.now();
  const bed: SpeakerBed = {
    ...{ nodes, segment, sessions, now },
    pass: async (duration) => {
      for (let left = duration / 5_000; left > 0; left -= 1) {
        for (const clock of clocks) clock.advance(millis(5));
        if (!started.some(({ isFrozen }) => isFrozen())) {
          sessions.settle();
          segment.settle();
        } else settleWithout(started, { sessions, segment });
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    place: (placements) => {
      const words = Object.entries(placements).map(
        ([address, candidates]): PlacementWord => ({
          address: parsed(address),
          candidates,
          interfaces: "all",
        }),
      );
      for (const { speaker } of nodes) speaker.place(words, [], now());
    },
    members: (words = {}) => {
      const members = nodes.map(
        ({ name, mac }, index): MemberWord => ({
          ...{ name, addresses: [parsed(`192.0.2.${index + 1}`)], macs: [mac], api: words[name] ?? "ready" },
        }),
      );
      for (const { speaker } of nodes) speaker.setMembers(members, now());
    },
    ask: (address) => askAsClient(segment, parsed(address)),
    silenceGateway: (isSilent) => gateway.setLink(!isSilent),
  };
  bed.members();
  return bed;
};

/** While a node stands still its sockets fill: what is sent to it waits. The fake cannot, so its cable is cut meanwhile. */
const settleWithout = (
  started: readonly { readonly node: BedNode; readonly isFrozen: () => boolean }[],
  { sessions, segment }: Pick<SpeakerBed, "sessions" | "segment">,
): void => {
  const frozen = started.filter(({ isFrozen }) => isFrozen());
  for (const { node } of frozen) node.cut(true);
  sessions.settle();
  segment.settle();
  for (const { node } of frozen) node.cut(false);
};

const askAsClient = async (
  segment: FakeResponderSegment,
  address: IpAddress,
): Promise<readonly MacAddress[]> => {
  const mac = macOf(200);
  const own = parsed("192.0.2.200");
  const found: MacAddress[] = [];
  const opened = segment.addStation(mac).port.openResponder({
    ...{ link: LINK, family: "IPv4" },
    onFrame: ({ payload }) => {
      const reply = decodeArp(payload);
      if (reply.ok && reply.value.operation === "reply" && reply.value.senderAddress === address)
        found.push(reply.value.senderMac);
    },
    onError: () => {},
  });
  assert(opened.ok && !address.includes(":"), "an IPv4 address");
  opened.value.listen([address]);
  const question = whoHas(address as Parameters<typeof whoHas>[0], {
    mac,
    address: own as Parameters<typeof whoHas>[0],
  });
  opened.value.send({ destination: parseMac("ff:ff:ff:ff:ff:ff") ?? mac, payload: encodeArp(question) });
  segment.settle();
  opened.value.close();
  return [...new Set(found)];
};
