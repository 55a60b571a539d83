import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { macFromBytes } from "#base/mac";
import { millis, seconds } from "#base/time";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";
import { ANNOUNCED } from "#core/service-condition/announced";
import { REACHABLE } from "#core/service-condition/reachable";
import {
  CONFIGURATION_KINDS,
  CONFIGURATION_STATES,
  EVENTS,
  L2_STATUSES,
  SERVICES,
} from "#runtime/cluster/resources";
import { address } from "#testing/values";
import { type AgentBed, createCluster } from "./test-bed.ts";

const WEB = address("192.0.2.100");
const PRINTER = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 0x63));
const CONFLICTS = CONFIGURATION_KINDS.get("AddressConflict") ?? assert.fail();

/** This node answers for the address, or for nothing. */
const hold = (bed: AgentBed, interfaces: readonly string[]): void =>
  bed.wire.say({ type: "voices", voices: [{ address: WEB, interfaces }] });

/** Who is recorded to announce something. */
const recorded = ({ cluster }: AgentBed): readonly unknown[] =>
  cluster.store.list(L2_STATUSES).map((object) => fieldsOf(fieldsOf(object).status).node);

const reportsIn = ({ cluster }: AgentBed): number => cluster.store.list(CONFIGURATION_STATES).length;

/** What the condition Reachable of the Service says. */
const reachableIn = ({ cluster }: AgentBed): string =>
  cluster.store
    .list(SERVICES)
    .flatMap((object) => listOf(fieldsOf(object.status).conditions).map(fieldsOf))
    .flatMap(({ type, message }) => (type === REACHABLE ? [textOf(message)] : []))
    .join();

const conflictsIn = ({ cluster }: AgentBed): readonly unknown[] =>
  cluster.store.list(CONFLICTS).map((object) => fieldsOf(object).spec);

/** This node asks whether anybody has the address before it answers, and another machine does. */
const find = ({ wire }: AgentBed): void => {
  const move = { type: "address-state", address: WEB } as const;
  wire.observe({ ...move, from: "standby", to: "claiming", cause: "unheld" });
  wire.observe({ type: "duplicate-address", address: WEB, mac: PRINTER, stage: "unused" });
  wire.observe({ ...move, from: "claiming", to: "standby", cause: "contested" });
};

/** What the condition Announced of the Service says, and how often the status of a Service was written so far. */
const announcedIn = ({ cluster }: AgentBed): readonly [string, number] => [
  cluster.store
    .list(SERVICES)
    .flatMap((object) => listOf(fieldsOf(object.status).conditions).map(fieldsOf))
    .flatMap(({ type, message }) => (type === ANNOUNCED ? [textOf(message)] : []))
    .join(),
  cluster.requests.filter(
    ({ verb, target }) => verb === "patch" && target.resource === SERVICES && target.subresource === "status",
  ).length,
];

describe("an address that this node took from one that fell silent", () => {
  it("has how long that was on its Service, in the one write that tells who answers now", async () => {
    const bed = createCluster({ web: [WEB] });
    bed.record("web", "node-b");
    await bed.follow();
    await bed.rest(seconds(2));
    const [, before] = announcedIn(bed);
    const move = { type: "address-state", address: WEB, cause: "holder-dead", peer: "node-b" } as const;
    bed.wire.observe({ ...move, from: "standby", to: "claiming" });
    bed.wire.observe({ ...move, from: "claiming", to: "holding", outage: millis(362) });
    hold(bed, ["eth0"]);
    await bed.rest(seconds(10));
    const [message, written] = announcedIn(bed);
    assert.match(
      message,
      /^Node node-a answers for 192\.0\.2\.100\..* Taken over from node node-b, which fell silent, at \S+T\S+Z, 362 ms after it was heard last\./,
    );
    assert.equal(written - before, 1);
    await bed.rest(seconds(3_600));
    assert.deepEqual(announcedIn(bed), [message, written]);
  });

  it("has nothing of it any more a while after this node holds it for another reason", async () => {
    const bed = createCluster({ web: [WEB] });
    await bed.follow();
    const move = { type: "address-state", address: WEB } as const;
    const dead = { cause: "holder-dead", peer: "node-b" } as const;
    bed.wire.observe({ ...move, ...dead, from: "claiming", to: "holding", outage: millis(362) });
    hold(bed, ["eth0"]);
    await bed.rest(seconds(10));
    const [first, written] = announcedIn(bed);
    assert.match(first, /Taken over/);
    bed.wire.observe({ ...move, from: "holding", to: "standby", cause: "isolated" });
    bed.wire.observe({ ...move, from: "claiming", to: "holding", cause: "unheld" });
    hold(bed, ["eth1"]);
    await bed.rest(seconds(30));
    assert.deepEqual(announcedIn(bed), [first, written]);
    await bed.rest(seconds(120));
    const [message, later] = announcedIn(bed);
    assert.doesNotMatch(message, /Taken over/);
    assert.equal(later - written, 1);
  });
});

describe("what this node has found out about an address of another one", () => {
  it("is its word on the Service no longer once it holds the address itself, though it asks for nothing else", async () => {
    const bed = createCluster({ web: [WEB] });
    bed.record("web", "node-b");
    await bed.follow();
    const mac = PRINTER;
    const verdict = { type: "reachable", mac, resolved: millis(1), connected: undefined } as const;
    bed.wire.say({ type: "verdicts", verdicts: [{ address: WEB, verdict }] });
    await bed.rest(seconds(2));
    assert.match(reachableIn(bed), /^Node node-a got/);
    const move = { type: "address-state", address: WEB, cause: "holder-dead" } as const;
    bed.wire.observe({ ...move, from: "standby", to: "claiming" });
    bed.wire.observe({ ...move, from: "claiming", to: "holding" });
    await bed.rest(seconds(2));
    bed.service("web", { ips: [WEB] });
    await bed.rest(seconds(60));
    assert.equal(reachableIn(bed), "");
  });
});

describe("a machine that has an address before this node answers for it", () => {
  it("is reported to the controller, and its report goes when it has been gone for ten minutes", async () => {
    const bed = createCluster({ web: [WEB] });
    await bed.follow();
    find(bed);
    await bed.rest(seconds(2));
    assert.deepEqual(conflictsIn(bed), [{ address: WEB, mac: PRINTER, reportedBy: "node-a" }]);
    await bed.rest(seconds(3_600));
    assert.equal(conflictsIn(bed).length, 1);
    bed.wire.observe({ type: "duplicate-gone", address: WEB, mac: PRINTER });
    await bed.rest(seconds(599));
    assert.equal(conflictsIn(bed).length, 1);
    await bed.rest(seconds(5));
    assert.deepEqual(conflictsIn(bed), []);
  });

  it("is expected beside speakers of MetalLB, and the controller gives no other address because of it", async () => {
    const bed = createCluster({ web: [WEB] });
    await bed.follow({ rules: "metallb" });
    find(bed);
    await bed.rest(seconds(60));
    assert.deepEqual(conflictsIn(bed), []);
  });

  it("is nobody's business beside speakers of MetalLB until every node has told of its interfaces", async () => {
    const bed = createCluster({ web: [WEB] });
    const agent = await bed.follow({ rules: "metallb" });
    const conflicts = () => /^steelyard_address_conflicts (.*)$/m.exec(agent.metrics())?.[1];
    const events = () =>
      bed.cluster.store.list(EVENTS).filter(({ reason }) => reason === "DuplicateAddress").length;
    find(bed);
    await bed.rest(seconds(60));
    assert.deepEqual([conflicts(), agent.status().duplicates, events()], ["0", [], 0]);
    // It was that node's speaker of MetalLB.
    bed.report("node-b", PRINTER);
    await bed.rest(seconds(60));
    assert.deepEqual([conflicts(), events()], ["0", 0]);
    bed.report("node-b", macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 0x0b)));
    await bed.rest(seconds(60));
    assert.deepEqual([conflicts(), events()], ["1", 1]);
    assert.deepEqual(conflictsIn(bed), []);
  });

  it("is none that has told of its interfaces meanwhile", async () => {
    const bed = createCluster({ web: [WEB] });
    const agent = await bed.follow();
    find(bed);
    assert.deepEqual(agent.status().duplicates, [{ address: WEB, mac: PRINTER, stage: "unused" }]);
    bed.report("node-b", PRINTER);
    await bed.rest();
    assert.deepEqual(agent.status().duplicates, []);
  });
});

describe("what the writers of a speaker are told", () => {
  it("is what this node answers for, and at a clean end that it does not any more", async () => {
    const bed = createCluster({ web: [WEB] });
    const agent = await bed.follow();
    hold(bed, ["eth0"]);
    await bed.rest(seconds(10));
    assert.deepEqual(recorded(bed), ["node-a"]);
    hold(bed, []);
    await bed.end(agent);
    assert.deepEqual(recorded(bed), []);
  });

  it("stays what it was at the end of an agent whose wire goes on", async () => {
    const bed = createCluster({ web: [WEB] });
    const agent = await bed.follow();
    hold(bed, ["eth0"]);
    await bed.rest(seconds(10));
    await bed.end(agent);
    assert.deepEqual(recorded(bed), ["node-a"]);
  });

  it("is nothing of addresses before it is known which there are, lest it is taken back what is true", async () => {
    const bed = createCluster({ web: [WEB] });
    bed.pool(["192.0.2.9-192.0.2.1"], "broken");
    bed.record("web", "node-a");
    await bed.follow();
    await bed.rest(seconds(60));
    // The interfaces are told all the same: others decide by them.
    assert.deepEqual([recorded(bed), reportsIn(bed)], [["node-a"], 1]);
  });

  it("is nothing at all before the cluster has been read", async () => {
    const bed = createCluster({ web: [WEB] });
    const agent = bed.start();
    agent.follow({ ...bed.cluster, watch: () => ({ items: new Map(), isSynced: false, close: () => {} }) });
    await bed.rest(seconds(60));
    assert.deepEqual(bed.cluster.requests, []);
  });
});
