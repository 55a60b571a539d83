/** The even spread as a whole: several speakers, records of holders, nodes that come and go. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import type { Node } from "#core/node/node";
import { integerBetween, type Random, seededRandom } from "#testing/random";
import { createPlacements, type Placements } from "./placements.ts";
import { DEFAULT_RULES, type Rules } from "./rules.ts";
import {
  advertisement,
  keyOf,
  labelled,
  POOLS,
  testNode,
  testRecord,
  testService,
  testSlice,
} from "./test-world.ts";

/** Little, so that the digests alone would not keep the bound. */
const SLACK = 1.05;
const SPREAD: Rules = { ...DEFAULT_RULES, order: { type: "spread", slack: SLACK } };
const SERVICES = 60;
const NODES = ["n1", "n2", "n3", "n4", "n5"] as const;

const addressOf = (index: number): IpAddress => `192.0.2.${index + 1}` as IpAddress;
const boundFor = (nodes: number): number => Math.ceil((SLACK * SERVICES) / nodes);

const shuffled = <T>(list: readonly T[], random: Random): readonly T[] =>
  list
    .map((value) => ({ value, place: random() }))
    .sort((left, right) => left.place - right.place)
    .map(({ value }) => value);

/** A speaker that was told everything in some order. */
const speaker = (
  random: Random,
  nodes: readonly Node[] = NODES.map((name) => testNode(name)),
): Placements => {
  const placements = createPlacements({ lbClass: undefined, rules: SPREAD });
  placements.configure({ pools: POOLS, l2Advertisements: [advertisement("all")] });
  placements.setSpeakers(undefined);
  for (const node of shuffled(nodes, random)) placements.setNode(node);
  const indices = Array.from({ length: SERVICES }, (_, index) => index);
  for (const index of shuffled(indices, random)) {
    placements.setService(testService(`s${index}`, [addressOf(index)]));
    placements.setSlice(testSlice(`s${index}`, [""]));
  }
  placements.settle();
  return placements;
};

/** The first choice for each address. */
const firsts = (placements: Placements): ReadonlyMap<IpAddress, string | undefined> =>
  new Map(
    Array.from({ length: SERVICES }, (_, index) => [
      addressOf(index),
      placements.get(addressOf(index))?.candidates[0],
    ]),
  );

const loads = (placements: Placements): ReadonlyMap<string | undefined, number> => {
  const counts = new Map<string | undefined, number>();
  for (const node of firsts(placements).values()) counts.set(node, (counts.get(node) ?? 0) + 1);
  return counts;
};

const differences = (
  left: ReadonlyMap<IpAddress, string | undefined>,
  right: ReadonlyMap<IpAddress, string | undefined>,
): readonly IpAddress[] => [...left.keys()].filter((address) => left.get(address) !== right.get(address));

/** Records who holds what, of those Services that `isRecorded` chooses. */
const record = (
  placements: Placements,
  holders: ReadonlyMap<IpAddress, string | undefined>,
  isRecorded: (index: number) => boolean = () => true,
): void => {
  for (let index = 0; index < SERVICES; index += 1) {
    const node = holders.get(addressOf(index));
    if (node === undefined || !isRecorded(index)) continue;
    for (const name of NODES) placements.removeHolder(testRecord(`s${index}`, name).key);
    placements.setHolder(testRecord(`s${index}`, node));
  }
  placements.settle();
};

describe("the even spread over the nodes of a cluster", () => {
  it("keeps every node within the bound, and still lists who comes next", () => {
    const placements = speaker(seededRandom(1));
    for (const [node, load] of loads(placements)) assert.ok(load <= boundFor(5), `${node} has ${load}`);
    for (const { candidates } of placements.all()) assert.deepEqual(candidates.toSorted(), NODES);
  });

  it("is the same for every speaker, whatever it has seen first and whichever records it has seen yet", () => {
    const one = firsts(speaker(seededRandom(1)));
    for (let seed = 2; seed <= 20; seed += 1) {
      const random = seededRandom(seed);
      const other = speaker(random);
      assert.deepEqual(firsts(other), one);
      record(other, one, () => random() < 0.5);
      assert.deepEqual(firsts(other), one);
      record(other, one);
      assert.deepEqual(firsts(other), one);
    }
  });

  it("moves the addresses of a node that is cordoned and no other, and moves none back", () => {
    const placements = speaker(seededRandom(1));
    const before = firsts(placements);
    record(placements, before);
    placements.setNode(testNode("n2", { scheduling: "cordoned" }));
    placements.settle();
    const after = firsts(placements);
    const moved = differences(before, after);
    assert.deepEqual(
      moved,
      [...before.keys()].filter((address) => before.get(address) === "n2"),
    );
    assert.ok(moved.length > 0);
    for (const load of loads(placements).values()) assert.ok(load <= boundFor(4));
    record(placements, after);
    placements.setNode(testNode("n2"));
    placements.settle();
    const over = [...loads(placements).values()].filter((load) => load > boundFor(5));
    assert.deepEqual(over, []);
    const needed = NODES.map((name) => [...after.values()].filter((node) => node === name).length)
      .map((load) => Math.max(0, load - boundFor(5)))
      .reduce((sum, more) => sum + more, 0);
    assert.equal(differences(after, firsts(placements)).length, needed);
  });

  it("leaves a node with a silent kubelet what it has and gives it nothing more", () => {
    const placements = speaker(seededRandom(1));
    const before = firsts(placements);
    record(placements, before);
    const silent = testNode("n2", { readiness: { state: "unknown", since: 1 } });
    placements.setNode(silent);
    placements.settle();
    for (const [address, node] of before)
      if (node === "n2") assert.equal(firsts(placements).get(address), "n2");
    // Its peers found it dead, and the next in line have recorded that they took over.
    const taken = new Map(
      [...placements.all()].map(({ address, candidates: [first, next] }) => [
        address,
        first === "n2" ? next : first,
      ]),
    );
    record(placements, taken);
    assert.deepEqual(
      [...firsts(placements).values()].filter((node) => node === "n2"),
      [],
    );
  });

  it("leaves addresses where they are if the node that they are to move to is dead, and only its peers know", () => {
    const placements = speaker(seededRandom(1));
    record(placements, firsts(placements));
    const heirs = new Map(
      [...placements.all()].map(({ address, candidates: [first, next] }) => [
        address,
        first === "n2" ? next : first,
      ]),
    );
    record(placements, heirs);
    const moving = [...placements.all()].filter(({ candidates: [first] }) => first === "n2");
    assert.ok(moving.length > 0, "some node is above the bound with what it inherited");
    for (const { address, candidates } of moving) assert.equal(candidates[1], heirs.get(address));
  });

  it("gives a new address to a node with room and moves no other", () => {
    const placements = speaker(seededRandom(1));
    const before = firsts(placements);
    record(placements, before);
    placements.setService(testService("new", ["192.0.2.250"]));
    placements.setSlice(testSlice("new", ["n1"]));
    const { placed } = placements.settle();
    assert.deepEqual(
      placed.map(({ address }) => address),
      ["192.0.2.250"],
    );
    assert.deepEqual(firsts(placements), before);
  });

  it("keeps both addresses of a Service on one node", () => {
    const placements = speaker(seededRandom(1));
    for (let index = 0; index < 20; index += 1)
      placements.setService(testService(`s${index}`, [addressOf(index), `2001:db8::${index + 1}`]));
    placements.settle();
    for (let index = 0; index < 20; index += 1) {
      const second = placements.get(`2001:db8::${index + 1}` as IpAddress);
      assert.equal(second?.candidates[0], placements.get(addressOf(index))?.candidates[0]);
      assert.equal(second?.lead, addressOf(index));
    }
  });

  it("keeps together what shares addresses crosswise", () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const placements = speaker(seededRandom(seed));
      const second = `2001:db8::${seed}`;
      placements.setService(testService("s0", [addressOf(0), second]));
      placements.setService(testService("s1", [second, addressOf(1)]));
      placements.settle();
      const [node] = placements.get(addressOf(0))?.candidates ?? [];
      for (const address of [second as IpAddress, addressOf(1)])
        assert.equal(placements.get(address)?.candidates[0], node);
    }
  });

  it("takes of two records for one Service the same on every speaker", () => {
    const two = seededRandom(3);
    const left = speaker(two);
    const right = speaker(two);
    for (const name of ["n1", "n4"]) left.setHolder(testRecord("s7", name));
    for (const name of ["n4", "n1"]) right.setHolder(testRecord("s7", name));
    left.settle();
    right.settle();
    assert.deepEqual(firsts(left), firsts(right));
    // Whichever of the two is dead, the other is the next.
    assert.deepEqual(left.get(addressOf(7))?.candidates.slice(0, 2).toSorted(), ["n1", "n4"]);
  });

  it("prefers a preferred node to an even spread", () => {
    const placements = speaker(seededRandom(1));
    placements.setNode(testNode("n3", { labels: { disk: "fast" } }));
    const preferredNodes = [{ weight: 1, selector: labelled({ disk: "fast" }) }];
    placements.configure({ pools: POOLS, l2Advertisements: [advertisement("all", { preferredNodes })] });
    placements.settle();
    assert.deepEqual([...loads(placements)], [["n3", SERVICES]]);
  });

  it("is MetalLB's order again, and the spread again, when the rules change", () => {
    const placements = speaker(seededRandom(1));
    const spread = firsts(placements);
    placements.follow(DEFAULT_RULES);
    placements.settle();
    for (const { address } of placements.all())
      assert.deepEqual(placements.get(address)?.candidates, placements.candidates(address));
    assert.notDeepEqual(firsts(placements), spread);
    placements.follow(SPREAD);
    placements.settle();
    assert.deepEqual(firsts(placements), spread);
  });

  it("says nothing twice, and nothing before everything is decided about", () => {
    const random = seededRandom(9);
    const placements = speaker(random);
    for (let turn = 0; turn < 50; turn += 1) {
      const said = new Map([...placements.all()].map((placement) => [placement.address, placement]));
      const name = NODES[integerBetween(random, 0, 4)] ?? "n1";
      if (random() < 0.3) placements.removeNode(name);
      else placements.setNode(testNode(name, { scheduling: random() < 0.5 ? "cordoned" : "open" }));
      for (;;) {
        const { placed, rest } = placements.settle(7);
        if (rest === "some") assert.deepEqual(placed, []);
        for (const placement of placed) assert.notDeepEqual(said.get(placement.address), placement);
        assert.equal(new Set(placed.map(({ address }) => address)).size, placed.length);
        if (rest === "none") break;
      }
    }
  });

  it("forgets a Service that is gone, and its record", () => {
    const placements = speaker(seededRandom(1));
    record(placements, firsts(placements));
    placements.removeService(keyOf("s0"));
    assert.deepEqual(placements.settle().withdrawn, [addressOf(0)]);
    assert.equal(placements.get(addressOf(0)), undefined);
  });
});
