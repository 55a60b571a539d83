import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type IpAddress, parseAddress } from "#base/address";
import { after, type Instant, instant, micros, seconds } from "#base/time";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { chooseBackend } from "./choice.ts";
import type { Backend, VirtualServer } from "./model.ts";
import { planDeadline, planForwarding } from "./plan.ts";
import {
  type Availability,
  type ForwardingPlan,
  NO_BACKEND,
  type Reported,
  type ServerPlan,
  TCP_FLOW_IDLE,
} from "./plan-model.ts";
import { ALL_PORTS, onePort } from "./ports.ts";
import { hasOwners, ownerOf, ownersOf } from "./slots.ts";

const ip = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
};

const backend = (number: number, weight = 1): Backend => ({
  name: `w${number}`,
  address: ip(`192.0.2.${20 + number}`),
  port: 80,
  weight,
});
const web: VirtualServer = {
  name: "web",
  address: ip("192.0.2.10"),
  protocol: "tcp",
  ports: onePort(80),
  mode: "dsr",
  scheduler: { type: "consistent-hash", tableSize: 101 },
  backends: [backend(1), backend(2), backend(3)],
};

const KEPT = { persistence: { timeout: seconds(60), prefixLength: 32 } };

type Situation = {
  readonly servers?: readonly VirtualServer[];
  readonly health?: Readonly<Record<string, Reported>>;
  readonly isHeld?: boolean;
  readonly previous?: ForwardingPlan;
  readonly now?: Instant;
  readonly egress?: (address: IpAddress) => string | undefined;
  readonly touched?: ReadonlySet<string>;
};

const plan = ({
  servers = [web],
  health = {},
  previous,
  now = instant(0),
  egress,
  isHeld = true,
  touched,
}: Situation): ForwardingPlan =>
  planForwarding({
    servers,
    availability: (key) => health[key] ?? "available",
    links: { ingress: () => ["eth0"], egress: egress ?? (() => "eth0") },
    isHeld: () => isHeld,
    previous,
    ...(touched === undefined ? {} : { touched }),
    now,
  });

const only = (forwarding: ForwardingPlan): ServerPlan => {
  const [server, ...others] = forwarding.servers;
  assert.ok(server !== undefined && others.length === 0);
  return server;
};
const idOf = (server: ServerPlan, name: string): number =>
  server.backends.find((each) => each.name === name)?.id ?? -1;
const four = { ...web, backends: [...web.backends, backend(4)] };
const end = after(instant(0), TCP_FLOW_IDLE);

describe("planning forwarding", () => {
  it("gives every slot to an available backend, with numbers that depend on names alone", () => {
    const server = only(plan({}));
    assert.deepEqual(new Set(ownersOf(server)), new Set(server.backends.map(({ id }) => id)));
    const moved = only(
      plan({
        servers: [{ ...web, backends: [backend(3), backend(1)].map((each) => ({ ...each, port: 8080 })) }],
      }),
    );
    assert.equal(idOf(moved, "w3"), idOf(server, "w3"));
    assert.equal(idOf(server, "w1"), 1_504_735_956);
  });

  it("changes nothing when it plans its own result again", () => {
    const first = plan({
      servers: [web, { ...web, name: "b", ports: onePort(81), scheduler: { type: "weighted" } }],
    });
    const again = plan({
      servers: [{ ...web, name: "b", ports: onePort(81), scheduler: { type: "weighted" } }, web],
      previous: first,
    });
    assert.deepEqual(again, first);
    assert.ok(
      again.servers.every((server, index) => server === first.servers[index]),
      "the same objects",
    );
    assert.equal(planDeadline(first), undefined);
  });

  it("thinks through the servers alone that are said to be touched, and those that are new", () => {
    const second = { ...web, name: "b", address: ip("192.0.2.11") };
    const first = plan({ servers: [web, second] });
    const health = { "web/w1": "unavailable", "b/w1": "unavailable" } as const;
    const servers = [web, second, { ...web, name: "c", address: ip("192.0.2.12") }];
    const next = plan({ servers, health, previous: first, touched: new Set(["web"]) });
    const isOut = (name: string): boolean | undefined =>
      next.servers.find((each) => each.name === name)?.backends[0]?.availability === "unavailable";
    assert.deepEqual([isOut("web"), isOut("b"), isOut("c")], [true, false, false]);
    assert.equal(next.servers[0], first.servers[0]);
    const all = plan({ servers, health, previous: next });
    assert.equal(all.servers[0]?.backends[0]?.availability, "unavailable");
  });

  it("keeps the flows of slots that a new backend takes over with their former owner for one idle time", () => {
    const before = only(plan({}));
    const changed = plan({ servers: [four], previous: plan({}) });
    const server = only(changed);
    const taken = ownersOf(server).flatMap((owner, slot) => (owner === ownerOf(before, slot) ? [] : [slot]));
    assert.ok(taken.length > 15 && taken.length < 40, `${taken.length}`);
    assert.deepEqual(server.tracked, taken);
    assert.deepEqual(
      server.moves,
      taken.map((slot) => ({ slot, from: ownerOf(before, slot), until: end })),
    );
    assert.equal(planDeadline(changed), end);
  });

  it("ends a transition at its deadline and not a microsecond before, and looks recorded flows up ever after", () => {
    const changed = plan({ servers: [four], previous: plan({}) });
    const early = plan({ servers: [four], previous: changed, now: after(end, micros(-1)) });
    assert.equal(early.servers[0], changed.servers[0]);
    const late = only(plan({ servers: [four], previous: changed, now: end }));
    assert.deepEqual(late.moves, []);
    assert.deepEqual(late.tracked, only(changed).tracked);
    assert.equal(planDeadline({ ingress: [], servers: [late] }), undefined);
  });

  it("has no transition from a backend that failed, and one to it when it returns", () => {
    const healthy = plan({});
    const failed = plan({ health: { "web/w2": "unavailable" }, previous: healthy });
    assert.deepEqual(only(failed).moves, []);
    assert.equal(ownersOf(only(failed)).includes(idOf(only(failed), "w2")), false);
    const returned = only(plan({ previous: failed, now: instant(5) }));
    assert.deepEqual(returned.slots, only(healthy).slots);
    const own = idOf(returned, "w2");
    assert.deepEqual(
      returned.moves.map(({ slot }) => ownerOf(returned, slot)),
      returned.moves.map(() => own),
    );
    assert.ok(returned.moves.length > 25);
  });

  it("lets a draining backend keep its flows, whether drained by weight or by hand", () => {
    for (const drained of [
      plan({ health: { "web/w2": "draining" }, previous: plan({}) }),
      plan({ servers: [{ ...web, backends: [backend(1), backend(2, 0), backend(3)] }], previous: plan({}) }),
    ]) {
      const server = only(drained);
      const own = idOf(server, "w2");
      assert.equal(ownersOf(server).includes(own), false);
      assert.equal(
        server.moves.every(({ from }) => from === own),
        true,
      );
      assert.equal(server.moves.length, ownersOf(only(plan({}))).filter((owner) => owner === own).length);
    }
  });

  it("ends a transition early when the former owner dies or owns the slot again", () => {
    const changed = plan({ servers: [four], previous: plan({}) });
    const [move] = only(changed).moves;
    assert.ok(move);
    const former = only(changed).backends.find(({ id }) => id === move.from);
    const died = only(
      plan({ servers: [four], health: { [`web/${former?.name}`]: "unavailable" }, previous: changed }),
    );
    assert.equal(
      died.moves.some(({ from }) => from === move.from),
      false,
    );
    const undone = only(plan({ previous: changed }));
    assert.deepEqual(
      undone.moves.filter(({ slot }) => slot === move.slot),
      [],
    );
    assert.ok(undone.tracked.includes(move.slot));
  });

  it("goes on with the first former owner when a slot in transition changes owner again", () => {
    const changed = plan({ servers: [four], previous: plan({}) });
    const further = only(
      plan({ servers: [four], health: { "web/w4": "draining" }, previous: changed, now: instant(10) }),
    );
    for (const { slot, from, until } of only(changed).moves) {
      if (ownerOf(further, slot) === from) continue;
      assert.deepEqual(
        further.moves.filter((move) => move.slot === slot),
        [{ slot, from, until }],
      );
    }
  });

  it("has none when clients begin or cease to be kept, which changes what slots mean", () => {
    for (const [before, now] of [
      [web, { ...four, ...KEPT }],
      [{ ...web, ...KEPT }, four],
    ] as const) {
      const server = only(plan({ servers: [now], previous: plan({ servers: [before] }) }));
      assert.deepEqual([server.moves, server.tracked], [[], []]);
    }
  });

  it("needs no transitions in masquerade, when flows are counted or clients kept: they are all on record", () => {
    for (const change of [{ mode: "masquerade" }, { scheduler: { type: "round-robin" } }, KEPT] as const) {
      const server = only(
        plan({ servers: [{ ...four, ...change }], previous: plan({ servers: [{ ...web, ...change }] }) }),
      );
      assert.deepEqual([server.moves, server.tracked], [[], []]);
    }
  });

  it("cannot use a dsr backend that is on no connected network", () => {
    const server = only(plan({ egress: (address) => (address === "192.0.2.22" ? undefined : "eth0") }));
    assert.deepEqual(
      server.backends.map(({ availability, device }) => [availability, device]),
      [
        ["available", "eth0"],
        ["unavailable", undefined],
        ["available", "eth0"],
      ],
    );
  });

  it("forwards as if all were healthy when all fail, from the same table as a peer that is not cut off", () => {
    const cutOff = { "web/w1": "doubtful", "web/w2": "doubtful", "web/w3": "doubtful" } as const;
    assert.deepEqual(only(plan({ health: cutOff })).slots, only(plan({})).slots);
    const drained = { ...web, backends: [backend(1), backend(2, 0), backend(3)] };
    assert.deepEqual(
      only(plan({ servers: [drained], health: cutOff })).slots,
      only(plan({ servers: [drained] })).slots,
    );
    const oneDrains = only(plan({ health: { ...cutOff, "web/w2": "draining" } }));
    assert.equal(ownersOf(oneDrains).includes(idOf(oneDrains, "w2")), false);
    const unreachable = only(plan({ health: cutOff, egress: () => undefined }));
    assert.ok(!hasOwners(unreachable));
    const rejecting = only(plan({ servers: [{ ...web, whenAllFail: "reject" }], health: cutOff }));
    assert.ok(!hasOwners(rejecting));
  });

  it("lets a backend that nobody has asked yet go on where it ran, under any name, and starts no other", () => {
    const unknown = { "web/w1": "unknown", "web/w2": "unknown", "web/w3": "unknown" } as const;
    const states = (forwarding: ForwardingPlan) =>
      only(forwarding).backends.map(({ name, availability }) => `${name} ${availability}`);
    assert.deepEqual(states(plan({ health: unknown })), [
      "w1 unavailable",
      "w2 unavailable",
      "w3 unavailable",
    ]);
    const previous = plan({ health: { "web/w2": "unavailable" } });
    const restarted = decodeCheckpoint(encodeCheckpoint(previous));
    assert.ok(restarted);
    assert.deepEqual(states(plan({ health: unknown, previous: restarted })), [
      "w1 available",
      "w2 unavailable",
      "w3 available",
    ]);
    const moved = {
      ...web,
      backends: [
        { ...backend(1), name: "renamed" },
        { ...backend(3), port: 81 },
      ],
    };
    const health = { "web/renamed": "unknown", "web/w3": "unknown", "shop/w1": "unknown" } as const;
    assert.deepEqual(states(plan({ servers: [moved], health, previous })).slice(0, 1), ["renamed available"]);
    assert.ok(states(plan({ servers: [moved], health, previous })).includes("w3 unavailable"));
    const left = plan({ servers: [{ ...web, backends: [backend(1)] }], previous });
    assert.deepEqual(states(plan({ health: unknown, previous: left })), [
      "w1 available",
      "w2 unavailable",
      "w3 draining",
    ]);
    const renamed = { ...web, name: "shop", backends: [backend(1)] };
    assert.deepEqual(states(plan({ servers: [renamed], health, previous })), ["w1 available"]);
  });

  it("learns no transition in doubt, for the slots move for reasons of its own, and keeps those it knew", () => {
    const more = plan({ servers: [four], previous: plan({}) });
    assert.ok(only(more).moves.length > 0 && only(more).tracked.length > 0);
    const doubt = only(plan({ servers: [four], health: { "web/w1": "doubtful" }, previous: more }));
    assert.deepEqual([doubt.moves, doubt.tracked], [only(more).moves, only(more).tracked]);
    const lent = plan({ servers: [four], health: { "web/w4": "unavailable" } });
    const back = only(plan({ servers: [four], health: { "web/w4": "doubtful" }, previous: lent }));
    assert.notDeepEqual(back.slots, only(lent).slots);
    assert.deepEqual([back.moves, back.tracked], [[], []]);
    assert.deepEqual(doubt.slots, only(more).slots);
  });

  it("comes out of a cut, seen one backend after the other, with the table and the transitions of its peer", () => {
    const views: readonly Readonly<Record<string, Reported>>[] = [
      { "web/w2": "unavailable" },
      { "web/w2": "unavailable", "web/w3": "unavailable" },
      { "web/w1": "doubtful", "web/w2": "doubtful", "web/w3": "doubtful" },
      { "web/w1": "doubtful", "web/w3": "doubtful" },
      { "web/w3": "doubtful" },
      {},
    ];
    const end = views.reduce((previous, health) => plan({ health, previous }), plan({}));
    assert.deepEqual(only(end).slots, only(plan({})).slots);
    assert.deepEqual(only(end).moves, []);
  });

  it("keeps no transitions while another edge holds the address", () => {
    const grown = plan({ servers: [four], previous: plan({}), isHeld: false });
    assert.deepEqual([only(grown).moves, only(grown).tracked], [[], []]);
    const held = plan({ servers: [four], previous: plan({}) });
    assert.deepEqual(only(plan({ servers: [four], previous: held, isHeld: false })).moves, []);
  });

  it("gives no number to two backends, also when servers and backends come later", () => {
    const many = (count: number): readonly VirtualServer[] =>
      Array.from({ length: count }, (_, index) => ({
        ...web,
        name: `s${count - index}`,
        ports: onePort(1000 + index),
      }));
    const first = plan({ servers: many(40) });
    const second = plan({
      servers: many(60).map((each) => ({ ...each, backends: four.backends })),
      previous: first,
    });
    const ids = second.servers.flatMap((server) => server.backends.map(({ id }) => id));
    assert.equal(new Set(ids).size, 240);
    for (const before of first.servers) {
      const now = second.servers.find(({ name }) => name === before.name);
      for (const { name, id } of before.backends) assert.equal(now && idOf(now, name), id);
    }
  });

  it("refuses new flows when nobody is available", () => {
    const nobody = only(plan({ servers: [{ ...web, backends: [] }] }));
    assert.ok(!hasOwners(nobody));
    assert.deepEqual(chooseBackend(nobody, { address: ip("198.51.100.7"), port: 4000 }), { type: "refused" });
  });

  it("gives a client the same backend from every port when it goes by source", () => {
    const scheduler = { type: "source-hash", tableSize: 101 } as const;
    const server = only(plan({ servers: [{ ...web, scheduler }] }));
    const chosen = [4000, 4001, 4002, 4003].map((port) => {
      const choice = chooseBackend(server, { address: ip("198.51.100.7"), port });
      return choice.type === "backend" ? choice.backend.name : choice.type;
    });
    assert.equal(new Set(chosen).size, 1);
    assert.deepEqual(ownersOf(server), ownersOf(only(plan({}))), "from the same table");
  });

  it("has no transition when the scheduler changes what slots mean", () => {
    const scheduler = { type: "source-hash", tableSize: 101 } as const;
    const changed = plan({ servers: [{ ...four, scheduler }], previous: plan({}) });
    assert.deepEqual([only(changed).moves, only(changed).tracked], [[], []]);
  });

  it("says which backend a client gets, and who keeps its older flows", () => {
    const client = { address: ip("198.51.100.7"), port: 4000 };
    const before = only(plan({}));
    const choice = chooseBackend(before, client);
    assert.ok(choice.type === "backend" && choice.keeps === undefined);
    assert.equal(choice.backend.id, ownerOf(before, choice.slot));
    const failed = chooseBackend(
      only(plan({ health: { [`web/${choice.backend.name}`]: "draining" }, previous: plan({}) })),
      client,
    );
    assert.ok(failed.type === "backend");
    assert.equal(failed.keeps?.name, choice.backend.name);
    const counted = only(plan({ servers: [{ ...web, scheduler: { type: "round-robin" } }] }));
    assert.deepEqual(chooseBackend(counted, client), { type: "counted" });
  });
});

/** What an edge does to one client's flow, as `moves.ts` says: records first, then SYN, former owner, owner. */
class FlowModel {
  readonly #records = new Map<number, number>();

  packet(
    server: ServerPlan,
    flow: { readonly id: number; readonly slot: number; readonly opens: boolean },
  ): number {
    const { slot, opens } = flow;
    const usable = (id: number | undefined): boolean =>
      server.backends.some((each) => each.id === id && each.availability !== "unavailable");
    if (!server.tracked.includes(slot)) return ownerOf(server, slot);
    const recorded = this.#records.get(flow.id);
    if (recorded !== undefined && usable(recorded)) return recorded;
    this.#records.delete(flow.id);
    const move = server.moves.find((candidate) => candidate.slot === slot);
    const owner = ownerOf(server, slot);
    if (move === undefined) return owner;
    const target = opens ? owner : move.from;
    this.#records.set(flow.id, target);
    return target;
  }
}

describe("flows under any sequence of changes", () => {
  it("stay with their backend for as long as it is there, while they are not idle too long", () => {
    const states: readonly Availability[] = ["available", "draining", "unavailable"];
    const step = fc.record({
      worker: fc.integer({ min: 1, max: 5 }),
      state: fc.constantFrom(...states),
      pause: fc.integer({ min: 0, max: TCP_FLOW_IDLE / 3 }),
    });
    const five = {
      ...web,
      scheduler: { type: "consistent-hash", tableSize: 31 } as const,
      backends: [1, 2, 3, 4, 5].map((number) => backend(number)),
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const health: Record<string, Availability> = {};
        const model = new FlowModel();
        const backendOfFlow = new Map<number, number>();
        let now = instant(0);
        let running = plan({ servers: [five], now });
        let opened = 0;
        for (const { worker, state, pause } of steps) {
          now = after(now, micros(pause));
          health[`web/w${worker}`] = state;
          running = plan({ servers: [five], health, previous: running, now });
          const server = only(running);
          for (const [id, kept] of backendOfFlow) {
            const met = model.packet(server, { id, slot: id % 31, opens: false });
            const there = server.backends.some(
              (each) => each.id === kept && each.availability !== "unavailable",
            );
            if (there) assert.equal(met, kept, `flow ${id}`);
            else backendOfFlow.delete(id);
          }
          for (let slot = 0; slot < 31; slot += 1, opened += 1) {
            const met = model.packet(server, { id: opened, slot: opened % 31, opens: true });
            if (met !== NO_BACKEND) backendOfFlow.set(opened, met);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("the checkpoint of a plan", () => {
  const limited: VirtualServer = {
    ...{ ...web, name: "c", ports: ALL_PORTS, mode: "masquerade" },
    scheduler: { type: "source-hash", tableSize: 11 },
    sourceRanges: [{ address: ip("198.51.100.0"), prefixLength: 24 }],
    backends: [{ name: "w1", address: ip("192.0.2.21"), weight: 1 }],
  };

  it("is read back as it was written", () => {
    const changed = plan({
      servers: [
        four,
        { ...web, name: "b", ports: onePort(81), mode: "nat", scheduler: { type: "weighted" } },
        limited,
      ],
      previous: plan({}),
    });
    assert.deepEqual(decodeCheckpoint(encodeCheckpoint(changed)), changed);
  });

  it("is no checkpoint when it was cut short, and never throws on other text", () => {
    const text = encodeCheckpoint(plan({ servers: [four], previous: plan({}) }));
    for (let length = 0; length < text.length; length += 7) {
      assert.equal(decodeCheckpoint(text.slice(0, length)), undefined);
    }
    fc.assert(fc.property(fc.json(), (json) => decodeCheckpoint(json) === undefined));
    for (const [from, to] of [
      ['"tcp"', '"sctp"'],
      ['"first":80', '"first":-1'],
      ['"port":80', '"port":-1'],
      ["192.0.2.21", "192.0.2.777"],
      ['"format":3', '"format":2'],
    ] as const) {
      assert.equal(decodeCheckpoint(text.replace(from, to)), undefined, to);
    }
  });
});
