import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, isIpv4 } from "#base/address";
import { BROADCAST_MAC } from "#base/mac";
import { gratuitous, replyTo, whoHas } from "#core/arp/packet";
import type { Frame } from "#test/cluster/lab/capture";
import { macOf } from "#testing/responder";
import { address } from "#testing/values";
import { renderResult } from "./report.ts";
import { readDeath } from "./speaker-many.ts";
import { reportMany } from "./speaker-many-report.ts";
import { readMoves, reportStarved } from "./speaker-starved.ts";

const CLIENT = "02:00:00:00:02:02";
const ipv4 = (text: string) => {
  const parsed: IpAddress = address(text);
  return isIpv4(parsed) ? parsed : assert.fail(text);
};
const VIPS = ["10.200.0.1", "10.200.0.2"].map(ipv4);
const QUESTION = { mac: macOf(0x02), address: ipv4("10.2.0.2") };
const nodeMac = (node: number): string => `02:00:00:00:02:0${(10 + node).toString(16)}`;

const frame = (at: number, source: string, rest: Pick<Frame, "destination" | "message">): Frame => ({
  ...{ at: at * 1_000, source, ...rest },
});
const answer = (at: number, node: number, vip: (typeof VIPS)[number]): Frame =>
  frame(at, nodeMac(node), {
    destination: CLIENT,
    message: { protocol: "arp", ...replyTo(whoHas(vip, QUESTION), macOf(node)) },
  });
const announcement = (at: number, node: number, vip: (typeof VIPS)[number]): Frame =>
  frame(at, nodeMac(node), {
    destination: BROADCAST_MAC,
    message: { protocol: "arp", ...gratuitous("request", { mac: macOf(node), address: vip }) },
  });
const question = (at: number, vip: (typeof VIPS)[number]): Frame =>
  frame(at, CLIENT, { destination: BROADCAST_MAC, message: { protocol: "arp", ...whoHas(vip, QUESTION) } });

const [A, B] = VIPS;
assert.ok(A !== undefined && B !== undefined);
const SEEN = [
  answer(90, 1, B),
  answer(100, 1, A),
  question(110, A),
  question(130, B),
  announcement(460, 2, A),
  announcement(461, 2, B),
  answer(470, 2, A),
  question(480, B),
  answer(495, 2, B),
  announcement(660, 2, A),
];
const CASE = { addresses: 2, layout: "to one", holder: "e1" } as const;

describe("a death of a node with many addresses", () => {
  it("is counted from the last answer of the dead node, to the first answer and announcement of each address", () => {
    assert.deepEqual(readDeath(SEEN, CASE), {
      ...{ addresses: 2, layout: "to one" },
      ...{ answeredMs: [370, 395], announcedMs: [360, 361], unaskedMs: 350 },
    });
  });

  it("is no measurement where an address was never announced, or never answered for", () => {
    assert.throws(() => readDeath(SEEN.slice(0, 5), CASE), /1 of 2 announced/);
    assert.throws(() => readDeath(SEEN.slice(0, 7), CASE), /1 of 2 answered/);
  });

  it("misses its bar when the last one waits for too long", () => {
    const death = { ...readDeath(SEEN, CASE), unaskedMs: 1 };
    const late = { ...death, answeredMs: [370, 501], announcedMs: [360, 421] };
    const metOf = (...deaths: Parameters<typeof reportMany>[0][number][]) =>
      reportMany(deaths).bars.map(({ met }) => met);
    assert.deepEqual(
      [metOf(death), metOf(death, late)],
      [
        [true, true],
        [false, false],
      ],
    );
    assert.match(renderResult(reportMany([death])), /\| 2 +\| one other +\| 1 +\| 370 /);
  });
});

describe("moves of addresses beside busy programs", () => {
  it("are announcements of another node than before, in windows of half a minute", () => {
    const before = [announcement(0, 1, A), announcement(1, 2, B)];
    const during = [
      ...[announcement(1_010, 1, A), announcement(2_000, 2, A), announcement(2_100, 2, A)],
      ...[announcement(40_000, 1, A), announcement(45_000, 2, B), announcement(95_000, 3, B)],
    ];
    const seen = readMoves([...before, ...during], { from: 1_000_000, windows: 3 });
    assert.deepEqual(seen, { moves: [1, 1, 0], moved: 1 });
  });

  it("miss their bar when they do not end", () => {
    const metOf = (...moves: readonly number[]) =>
      reportStarved({ addresses: 10, burners: 20, moves, moved: 10 }).bars.map(({ met }) => met);
    assert.deepEqual([metOf(90, 4), metOf(0, 5)], [[true], [false]]);
  });
});
