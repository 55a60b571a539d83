import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { address } from "#testing/values";
import type { Scheduler } from "./model.ts";
import { EMPTY_PLAN, type PlannedBackend, type ServerPlan, type SlotTable } from "./plan-model.ts";
import { onePort } from "./ports.ts";
import { createSlotTables, hasOwners, ownerOf, ownersOf } from "./slots.ts";

const HASH: Scheduler = { type: "consistent-hash", tableSize: 31 };

/** Backends `a`, `b`, ... numbered from `firstId`; the number of another server's backend never leads here. */
const backends = (
  count: number,
  { firstId = 1, ...same }: Partial<PlannedBackend> & { readonly firstId?: number } = {},
): readonly PlannedBackend[] =>
  Array.from({ length: count }, (_, index) => ({
    name: String.fromCharCode(97 + index),
    id: firstId + index,
    address: address(`192.0.2.${firstId + index}`),
    port: 80,
    weight: 1,
    availability: "available",
    ...same,
  }));

const planned = (slots: SlotTable, ofServer: readonly PlannedBackend[]): ServerPlan => ({
  name: "web",
  address: address("192.0.2.100"),
  protocol: "tcp",
  ports: onePort(80),
  mode: "masquerade",
  scheduler: HASH,
  backends: ofServer,
  slots,
  moves: [],
  tracked: [],
});

describe("a table of slots", () => {
  it("is shared by servers whose backends have the same names, and leads each to its own", () => {
    const tables = createSlotTables();
    const [left, right] = [backends(3), backends(3, { firstId: 101, port: 8080 })];
    const table = tables(HASH, left);
    assert.equal(tables(HASH, right), table);
    const [ours, theirs] = [planned(table, left), planned(table, right)];
    assert.deepEqual(
      ownersOf(theirs),
      ownersOf(ours).map((owner) => owner + 100),
    );
    assert.equal(ownerOf(theirs, 7), ownersOf(theirs)[7]);
    assert.equal(ownerOf(ours, 31), 0, "no such slot");
  });

  it("is another one when a name, a weight, the availability or the scheduler differs", () => {
    const tables = createSlotTables();
    const table = tables(HASH, backends(3));
    for (const [scheduler, others] of [
      [HASH, backends(4)],
      [HASH, backends(3, { weight: 2 })],
      [HASH, backends(3, { availability: "draining" })],
      [{ type: "consistent-hash", tableSize: 37 }, backends(3)],
      [{ type: "round-robin" }, backends(3)],
      [{ type: "weighted" }, backends(3)],
    ] as const) {
      assert.notEqual(tables(scheduler, others), table);
    }
    assert.notEqual(tables({ type: "round-robin" }, []), tables({ type: "weighted" }, []));
  });

  it("does not care about weights when the scheduler does not", () => {
    const tables = createSlotTables();
    const roundRobin: Scheduler = { type: "round-robin" };
    assert.equal(tables(roundRobin, backends(3, { weight: 5 })), tables(roundRobin, backends(3)));
  });

  it("is taken over from the plan before", () => {
    const table = createSlotTables()(HASH, backends(3));
    const previous = { ...EMPTY_PLAN, servers: [planned(table, backends(3))] };
    assert.equal(createSlotTables(previous)(HASH, backends(3, { firstId: 201 })), table);
  });

  it("has no owners when nobody is available", () => {
    const none = backends(2, { availability: "unavailable" });
    const table = createSlotTables()(HASH, none);
    assert.equal(hasOwners(planned(table, none)), false);
    assert.deepEqual(new Set(ownersOf(planned(table, none))), new Set([0]));
    assert.equal(hasOwners(planned(createSlotTables()(HASH, backends(2)), none)), true);
  });
});
