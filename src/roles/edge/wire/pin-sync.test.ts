import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { addressBytes } from "#base/address";
import { type Duration, seconds } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { clientKey, type Pin } from "#core/balance/pin";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import type { Event } from "#core/observation/event";
import { openFakeEngine } from "#drivers/balance/fake";
import { fakeClock } from "#drivers/clock/fake";
import { type FakeWire, fakeWire } from "#drivers/datagram/fake";
import { createDeadlines } from "#runtime/deadlines";
import { address } from "#testing/values";
import { createPinSync } from "./pin-sync.ts";

const SERVER: VirtualServer = {
  ...{ name: "web", address: address("192.0.2.100"), protocol: "tcp", mode: "nat" },
  ports: { first: 80, last: 80 },
  scheduler: { type: "round-robin" },
  backends: ["w1", "w2"].map((name) => ({ name, address: address("192.0.2.11"), port: 80, weight: 1 })),
  persistence: { timeout: seconds(600), prefixLength: 32 },
};
const ADDRESSES = { a: "198.51.100.1", b: "198.51.100.2" } as const;
type Name = keyof typeof ADDRESSES;

const clock = fakeClock({ onWake: () => undefined });

const planOf = (servers: readonly VirtualServer[]): ForwardingPlan =>
  planForwarding({
    ...{ servers, previous: undefined, now: clock.now() },
    availability: () => "available",
    links: { ingress: () => [], egress: () => undefined },
  });

const PLAN = planOf([SERVER]);
const idOf = (name: string): number =>
  PLAN.servers[0]?.backends.find((backend) => backend.name === name)?.id ?? 0;
const pin = (text: string, backend: string): Pin => ({
  client: clientKey(addressBytes(address(text))),
  backend: idOf(backend),
  remaining: seconds(300),
});

const signing = (key: string) => (bytes: Uint8Array) =>
  new Uint8Array(createHmac("sha256", key).update(bytes).digest());

const edge = (name: Name, wire: FakeWire, session = name === "a" ? 1 : 2, secretFile?: string) => {
  const own = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(own);
  const engine = openFakeEngine();
  const events: Event[] = [];
  const state: { holds: boolean; secret: string | undefined } = { holds: name === "a", secret: "first" };
  const sync = createPinSync({
    ...{ engine, deadlines },
    session: () => session,
    nonce: () => new Uint8Array(randomBytes(8)),
    readSecret: (path) =>
      state.secret === undefined || path !== "/secret"
        ? "does not exist"
        : { sign: signing(state.secret), version: state.secret },
    clock: own,
    datagrams: wire.port,
    emit: (event) => void events.push(event),
    isHeld: () => state.holds,
  });
  const desired: Desired = {
    ...NOTHING_DESIRED,
    servers: [SERVER],
    syncs: [
      {
        ...{ name: "state", interface: "eth1", port: 3780 },
        ...(secretFile === undefined ? {} : { pinSecretFile: secretFile }),
        ...{ address: address(ADDRESSES[name]), peer: address(ADDRESSES[name === "a" ? "b" : "a"]) },
      },
    ],
  };
  sync.onApplied(PLAN);
  sync.update(desired);
  return {
    ...{ sync, state, desired },
    pins: engine.pinsOf("web"),
    pass: async (duration: Duration): Promise<void> => {
      own.advance(duration);
      await sync.settled();
    },
    states: () => events.splice(0).map((event) => (event.type === "pin-sync" ? event.state : "?")),
  };
};

type Edge = ReturnType<typeof edge>;

const run = async (edges: readonly Edge[], rounds: number): Promise<void> => {
  for (let round = 0; round < rounds; round += 1) {
    for (const each of edges) await each.pass(seconds(1));
    for (const each of edges) await each.sync.settled();
  }
};

const pair = (wire = fakeWire()) => {
  const [a, b] = [edge("a", wire), edge("b", wire)];
  return { a, b, wire };
};

const put = ({ pins }: Edge, ...all: readonly Pin[]): void => {
  for (const each of all) pins.set(each.client, each);
};

/** A socket in the place of an edge, for somebody else. */
const openAs = (name: Name, wire: FakeWire) => {
  const [address_, peer] = [ADDRESSES[name], ADDRESSES[name === "a" ? "b" : "a"]].map(address);
  assert.ok(address_ && peer);
  const path = { interface: "eth1", port: 3781, address: address_, peer };
  const socket = wire.port.open(path, () => undefined);
  assert.ok(typeof socket !== "string");
  return socket;
};

describe("clients that are kept on a backend", () => {
  it("are known to the other edge within seconds, with the time they have left", async () => {
    const { a, b } = pair();
    put(a, pin("203.0.113.1", "w1"), pin("203.0.113.2", "w2"));
    await run([a, b], 4);
    assert.deepEqual([...b.pins.values()], [...a.pins.values()]);
    put(a, pin("203.0.113.1", "w2"));
    await run([a, b], 2);
    assert.equal(b.pins.get(pin("203.0.113.1", "w1").client)?.backend, idOf("w2"));
    assert.deepEqual([...a.states(), ...b.states()], []);
  });

  it("are told by the edge that holds the address alone, and it takes nothing from the other", async () => {
    const { a, b } = pair();
    put(b, pin("203.0.113.9", "w1"));
    await run([a, b], 4);
    assert.equal(a.pins.size, 0);
    [a.state.holds, b.state.holds] = [true, true];
    await run([a, b], 4);
    assert.equal(a.pins.size, 0);
    [a.state.holds, b.state.holds] = [false, true];
    await run([a, b], 12);
    assert.equal(a.pins.size, 1);
  });

  it("are told again when datagrams were lost, be it the last one", async () => {
    const { a, b, wire } = pair();
    await run([a, b], 3);
    // A hello has 24 bytes; a datagram with a pin has more.
    wire.loses = (bytes) => bytes.length > 24;
    put(a, pin("203.0.113.1", "w1"));
    await run([a, b], 3);
    wire.loses = () => false;
    assert.equal(b.pins.size, 0);
    await run([a, b], 12);
    assert.equal(b.pins.size, 1);
  });

  it("are told to an edge that was started anew, and by one that was", async () => {
    const { a, b, wire } = pair();
    put(a, pin("203.0.113.1", "w1"));
    await run([a, b], 4);
    b.sync.close();
    const again = edge("b", wire, 3);
    await run([a, again], 5);
    assert.equal(again.pins.size, 1);
    a.sync.close();
    const other = edge("a", wire, 4);
    put(other, pin("203.0.113.7", "w2"));
    await run([other, again], 5);
    assert.equal(again.pins.size, 2);
  });

  it("are not read while nobody listens, and that is said once, as is its end", async () => {
    const wire = fakeWire();
    const a = edge("a", wire);
    await run([a], 10);
    assert.deepEqual(a.states(), ["peer-silent"]);
    const b = edge("b", wire);
    await run([a, b], 3);
    assert.deepEqual(a.states(), ["in-sync"]);
    assert.deepEqual(b.states(), []);
  });

  it("say so when the peer speaks another version", async () => {
    const wire = fakeWire();
    const [newer, socket] = [edge("a", wire), openAs("b", wire)];
    for (let second = 0; second < 9; second += 1) {
      socket.send(Uint8Array.of(0x53, 0x59, 0x50, 0x4e, 9, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0));
      await run([newer], 1);
    }
    assert.deepEqual(newer.states(), ["other-version"]);
  });

  it("are told sealed where both have the same secret, and nobody else can tell any", async () => {
    const wire = fakeWire();
    const heard: Uint8Array[] = [];
    wire.loses = (bytes) => {
      heard.push(bytes.slice());
      return false;
    };
    const [a, b] = [edge("a", wire, 1, "/secret"), edge("b", wire, 2, "/secret")];
    put(a, pin("203.0.113.1", "w1"));
    await run([a, b], 5);
    assert.deepEqual([...b.pins.values()], [...a.pins.values()]);
    assert.deepEqual([...a.states(), ...b.states()], []);
    assert.ok(heard.every((bytes) => bytes[4] === 0x81));
    // Somebody who has recorded everything says it again when both were started anew.
    a.sync.close();
    b.sync.close();
    const again = edge("b", wire, 3, "/secret");
    const stranger = openAs("a", wire);
    await run([again], 2);
    for (const bytes of heard.slice()) stranger.send(bytes);
    await run([again], 8);
    assert.equal(again.pins.size, 0);
    assert.deepEqual(again.states(), ["peer-silent"]);
  });

  it("are not taken from a peer with another secret or none, which is said, until both have the same", async () => {
    const wire = fakeWire();
    const [a, b] = [edge("a", wire, 1, "/secret"), edge("b", wire, 2, "/secret")];
    b.state.secret = "second";
    put(a, pin("203.0.113.1", "w1"));
    await run([a, b], 10);
    assert.deepEqual([a.states(), b.states()], [["other-secret"], ["other-secret"]]);
    assert.equal(b.pins.size, 0);
    a.state.secret = "second";
    await run([a, b], 20);
    assert.deepEqual([a.states(), b.states()], [["in-sync"], ["in-sync"]]);
    assert.equal(b.pins.size, 1);
    const { pinSecretFile: _file, ...open } = b.desired.syncs[0] ?? assert.fail();
    b.sync.update({ ...b.desired, syncs: [open] });
    await run([a, b], 10);
    assert.deepEqual([a.states(), b.states()], [["other-secret"], ["other-secret"]]);
  });

  it("follow a secret that changes on both sides, and are told to nobody without the one that is asked for", async () => {
    const wire = fakeWire();
    const [a, b] = [edge("a", wire, 1, "/secret"), edge("b", wire, 2, "/secret")];
    await run([a, b], 4);
    [a.state.secret, b.state.secret] = ["second", "second"];
    await run([a, b], 30);
    put(a, pin("203.0.113.1", "w1"));
    await run([a, b], 15);
    assert.equal(b.pins.size, 1);
    a.states();
    a.state.secret = undefined;
    let sent = 0;
    await run([a], 12);
    wire.loses = () => {
      sent += 1;
      return false;
    };
    await run([a], 5);
    assert.equal(sent, 0);
    assert.deepEqual(a.states(), ["unavailable"]);
  });

  it("wait for a link that cannot be opened yet", async () => {
    const wire = fakeWire();
    wire.refuses = "no such interface";
    const { a, b } = pair(wire);
    await run([a, b], 2);
    assert.deepEqual(a.states(), ["unavailable"]);
    wire.refuses = undefined;
    put(a, pin("203.0.113.1", "w1"));
    await run([a, b], 4);
    assert.deepEqual(a.states(), ["in-sync"]);
    assert.equal(b.pins.size, 1);
  });

  it("need no link where no server keeps its clients", async () => {
    const { a, b } = pair();
    const { persistence: _persistence, ...plain } = SERVER;
    await run([a, b], 2);
    a.sync.update({ ...a.desired, servers: [plain] });
    await run([a, b], 10);
    assert.deepEqual([a.states(), b.states()], [[], ["peer-silent"]]);
  });
});
