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
