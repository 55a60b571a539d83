import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Random } from "#testing/random";
import { seededRandom } from "#testing/random";
import { type Item, spread } from "./spread.ts";

/** A number that looks random and depends on the two names only. */
const mixed = (left: string, right: string): number => {
  let bits = 17;
  for (const unit of `${left}#${right}`) bits = Math.imul(bits ^ unit.charCodeAt(0), 0x0100_0193) >>> 0;
  bits = Math.imul(bits ^ (bits >>> 15), 0x85eb_ca6b) >>> 0;
  return (bits ^ (bits >>> 13)) >>> 0;
};

const item = (id: string, takers: readonly string[], home?: string): Item => ({
  id,
  takers: new Set(takers.toSorted()),
  home,
  preference: () => takers.toSorted((left, right) => mixed(left, id) - mixed(right, id)),
  attachment: () => mixed(home ?? "", id),
});

const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

const loadsOf = (nodeById: ReadonlyMap<string, string>): ReadonlyMap<string, number> => {
  const loads = new Map<string, number>();
  for (const node of nodeById.values()) loads.set(node, (loads.get(node) ?? 0) + 1);
  return loads;
};

const most = (nodeById: ReadonlyMap<string, string>): number => Math.max(0, ...loadsOf(nodeById).values());

/** How many items with a recorded holder are elsewhere. */
const movesOf = (items: readonly Item[], nodeById: ReadonlyMap<string, string>): number =>
  items.filter(({ id, home }) => home !== undefined && nodeById.get(id) !== home).length;

/** The same items as they are once everybody has recorded what it holds. */
const recorded = (items: readonly Item[], nodeById: ReadonlyMap<string, string>): readonly Item[] =>
  items.map(({ id, takers }) => item(id, [...takers], nodeById.get(id)));

/** Fewest moves of all assignments within the bound, by trying all of them; `undefined` if there is none. */
const fewestMoves = (items: readonly Item[], bound: number): number | undefined => {
  let fewest: number | undefined;
  const loads = new Map<string, number>();
  const descend = (index: number, moves: number): void => {
    if (fewest !== undefined && moves >= fewest) return;
    const next = items[index];
    if (next === undefined) {
      fewest = moves;
      return;
    }
    for (const node of next.takers) {
      const load = loads.get(node) ?? 0;
      if (load >= bound) continue;
      loads.set(node, load + 1);
      descend(index + 1, moves + Number(next.home !== undefined && next.home !== node));
      loads.set(node, load);
    }
  };
  descend(0, 0);
  return fewest;
};

const NODES = ["a", "b", "c", "d"] as const;

/** Few items with any takers, recorded at one of them or nowhere. */
const anyItems = fc
  .array(fc.tuple(fc.subarray([...NODES], { minLength: 1 }), fc.nat(4)), { maxLength: 8 })
  .map((drawn) =>
    drawn.map(([takers, home], index) => item(`i${index}`, takers, home === 4 ? undefined : takers[home])),
  );

const slacks = fc.constantFrom(1, 1.1, 1.25, 1.5, 2);

const shuffled = <T>(list: readonly T[], random: Random): readonly T[] =>
  list
    .map((value) => ({ value, place: random() }))
    .sort((left, right) => left.place - right.place)
    .map(({ value }) => value);

describe("the even spread", () => {
  it("keeps the bound and moves the fewest, as trying all assignments finds them", () => {
    fc.assert(
      fc.property(anyItems, slacks, (items, slack) => {
        const { nodeById, bound } = spread(items, slack);
        const takers = new Set(items.flatMap((each) => [...each.takers]));
        assert.equal(bound, items.length === 0 ? 0 : Math.ceil((slack * items.length) / takers.size));
        for (const each of items) assert.ok(each.takers.has(nodeById.get(each.id) ?? ""));
        const fewest = fewestMoves(items, bound);
        if (fewest === undefined) return;
        assert.ok(most(nodeById) <= bound, `${most(nodeById)} above ${bound}`);
        assert.equal(movesOf(items, nodeById), fewest);
      }),
      { numRuns: 3_000 },
    );
  });

  it("is the same in whatever order the items come", () => {
    fc.assert(
      fc.property(anyItems, slacks, fc.nat(), (items, slack, seed) => {
        const other = spread(shuffled(items, seededRandom(seed)), slack);
        assert.deepEqual([...other.nodeById].sort(), [...spread(items, slack).nodeById].sort());
      }),
    );
  });

  it("moves nothing once what it said is recorded", () => {
    fc.assert(
      fc.property(anyItems, slacks, (items, slack) => {
        const { nodeById } = spread(items, slack);
        const again = recorded(items, nodeById);
        assert.equal(movesOf(again, spread(again, slack).nodeById), 0);
      }),
    );
  });

  it("says the same while only some have recorded what they hold, where all may go everywhere", () => {
    fc.assert(
      fc.property(
        fc.nat(60),
        fc.integer({ min: 1, max: 9 }),
        slacks,
        fc.nat(),
        (count, size, slack, seed) => {
          const nodes = names("n", size);
          const random = seededRandom(seed);
          const items = names("i", count).map((id) => item(id, nodes));
          const { nodeById } = spread(items, slack);
          const half = items.map(({ id }) => item(id, nodes, random() < 0.5 ? nodeById.get(id) : undefined));
          assert.deepEqual([...spread(half, slack).nodeById].sort(), [...nodeById].sort());
        },
      ),
    );
  });

  it("takes from a node that fails its own addresses only, and gives none back to it when it returns", () => {
    const nodes = names("n", 10);
    const slack = 1.25;
    let items: readonly Item[] = names("i", 1_000).map((id) => item(id, nodes));
    items = recorded(items, spread(items, slack).nodeById);
    assert.ok(most(spread(items, slack).nodeById) <= 125);
    const lost = items.filter(({ home }) => home === "n3");
    const without = items.map(({ id, home }) =>
      item(
        id,
        nodes.filter((node) => node !== "n3"),
        home === "n3" ? undefined : home,
      ),
    );
    const after = spread(without, slack);
    assert.equal(movesOf(items, after.nodeById), lost.length);
    const returned = items.map(({ id }) => item(id, nodes, after.nodeById.get(id)));
    const back = spread(returned, slack);
    const over = [...loadsOf(after.nodeById).values()].reduce(
      (sum, load) => sum + Math.max(0, load - 125),
      0,
    );
    assert.equal(movesOf(returned, back.nodeById), over);
  });

  it("leaves what a node has that may keep and not be given, and counts neither", () => {
    const items = [item("x", ["a", "b"], "z"), ...names("i", 4).map((id) => item(id, ["a", "b"]))];
    const { nodeById, bound } = spread(items, 1);
    assert.equal(nodeById.get("x"), "z");
    assert.equal(bound, 2);
    assert.deepEqual([...loadsOf(nodeById)].sort(), [
      ["a", 2],
      ["b", 2],
      ["z", 1],
    ]);
  });

  it("is as even as can be where the bound cannot be kept", () => {
    const stuck = names("i", 20).map((id) => item(id, ["a", "b"], "a"));
    const free = names("j", 20).map((id) => item(id, names("n", 8)));
    const { nodeById, bound } = spread([...stuck, ...free], 1);
    assert.equal(bound, 4);
    const loads = loadsOf(nodeById);
    assert.deepEqual([loads.get("a"), loads.get("b")], [10, 10]);
    assert.ok(names("n", 8).every((node) => (loads.get(node) ?? 0) <= 4));
  });

  it("makes room by a chain of moves for an address that may go nowhere else", () => {
    const items = [item("only-a", ["a"]), item("p", ["a", "b"], "a"), item("q", ["b", "c"], "b")];
    const { nodeById, bound } = spread(items, 1);
    assert.equal(bound, 1);
    assert.deepEqual([...nodeById].sort(), [
      ["only-a", "a"],
      ["p", "b"],
      ["q", "c"],
    ]);
  });

  it("is done with 10,000 addresses of which half may go to three nodes of 300 only", () => {
    const nodes = names("n", 300);
    const everywhere = new Set(nodes);
    const few = new Set(nodes.slice(0, 3));
    const items: readonly Item[] = names("i", 10_000).map((id, index) => {
      const takers = index % 2 === 0 ? everywhere : few;
      return { ...item(id, []), takers, preference: () => takers };
    });
    const { nodeById } = spread(items, 1.25);
    assert.equal(nodeById.size, 10_000);
    const loads = loadsOf(nodeById);
    for (const node of few) assert.ok((loads.get(node) ?? 0) <= Math.ceil((1.25 * 5_000) / 3));
    assert.ok(nodes.slice(3).every((node) => (loads.get(node) ?? 0) <= 42));
  });
});
