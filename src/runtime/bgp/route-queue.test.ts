import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Instant, instant } from "#base/time";
import type { RouteWord } from "#core/bgp/desired";
import { RibOut } from "#core/bgp/rib-out/rib-out";
import { sessionOf } from "#core/bgp/rib-out/test-peer";
import { RouteQueue } from "./route-queue.ts";
import { manyRoutes } from "./test-bed.ts";

/** A queue on a clock that goes on by 100 µs whenever somebody looks at it. */
const open = () => {
  let now = 1_000_000;
  const due = new Map<string, (at: Instant) => void>();
  let fed = 0;
  const queue = new RouteQueue({
    deadlines: {
      set: (id, at, run) => {
        if (at === undefined) due.delete(id);
        else due.set(id, run);
      },
      runDue: () => {},
    },
    now: () => {
      now += 100;
      return instant(now);
    },
    tell: () => {},
    onFed: () => {
      fed += 1;
    },
  });
  const rib = new RibOut({ mostRoutes: 100_000 });
  queue.addPeer("peer", rib);
  const turn = (): boolean => {
    const run = due.get("bgp routes");
    due.delete("bgp routes");
    run?.(instant(now));
    return run !== undefined;
  };
  return { queue, rib, turn, fed: () => fed };
};

describe("routes on their way to peers", () => {
  it("go into tables a little at a time, and all of them in the end", () => {
    const { queue, rib, turn, fed } = open();
    queue.set({ changed: manyRoutes(5_000, ["peer"]), removed: [] });
    let isEmpty = false;
    queue.whenEmpty(() => {
      isEmpty = true;
    });
    assert.equal(rib.counts.wanted.IPv4, 0);
    turn();
    const first = rib.counts.wanted.IPv4;
    assert.ok(first > 0 && first < 500, `${first}`);
    assert.equal(isEmpty, false);
    while (turn());
    assert.deepEqual([rib.counts.wanted.IPv4, isEmpty, queue.size], [5_000, true, 5_000]);
    assert.ok(fed() > 10);
  });

  it("go a little at a time into the table of a peer that comes later, and are whole only then", () => {
    const { queue, turn } = open();
    queue.set({ changed: manyRoutes(1_000, ["peer", "late"]), removed: [] });
    while (turn());
    const late = new RibOut({ mostRoutes: 100_000 });
    queue.addPeer("late", late);
    let isWhole = false;
    queue.whenEmpty(() => {
      isWhole = true;
    });
    let turns = 0;
    for (; late.counts.wanted.IPv4 < 1_000; turns += 1) {
      assert.equal(isWhole, false);
      assert.ok(turn());
    }
    assert.ok(turns > 3, `${turns}`);
    while (turn());
    assert.ok(isWhole);
  });

  it("are going as the last word says, if they are to go before it is in the tables", () => {
    const { queue, rib, turn } = open();
    const [route] = manyRoutes(1, ["peer"]);
    assert.ok(route);
    const withMed = (med: number): RouteWord => ({
      ...route,
      targets: route.targets.map(({ peers, attributes }) => ({
        peers,
        attributes: { ...attributes, med, communities: [med] },
      })),
    });
    queue.set({ changed: [withMed(1)], removed: [] });
    while (turn());
    rib.up(sessionOf());
    queue.set({ changed: [withMed(2)], removed: [] });
    queue.announceAsGoing();
    while (turn());
    const told = rib
      .take(9)
      .flatMap((each) => (each.type === "announce" ? [each.attributes.communities] : []));
    assert.deepEqual(told, [[2, 0xffff_0000]]);
  });

  it("are as the last word says, in whatever slices the words come", () => {
    const { queue, rib, turn } = open();
    const routes = manyRoutes(100, ["peer"]);
    queue.set({ changed: routes, removed: [] });
    queue.set({ changed: [], removed: routes.map(({ prefix }) => prefix) });
    queue.set({ changed: routes.slice(0, 7), removed: [] });
    while (turn());
    assert.equal(rib.counts.wanted.IPv4, 7);
  });

  it("stay while they are going, and are gone for good once they were withdrawn", () => {
    const { queue, rib, turn } = open();
    queue.set({ changed: manyRoutes(10, ["peer"]), removed: [] });
    queue.announceAsGoing();
    while (turn());
    assert.equal(rib.counts.wanted.IPv4, 10);
    queue.withdraw();
    queue.set({ changed: manyRoutes(20, ["peer"]), removed: [] });
    while (turn());
    assert.equal(rib.counts.wanted.IPv4, 0);
  });
});
