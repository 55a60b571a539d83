import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toHex } from "#base/bytes";
import { parseMac } from "#base/mac";
import { after, type Instant, instant, seconds } from "#base/time";
import type { Scheduler, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { Availability, ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { ownerOf } from "#core/balance/slots";
import { readHostU16, readHostU32 } from "#core/netlink/host-order";
import { address } from "#testing/values";
import {
  encodeIndex,
  encodeService,
  LEFT_TO_NFTABLES,
  MAPS,
  type MapName,
  serviceMap,
  TRACKED,
} from "./layout.ts";
import type { Surroundings } from "./surroundings.ts";
import { NO_TABLES, nextTables, type Tables } from "./tables.ts";
import type { Write } from "./writes.ts";

const MAC = parseMac("02:00:00:00:00:01");
const SURROUNDINGS: Surroundings = {
  way: (device) => (MAC === undefined || device !== "eth0" ? undefined : { index: 7, mac: MAC, mtu: 1500 }),
  neighbour: () => parseMac("02:00:00:00:00:0b"),
};

type Sketch = {
  readonly port: number;
  readonly workers: readonly number[];
  readonly size: number;
  readonly scheduler?: "consistent-hash" | "source-hash";
};

const server = ({ port, workers, size, scheduler = "consistent-hash" }: Sketch): VirtualServer => ({
  name: `s${port}`,
  address: address(port % 2 === 0 ? "192.0.2.10" : "2001:db8::10"),
  protocol: port % 3 === 0 ? "udp" : "tcp",
  ports: onePort(port),
  mode: "dsr",
  scheduler: { type: scheduler, tableSize: size } satisfies Scheduler,
  backends: workers.map((number) => ({
    name: `w${number}`,
    address: address(port % 2 === 0 ? `192.0.2.2${number}` : `2001:db8::2${number}`),
    weight: 1,
  })),
});

const plan = (
  sketches: readonly Sketch[],
  previous?: ForwardingPlan,
  {
    health = {},
    now = instant(0),
  }: { readonly health?: Readonly<Record<string, Availability>>; readonly now?: Instant } = {},
): ForwardingPlan =>
  planForwarding({
    servers: sketches.map(server),
    availability: (key) => health[key] ?? "available",
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    previous,
    now,
  });

/** The kernel's maps, without the kernel. */
class Maps {
  readonly #values = new Map<string, Uint8Array>();

  apply(write: Write): void {
    const { keySize, valueSize } = MAPS[write.map];
    if ("remove" in write) {
      assert.ok(this.#values.delete(`${write.map} ${toHex(write.remove)}`), "removes what is there");
      return;
    }
    assert.equal(write.keys.length / keySize, write.values.length / valueSize);
    for (let index = 0; index * keySize < write.keys.length; index += 1) {
      const key = write.keys.subarray(index * keySize, (index + 1) * keySize);
      const value = write.values.slice(index * valueSize, (index + 1) * valueSize);
      this.#values.set(`${write.map} ${toHex(key)}`, value);
    }
  }

  count(map: MapName): number {
    return [...this.#values.keys()].filter((key) => key.startsWith(`${map} `)).length;
  }

  get(map: MapName, key: Uint8Array): Uint8Array {
    return this.#values.get(`${map} ${toHex(key)}`) ?? new Uint8Array(MAPS[map].valueSize);
  }

  has(map: MapName, key: Uint8Array): boolean {
    return this.#values.has(`${map} ${toHex(key)}`);
  }
}

const keyFor = ({ address, protocol, ports }: ServerPlan): Uint8Array =>
  encodeService({ address, protocol, port: ports.first });

/** What the program finds for a slot: numbers of backends, and flags. */
const lookUp = (maps: Maps, planned: ServerPlan, slot: number) => {
  const entry = maps.get(serviceMap(planned), keyFor(planned));
  const word = maps.get("slots", encodeIndex(readHostU32(entry, 4) + slot));
  const idAt = (place: number): number =>
    place === 0 ? 0 : readHostU32(maps.get("backends", encodeIndex(place)), 24);
  return {
    owner: idAt(readHostU32(word, 0) & 0xff_ffff),
    former: idAt((readHostU32(word, 2) >>> 8) & 0xff_ffff),
    flags: readHostU16(word, 6),
  };
};

const assertHolds = (maps: Maps, wanted: ForwardingPlan, tables: Tables): void => {
  assert.equal(maps.count("servers4") + maps.count("servers6"), wanted.servers.length);
  for (const planned of wanted.servers) {
    assert.ok(maps.has(serviceMap(planned), keyFor(planned)), planned.name);
    const entry = maps.get(serviceMap(planned), keyFor(planned));
    assert.equal(readHostU32(entry, 8), planned.slots.length);
    assert.equal(readHostU32(entry, 12), planned.scheduler.type === "source-hash" ? 1 : 0);
    assert.equal(readHostU32(entry, 16), planned.protocol === "tcp" ? 900 : 120);
    const left = tables.servers.get(`${planned.protocol} ${planned.address} ${planned.ports.first}`)?.left;
    for (let slot = 0; slot < planned.slots.length; slot += 1) {
      const flags = planned.tracked.includes(slot) ? (left?.has(slot) ? LEFT_TO_NFTABLES : TRACKED) : 0;
      const former = planned.moves.find((move) => move.slot === slot)?.from ?? 0;
      assert.deepEqual(lookUp(maps, planned, slot), { owner: ownerOf(planned, slot), former, flags });
    }
  }
};

/** Brings maps from one plan to the next; `watch` is called after every write. */
class Bench {
  maps = new Maps();
  tables: Tables = NO_TABLES;
  renewals = 0;

  run(
    wanted: ForwardingPlan,
    { gap = false, watch = () => undefined }: { gap?: boolean; watch?: () => void } = {},
  ): number {
    const next = nextTables({ plan: wanted, surroundings: SURROUNDINGS, gap }, this.tables);
    assert.ok(next.ok);
    if (next.renewed) {
      this.maps = new Maps();
      this.renewals += 1;
    }
    let writes = 0;
    for (const write of next.writes) {
      this.maps.apply(write);
      writes += 1;
      if (!next.renewed) watch();
    }
    this.tables = next.tables;
    return writes;
  }
}

const SKETCH = fc.record({
  port: fc.integer({ min: 1, max: 9 }),
  workers: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 5 }),
  size: fc.constantFrom(7, 31),
  scheduler: fc.constantFrom("consistent-hash" as const, "source-hash" as const),
});
const STEP = fc.record({
  sketches: fc.uniqueArray(SKETCH, { maxLength: 7, selector: ({ port }) => port }),
  ill: fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 6 })), {
    maxLength: 6,
  }),
  state: fc.constantFrom<Availability>("unavailable", "draining"),
  pause: fc.constantFrom(0, 60, 400, 1_000),
  gap: fc.boolean(),
});

describe("the maps of the XDP program", () => {
  it("hold the plan after any changes; no packet between two writes meets anything but the old choice or the new", () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 8 }), (steps) => {
        const bench = new Bench();
        let now = instant(0);
        let running: ForwardingPlan | undefined;
        for (const { sketches, ill, state, pause, gap } of steps) {
          now = after(now, seconds(pause));
          const health = Object.fromEntries(ill.map(([port, worker]) => [`s${port}/w${worker}`, state]));
          const before = running;
          const next = plan(sketches, running, { health, now });
          const stable = next.servers.flatMap((server) => {
            const old = before?.servers.find(({ name }) => name === server.name);
            const alike =
              old?.slots.length === server.slots.length && old.scheduler.type === server.scheduler.type;
            return old !== undefined && alike ? [{ old, server }] : [];
          });
          const watch = (): void => {
            for (const { old, server } of stable) {
              for (let slot = 0; slot < server.slots.length; slot += 1) {
                const { owner } = lookUp(bench.maps, server, slot);
                assert.ok(owner === ownerOf(old, slot) || owner === ownerOf(server, slot));
              }
            }
          };
          bench.run(next, { gap, watch });
          assertHolds(bench.maps, next, bench.tables);
          assert.equal(bench.run(next, { gap }), 0, "the same again changes nothing");
          running = next;
        }
      }),
      { numRuns: 80 },
    );
  });

  it("leave alone what a change of one backend does not touch", () => {
    const bench = new Bench();
    const sketches = [2, 4, 6].map((port) => ({ port, workers: [1, 2, 3], size: 251 }));
    const first = plan(sketches);
    bench.run(first);
    const touched: string[] = [];
    const next = nextTables(
      {
        plan: plan(sketches, first, { health: { "s4/w2": "unavailable" } }),
        surroundings: SURROUNDINGS,
        gap: false,
      },
      bench.tables,
    );
    assert.ok(next.ok && !next.renewed);
    for (const write of next.writes) {
      const size = "remove" in write ? 0 : write.keys.length / MAPS[write.map].keySize;
      touched.push(`${write.map} ${size > 60 && size < 110 ? "a third" : size}`);
    }
    assert.deepEqual(touched, ["backends 1", "slots a third"]);
  });

  it("grow by being made anew, and shrink again", () => {
    const bench = new Bench();
    const many = Array.from({ length: 60 }, (_, index) => ({
      port: index * 2 + 2,
      workers: [1, 2],
      size: 101,
    }));
    bench.run(plan(many.slice(0, 1)));
    bench.run(plan(many.slice(0, 2)));
    assert.equal(bench.renewals, 2, "two servers of 101 slots do not fit the least size");
    const all = plan(many);
    bench.run(all);
    assert.equal(bench.renewals, 3);
    assert.ok(bench.tables.capacities.slots >= 6_060);
    assertHolds(bench.maps, all, bench.tables);
    const one = plan(many.slice(0, 1), all);
    bench.run(one);
    assert.equal(bench.renewals, 4);
    assert.ok(bench.tables.capacities.slots < 1_000);
    assertHolds(bench.maps, one, bench.tables);
  });

  it("leave the slots to nftables whose records were made while the program saw nothing", () => {
    const sketch = { port: 2, workers: [1, 2, 3], size: 31 };
    const first = plan([sketch]);
    const second = plan([{ ...sketch, workers: [1, 2, 3, 4] }], first);
    const [moved] = second.servers;
    assert.ok(moved && moved.tracked.length > 0);
    const witness = new Bench();
    witness.run(first, { gap: true });
    witness.run(second);
    assert.equal(lookUp(witness.maps, moved, moved.tracked[0] ?? 0).flags, TRACKED);
    const latecomer = new Bench();
    latecomer.run(second, { gap: true });
    assert.equal(lookUp(latecomer.maps, moved, moved.tracked[0] ?? 0).flags, LEFT_TO_NFTABLES);
    latecomer.run(plan([sketch], second));
    assertHolds(latecomer.maps, plan([sketch], second), latecomer.tables);
  });

  it("have a place for flows only once a slot has changed hands", () => {
    const bench = new Bench();
    const sketch = { port: 2, workers: [1, 2, 3], size: 31 };
    const first = plan([sketch]);
    bench.run(first);
    assert.equal(bench.tables.capacities.flows, 1);
    bench.run(plan([{ ...sketch, workers: [1, 2] }], first, { health: { "s2/w1": "draining" } }));
    assert.equal(bench.tables.capacities.flows, 262_144);
  });
});
