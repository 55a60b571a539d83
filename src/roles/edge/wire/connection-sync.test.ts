import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Duration, seconds } from "#base/time";
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import type { Event } from "#core/observation/event";
import { fakeClock } from "#drivers/clock/fake";
import { fakeSyncDaemons } from "#drivers/conntrackd/fake";
import { createDeadlines } from "#runtime/deadlines";
import { address } from "#testing/values";
import { createConnectionSync } from "./connection-sync.ts";

const wanting = (...backends: readonly string[]): Desired => ({
  ...NOTHING_DESIRED,
  syncs: [
    {
      ...{ name: "state", interface: "eth1", port: 3780 },
      ...{ address: address("198.51.100.1"), peer: address("198.51.100.2") },
    },
  ],
  servers: [
    {
      ...{ name: "web", address: address("192.0.2.100"), protocol: "tcp", mode: "nat" },
      ports: { first: 80, last: 80 },
      scheduler: { type: "round-robin" },
      backends: backends.map((text) => ({ name: text, address: address(text), port: 80, weight: 1 })),
    },
  ],
});

const bench = () => {
  const daemons = fakeSyncDaemons();
  const events: Event[] = [];
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const sync = createConnectionSync({
    ...{ daemons, clock, deadlines },
    emit: (event) => void events.push(event),
  });
  return {
    ...{ daemons, sync },
    want: async (desired: Desired): Promise<void> => {
      sync.update(desired);
      await sync.settled();
    },
    pass: async (duration: Duration): Promise<void> => {
      clock.advance(duration);
      await sync.settled();
    },
    starts: () => daemons.log.filter((line) => line.startsWith("start")).length,
    states: () => events.splice(0).map((event) => (event.type === "connection-sync" ? event.state : "?")),
  };
};

describe("connections in sync", () => {
  it("need no daemon while nothing translates addresses, but end one of an earlier run", async () => {
    const { want, daemons, states } = bench();
    await want(NOTHING_DESIRED);
    assert.deepEqual(daemons.log, ["sweep"]);
    assert.deepEqual(states(), []);
  });

  it("are said to be so once the peer is heard, and not while it is silent", async () => {
    const { want, pass, daemons, states } = bench();
    await want(wanting("192.0.2.11"));
    assert.deepEqual(states(), ["starting"]);
    daemons.says = { ours: 3, theirs: 1, heard: 2, unconfirmed: 0 };
    await pass(seconds(2));
    assert.deepEqual(states(), ["in-sync"]);
    for (let round = 0; round < 4; round += 1) await pass(seconds(2));
    assert.deepEqual(states(), ["peer-silent"]);
  });

  it("go on with a daemon that is started again, later each time it ends", async () => {
    const { want, pass, daemons, states, starts } = bench();
    await want(wanting("192.0.2.11"));
    daemons.crash("status 1: no such interface");
    assert.deepEqual(states(), ["starting", "down"]);
    await pass(seconds(1));
    assert.equal(starts(), 2);
    daemons.crash("status 1");
    await pass(seconds(1));
    assert.equal(starts(), 2);
    await pass(seconds(1));
    assert.equal(starts(), 3);
  });

  it("need another daemon for other backends, and none for the same", async () => {
    const { want, daemons, starts } = bench();
    await want(wanting("192.0.2.11"));
    await want(wanting("192.0.2.11"));
    assert.equal(starts(), 1);
    await want(wanting("192.0.2.11", "192.0.2.12"));
    assert.equal(starts(), 2);
    assert.equal(daemons.log.filter((line) => line.startsWith("stop")).length, 1);
  });

  it("end with the configuration that asks for them", async () => {
    const { want, daemons, states } = bench();
    await want(wanting("192.0.2.11"));
    await want(NOTHING_DESIRED);
    assert.equal(daemons.log.at(-1), "stop 101");
    assert.deepEqual(states(), ["starting", "idle"]);
  });

  it("wait for the package to be installed, and say so", async () => {
    const { want, pass, daemons, states, starts } = bench();
    daemons.missing = "install the package conntrackd";
    await want(wanting("192.0.2.11"));
    assert.deepEqual(states(), ["unavailable"]);
    daemons.missing = undefined;
    await pass(seconds(1));
    assert.equal(starts(), 1);
    assert.deepEqual(states(), ["starting"]);
  });

  it("are left to the daemon when the program leaves everything in place, and end with it when it stops", async () => {
    const left = bench();
    await left.want(wanting("192.0.2.11"));
    left.sync.leave();
    await left.pass(seconds(10));
    assert.equal(
      left.daemons.log.some((line) => line.startsWith("stop")),
      false,
    );
    const stopped = bench();
    await stopped.want(wanting("192.0.2.11"));
    await stopped.sync.stop();
    stopped.daemons.crash("late");
    await stopped.pass(seconds(10));
    assert.equal(stopped.starts(), 1);
    assert.deepEqual(stopped.daemons.log.slice(-2), ["stop 101", "sweep"]);
  });
});
