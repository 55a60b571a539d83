/** BGP speakers on one link in memory, on one clock, and what each told its peers as a router would know it. */
import { createHash } from "node:crypto";
import type { IpAddress } from "#base/address";
import { assert } from "#base/assert";
import { type Duration, type Instant, micros, millis, seconds } from "#base/time";
import type { BgpSettings, PeerWord, RouteWord } from "#core/bgp/desired";
import { Framer } from "#core/bgp/message/framer";
import type { RouteAttributes } from "#core/bgp/route";
import { type FakeBfdLink, fakeBfdLink } from "#drivers/bfd/fake";
import { type FakeBgpHost, type FakeBgpNetwork, fakeBgpNetwork } from "#drivers/bgp/fake";
import type { BgpConnection, BgpPort } from "#drivers/bgp/port";
import { fakeClock } from "#drivers/clock/fake";
import { FakeNetlink } from "#drivers/netlink/fake";
import { type FakeAdvertisementLink, fakeAdvertisementLink } from "#drivers/router-advertisement/fake";
import { prefix, takeApart } from "#testing/bgp-update";
import { seededRandom } from "#testing/random";
import { address } from "#testing/values";
import { BfdHub } from "../bfd/hub.ts";
import { createDeadlines, type Deadlines } from "../deadlines.ts";
import { createLinks, type Links } from "../links.ts";
import type { Left } from "./leaving.ts";
import { LeftSessions } from "./left-sessions.ts";
import type { BgpObservation, BgpSpeakerParts } from "./parts.ts";
import { BgpSpeaker } from "./speaker.ts";

const LINK_INDEX = 2;
const UPDATE = 2;
const MP_REACH = 14;
const STEP = millis(10);

/** What a router knows of one prefix, in words. */
export type Table = ReadonlyMap<string, string>;

export type BedHost = {
  readonly speaker: BgpSpeaker;
  readonly tcp: FakeBgpHost;
  readonly netlink: FakeNetlink;
  readonly links: Links;
  /** Takes everything of the host off the link, BFD too, or brings it back. */
  readonly setLink: (up: boolean) => void;
  /** What was observed since it was last asked, in words. */
  readonly said: () => readonly string[];
  /** What it has told a peer on the last session with it. */
  readonly told: (peer: IpAddress) => Table;
  /** Ends the process without a word and starts another one, with what it has left if it has left. */
  readonly restart: (start: BgpSpeakerParts["start"], left?: Left) => BedHost;
};

export type Bed = {
  readonly network: FakeBgpNetwork;
  readonly now: () => Instant;
  readonly pass: (duration: Duration) => void;
  readonly host: (number: number, start?: BgpSpeakerParts["start"]) => BedHost;
};

/** The address of a host. */
export const at = (number: number, family: "IPv4" | "IPv6" = "IPv4"): IpAddress =>
  address(family === "IPv4" ? `192.0.2.${number}` : `2001:db8::${number}`);

/** What host `self` is told of `other`: an external peer with every default. */
export const peerWord = (self: number, other: number, change: Partial<PeerWord> = {}): PeerWord => ({
  name: `host-${other}`,
  neighbor: { type: "address", address: at(other) },
  ...{ port: 179, localAsn: 64_512 + self, hiddenAsn: undefined },
  peerAsn: { type: "given", asn: 64_512 + other },
  routerId: address(`10.0.0.${self}`) as PeerWord["routerId"],
  ...{ sourceAddress: undefined, vrf: undefined, password: undefined },
  ...{ holdTime: seconds(9), keepaliveTime: seconds(3), connectRetryTime: seconds(5) },
  ...{ role: "active", multihop: false, ttlSecurity: false },
  ...{ families: ["IPv4", "IPv6"], multiprotocol: true, gracefulRestart: undefined },
  ...{ bfd: undefined, mostRoutes: 100_000 },
  ...change,
});

export const LISTENING: BgpSettings = { listen: { port: 179 }, drainTime: micros(0) };

const ATTRIBUTES: RouteAttributes = {
  ...{ localPref: 100, med: undefined, communities: [], largeCommunities: [], linkBandwidth: undefined },
};

/** A route to `peers` with these attributes beside the usual ones. */
export const routeWord = (
  text: string,
  peers: readonly string[],
  attributes: Partial<RouteAttributes> = {},
): RouteWord => ({
  prefix: prefix(text),
  targets: [{ peers, attributes: { ...ATTRIBUTES, ...attributes } }],
});

/** So many routes 10.x.y.0/24. */
export const manyRoutes = (count: number, peers: readonly string[]): readonly RouteWord[] =>
  Array.from({ length: count }, (_, index) => routeWord(`10.${index >> 8}.${index & 0xff}.0/24`, peers));

const wordsOf = (observation: BgpObservation): string => {
  switch (observation.type) {
    case "session":
      return `${observation.peer} ${observation.from} > ${observation.to}: ${observation.text}`;
    case "left-out":
      return `${observation.peer} left out ${observation.leftOut.map(({ reason, family, count }) => `${count} ${family} ${reason}`).join(", ")}`;
    case "bfd":
      return `${observation.peer} bfd ${observation.status}`;
    case "listening":
      return `listening ${observation.family} ${observation.refused ?? "works"}`;
    case "damped":
      return `damped ${observation.prefix.address} ${observation.until === undefined ? "no more" : "for a while"}`;
    case "password-refused":
      return observation.detail ?? "passwords are accepted";
    case "neighbor":
      return `${observation.peer} is ${observation.address ?? "nobody"}`;
  }
};

/** Reads along what is written, as far as it is about routes. */
const tapped = (port: BgpPort, tables: Map<IpAddress, Map<string, string>>): BgpPort => {
  const tap = (connection: BgpConnection): BgpConnection => {
    const framer = new Framer();
    const table = new Map<string, string>();
    const read = (bytes: Uint8Array): void => {
      framer.push(bytes);
      for (let next = framer.next(); next?.type === "message"; next = framer.next())
        if (next.bytes[18] === UPDATE) learn(connection.remote.address, next.bytes, table, tables);
    };
    return {
      ...{ local: connection.local, remote: connection.remote, linkIndex: connection.linkIndex },
      write: (bytes) => {
        read(bytes);
        return connection.write(bytes);
      },
      waiting: () => connection.waiting(),
      close: () => connection.close(),
      reset: () => connection.reset(),
    };
  };
  return {
    connect: (request) =>
      port.connect({ ...request, onConnected: (connection) => request.onConnected(tap(connection)) }),
    listen: (request) =>
      port.listen({ ...request, onConnection: (connection) => request.onConnection(tap(connection)) }),
  };
};

const learn = (
  peer: IpAddress,
  bytes: Uint8Array,
  table: Map<string, string>,
  tables: Map<IpAddress, Map<string, string>>,
): void => {
  tables.set(peer, table);
  const { announced, withdrawn, attributes } = takeApart(bytes);
  for (const each of withdrawn) table.delete(each);
  const words = attributes
    .filter(({ code }) => code !== MP_REACH)
    .map(({ code, value }) => `${code}=${value}`);
  for (const each of announced) table.set(each, words.join(" "));
};

const startHost = (
  number: number,
  start: BgpSpeakerParts["start"],
  world: {
    readonly network: FakeBgpNetwork;
    readonly bfd: FakeBfdLink;
    readonly routers: FakeAdvertisementLink;
    readonly deadlines: Deadlines;
    readonly now: () => Instant;
  },
): BedHost => {
  const addresses = new Set([at(number), at(number, "IPv6"), address(`fe80::${number}`)]);
  const tcp = world.network.addHost({ addresses, linkIndex: LINK_INDEX });
  const system = world.bfd.addSystem({ linkIndex: LINK_INDEX, addresses });
  const routers = world.routers.addMachine(address(`fe80::${number}`));
  const netlink = new FakeNetlink([
    { ...{ index: LINK_INDEX, name: "eth0", mtu: 1_500 }, ...{ up: true, carrier: true, loopback: false } },
  ]);
  for (const each of addresses)
    netlink.setAddress({
      ...{ linkIndex: LINK_INDEX, address: each, prefixLength: each.includes(":") ? 64 : 24 },
      ...{ tentative: false, duplicate: false },
    });
  const links = createLinks(netlink);
  const life = { current: 0 };
  const run = (first: BgpSpeakerParts["start"], left?: Left): BedHost => {
    life.current += 1;
    const id = `${number}.${life.current}`;
    const deadlines: Deadlines = {
      set: (name, when, action) => world.deadlines.set(`${id} ${name}`, when, action),
      runDue: () => world.deadlines.runDue(),
    };
    const said: string[] = [];
    const tables = new Map<IpAddress, Map<string, string>>();
    const random = seededRandom(number * 1_000 + life.current);
    const hub = new BfdHub({
      ...{ bfd: system.port, deadlines, now: world.now, random, count: () => {} },
      digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
    });
    const speaker = new BgpSpeaker({
      ...{
        tcp: tapped(tcp.port, tables),
        bfd: hub,
        routers,
        links,
        deadlines,
        now: world.now,
        random,
        start: first,
        left: new LeftSessions(left),
      },
      afterReading: (action) => action(),
      tell: (observation) => void said.push(wordsOf(observation)),
    });
    return {
      ...{ speaker, tcp, netlink, links },
      setLink: (up) => {
        tcp.setLink(up);
        system.setLink(up);
      },
      said: () => said.splice(0),
      told: (peer) => tables.get(peer) ?? new Map(),
      restart: (next, bequeathed) => {
        tcp.kill();
        hub.close();
        speaker.close();
        return run(next, bequeathed);
      },
    };
  };
  return run(start);
};

/** A link without hosts yet. */
export const bgpBed = (): Bed => {
  let timers = 0;
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const network = fakeBgpNetwork((delay, run) => {
    timers += 1;
    const id = `tcp ${timers}`;
    deadlines.set(id, (clock.now() + delay) as Instant, run);
    return () => deadlines.set(id, undefined, run);
  });
  const bfd = fakeBfdLink(() => clock.now());
  const routers = fakeAdvertisementLink();
  const settle = (): void => {
    network.settle();
    bfd.settle();
    routers.settle();
  };
  return {
    network,
    now: () => clock.now(),
    pass: (duration) => {
      assert(duration % STEP === 0, "whole steps", { duration });
      settle();
      for (let steps = duration / STEP; steps > 0; steps -= 1) {
        clock.advance(STEP);
        settle();
      }
    },
    host: (number, start = "fresh") =>
      startHost(number, start, { network, bfd, routers, deadlines, now: () => clock.now() }),
  };
};
