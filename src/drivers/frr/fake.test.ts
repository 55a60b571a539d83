import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { seconds } from "#base/time";
import { planLines } from "#core/frr/plan";
import { parseRunning } from "#core/frr/running";
import { sectionOf, type Wanted } from "#core/frr/section";
import { BFD, EVERYTHING, peerWord, routeWord } from "#core/frr/test-words";
import { FRR_CONTRACT } from "./contract.ts";
import { type FakeFrr, fakeFrr } from "./fake.ts";

describe("the fake FRR", () => {
  for (const [title, test] of FRR_CONTRACT) it(title, () => test(fakeFrr()));
});

const names = ["a", "b", "c", "d"] as const;

const anyPeer = fc
  .record({
    name: fc.constantFrom(...names),
    localAsn: fc.constantFrom(64_500, 64_510),
    peerAsn: fc.constantFrom(
      { type: "given", asn: 64_501 } as const,
      { type: "internal" } as const,
      { type: "external" } as const,
    ),
    password: fc.constantFrom(undefined, "one", "two"),
    port: fc.constantFrom(179, 1_790),
    role: fc.constantFrom("active" as const, "passive" as const),
    multihop: fc.boolean(),
    ttlSecurity: fc.boolean(),
    holdTime: fc.constantFrom(seconds(0), seconds(9), seconds(90)),
    families: fc.constantFrom(["IPv4"] as const, ["IPv6"] as const, ["IPv4", "IPv6"] as const),
    gracefulRestart: fc.constantFrom(undefined, { restartTime: seconds(60) }, { restartTime: seconds(90) }),
    bfd: fc.constantFrom(
      undefined,
      BFD,
      { ...BFD, detectMultiplier: 3, role: "passive" as const },
      { ...BFD, echo: { interval: seconds(1) }, minimumTtl: 9 },
    ),
    mostRoutes: fc.constantFrom(1, 1_000),
  })
  .map(({ name, ...rest }) => peerWord(name, { at: `10.0.0.${names.indexOf(name) + 1}`, ...rest }));

const anyRoute = fc
  .record({
    prefix: fc.constantFrom("192.0.2.1/32", "192.0.2.2/32", "192.0.2.0/28", "2001:db8::1/128"),
    peers: fc.subarray([...names], { minLength: 1 }),
    med: fc.constantFrom(undefined, 5),
    communities: fc.subarray([1, 0xffff_ff01]),
    localPref: fc.constantFrom(0, 100),
  })
  .map(({ prefix, peers, ...rest }) => routeWord(prefix, peers, rest));

const anyWanted: fc.Arbitrary<Wanted> = fc.record({
  peers: fc.uniqueArray(anyPeer, { selector: ({ name }) => name }),
  routes: fc.uniqueArray(anyRoute, { selector: ({ prefix }) => JSON.stringify(prefix) }),
});

const FOREIGN = [
  "router bgp 65001",
  " neighbor 10.9.9.9 remote-as 65002",
  " address-family ipv4 unicast",
  "  network 10.9.0.0/16",
  " exit-address-family",
  "exit",
  "route-map steelyard-tor permit 10",
  " set metric 7",
  "exit",
  "bfd",
  " profile theirs",
  "  transmit-interval 50",
  " exit",
  "exit",
].join("\n");

const running = async (frr: FakeFrr) => {
  const answer = await frr.running();
  assert.ok(answer.ok);
  return parseRunning(answer.value);
};

const foreignLines = async (frr: FakeFrr): Promise<string> => {
  const answer = await frr.running();
  assert.ok(answer.ok);
  return answer.value.replaceAll(/^(?:router bgp|route-map) [^\n]*steelyard-node:.*?^exit\n!\n/gms, "");
};

const apply = async (frr: FakeFrr, wanted: Wanted): Promise<void> => {
  const there = await running(frr);
  const lines = planLines(sectionOf(wanted, there).wanted, there.own);
  if (lines.length > 0) assert.ok((await frr.configure(lines)).ok);
};

describe("what is planned for FRR", () => {
  it("leads from anything to anything, after which nothing is planned", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyWanted, { minLength: 1, maxLength: 4 }), async (states) => {
        const frr = fakeFrr(FOREIGN);
        for (const wanted of states) {
          await apply(frr, wanted);
          const there = await running(frr);
          assert.deepEqual(planLines(sectionOf(wanted, there).wanted, there.own), []);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("leaves exactly what was there when nothing is wanted any more", async () => {
    await fc.assert(
      fc.asyncProperty(anyWanted, async (wanted) => {
        const frr = fakeFrr(FOREIGN);
        const before = await frr.running();
        await apply(frr, wanted);
        await apply(frr, { peers: [], routes: [] });
        const after = await frr.running();
        assert.deepEqual(after, before);
      }),
    );
  });

  it("touches nothing of others", async () => {
    const frr = fakeFrr(FOREIGN);
    await apply(frr, EVERYTHING);
    const text = await foreignLines(frr);
    for (const line of FOREIGN.split("\n")) assert.ok(text.includes(line), line);
    for (const line of frr.entered) {
      if (/^(?:no )?(?:router bgp|route-map|profile)/.test(line.trim()))
        assert.match(line, /steelyard-node:/);
    }
  });

  it("mends what somebody else has changed in it", async () => {
    const frr = fakeFrr(FOREIGN);
    await apply(frr, EVERYTHING);
    const view = "router bgp 64500 view steelyard-node:64500";
    frr.byHand(view, "neighbor 10.0.0.1 remote-as 7", "neighbor 10.0.0.66 remote-as 66", "exit");
    frr.byHand("no route-map steelyard-node:in deny 10", "route-map steelyard-node:mine permit 10", "exit");
    await apply(frr, EVERYTHING);
    const there = await running(frr);
    assert.deepEqual(planLines(sectionOf(EVERYTHING, there).wanted, there.own), []);
  });
});
