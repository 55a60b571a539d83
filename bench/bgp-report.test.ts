import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant } from "#base/time";
import type { Round } from "./bgp-announce.ts";
import type { AnnouncerName } from "./bgp-announcers.ts";
import { readTables } from "./bgp-bird.ts";
import { pathsMessage } from "./bgp-grpc.ts";
import { readHandshakes } from "./bgp-handshakes.ts";
import { DETECTIONS, type Death } from "./bgp-outage.ts";
import { type Answer, outagesOf } from "./bgp-outages.ts";
import { reportBgp } from "./bgp-report.ts";
import { renderResult } from "./report.ts";

const round = (program: AnnouncerName, times: number): Round => ({
  ...{ program, readyMs: 100, establishedMs: 200, handshakeMs: [1, 2, 3], setupCpuS: 0.1 },
  ...{ announceMs: 500 * times, announceCpuS: 0.4 * times, routersCpuS: 0.1 },
  ...{ idlePssMb: 20, pssMb: 50, restPssMb: 40 * times, restAnonymousMb: 20, peakRssMb: 60 },
  ...{ withdrawnMs: [2 * times, 2 * times, 30], allWithdrawnMs: 100 * times, withdrawCpuS: 0.1 },
});

const death = (detection: string, lost: readonly number[]): Death => ({
  ...{ detection, node: "n1", lost, forsaken: 0, others: 6 },
});

const [watched, short, long] = DETECTIONS;
const DEATHS: readonly Death[] = [
  death(watched?.name ?? "", [150, 151]),
  death(short?.name ?? "", [2_500]),
  death(long?.name ?? "", [8_000]),
];

const figures = (ours: readonly number[], deaths = DEATHS) => ({
  ...{ prefixes: 10_000, routers: 10, detections: DETECTIONS, deaths },
  rounds: ours.flatMap((times) => [round("steelyard", times), round("gobgp", 1)]),
});

const barsOf = (...given: Parameters<typeof figures>) =>
  Object.fromEntries(reportBgp(figures(...given)).bars.map(({ what, met }) => [what, met]));

describe("the report on BGP", () => {
  it("holds what is less than GoBGP needs in every round, and not what may be more", () => {
    const ratios = (ours: readonly number[]) =>
      Object.entries(barsOf(ours)).flatMap(([what, met]) => (what.includes("ratio") ? [met] : []));
    assert.deepEqual(ratios([0.5, 0.6, 0.7]), [true, true, true, true, true]);
    assert.deepEqual(ratios([0.5, 0.6, 1.1]), [false, false, false, false, false]);
    assert.deepEqual(ratios([1, 1, 1]), [true, true, true, true, true]);
  });

  it("misses the bar when flows of a dead node that is watched by BFD wait for long, or for ever", () => {
    const outages = (deaths: readonly Death[]) =>
      Object.entries(barsOf([1], deaths)).flatMap(([what, met]) => (what.includes("flows") ? [met] : []));
    assert.deepEqual(outages(DEATHS), [true, true]);
    assert.deepEqual(outages([death(watched?.name ?? "", [250, 260]), ...DEATHS.slice(1)]), [false, true]);
    assert.deepEqual(outages([{ ...death(watched?.name ?? "", [150]), forsaken: 1 }]), [true, false]);
    assert.deepEqual(outages([]), [false, true], "nothing measured is nothing met");
  });

  it("shows both programs beside each other, and every way to notice a death", () => {
    const text = renderResult(reportBgp(figures([0.5])));
    assert.match(text, /until all 10 tables are complete +\| ms +\| 250 +\| 500 +\| 0\.500/);
    assert.match(text, /\| GoBGP +\| 3 +\| 2\.0 +\| 2\.0 +\| 30\.0 +\|/);
    assert.match(text, /\| hold time 3 s, keepalive 1 s +\| 1 +\| 1 +\| 2500 +\|/);
  });
});

describe("what a node's death costs", () => {
  const flow = (...answers: readonly (readonly [number, string])[]): readonly Answer[] =>
    answers.map(([at, node]) => [instant(at * 1_000), node]);
  const fault = { node: "n1", fault: instant(100_000) };

  it("is counted from the dead node's last answer to another's first, even one that was under way", () => {
    const flows = [
      flow([90, "n1"], [95, "n1"], [250, "n2"], [255, "n2"]),
      flow([95, "n1"], [101, "n1"], [251, "n3"]),
    ];
    assert.deepEqual(outagesOf({ flows }, fault), { lost: [155, 150], forsaken: 0, others: 0 });
  });

  it("is nothing to flows of other nodes, whose gaps are the machine's", () => {
    const flows = [flow([20, "n2"], [95, "n2"], [102, "n2"], [130, "n3"])];
    assert.deepEqual(outagesOf({ flows }, fault), { lost: [], forsaken: 0, others: 28 });
  });

  it("has no end where nobody answers any more; a flow that nobody ever answered does not count", () => {
    assert.deepEqual(outagesOf({ flows: [flow([95, "n1"]), flow()] }, fault), {
      ...{ lost: [], forsaken: 1, others: 0 },
    });
  });
});

describe("what the routers say", () => {
  it("is how many sessions are up, and the routes of each", () => {
    const text = [
      "1006-  BGP state:          Established",
      "         Routes:         10000 imported, 0 exported, 0 preferred",
      "1006-  BGP state:          Passive",
      "1006-  BGP state:          Established",
      "         Routes:         9999 imported, 0 exported, 0 preferred",
    ].join("\n");
    assert.deepEqual(readTables(text), { established: 2, routes: [10_000, 9_999] });
  });

  it("is a session once both sides have said KEEPALIVE", () => {
    const [syn, ours, theirs] = [
      "1.000000 IP 10.2.0.11.40000 > 10.2.0.201.179: Flags [S], seq 1, win 64240, length 0",
      "1.003000 IP 10.2.0.11.40000 > 10.2.0.201.179: Flags [P.], ack 5, win 502, length 19: BGP",
      "1.004000 IP 10.2.0.201.179 > 10.2.0.11.40000: Flags [P.], ack 5, win 502, length 19: BGP",
    ];
    const open = "1.002000 IP 10.2.0.11.40000 > 10.2.0.201.179: Flags [P.], ack 1, win 502, length 55: BGP";
    const later = "9.000000 IP 10.2.0.11.40000 > 10.2.0.201.179: Flags [P.], ack 9, win 502, length 19: BGP";
    assert.deepEqual(readHandshakes([syn, open, ours, theirs, later].join("\n")).map(Math.round), [4]);
    assert.deepEqual(readHandshakes([syn, open, ours].join("\n")), []);
  });
});

describe("what GoBGP is told", () => {
  it("is a message of gRPC: its length, then paths that each say their family and whether they go", () => {
    const [one, two] = [pathsMessage(["192.0.2.1"], "announce"), pathsMessage(["192.0.2.1"], "withdraw")];
    assert.equal(one.readUInt32BE(1), one.length - 5);
    assert.equal(one[0], 0, "not compressed");
    assert.ok(one.includes("192.0.2.1") && one.includes("apipb.IPAddressPrefix"));
    // Field 5, a number: is_withdraw.
    assert.ok(
      two.includes(Buffer.from([0x28, 0x01, 0x4a])) && !one.includes(Buffer.from([0x28, 0x01, 0x4a])),
    );
    const both = pathsMessage(["192.0.2.1", "192.0.2.2"], "announce");
    assert.equal(both.length - 5, 2 * (one.length - 5));
  });
});
