/** That addresses stay where they are whatever happens to replicas, the API server and etcd. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Access } from "./access.ts";
import { isWrite, tally } from "./audit.ts";
import { type ControlPlane, sharedControlPlane } from "./bed.ts";
import {
  type Controller,
  install,
  LEASE_SECONDS,
  leaderOf,
  openController,
  pool,
  writesSince,
} from "./controller.ts";
import { addressesByName, allocated, createService, servicePath } from "./services.ts";

const inCluster = sharedControlPlane();

type Replicas = { readonly access: Access; readonly all: readonly Controller[] };

let replicas: Replicas | undefined;

const EXISTING = Array.from({ length: 20 }, (_, index) => `existing-${index}`);

const openReplicas = async (plane: ControlPlane): Promise<Replicas> => {
  const access = await install(plane);
  await plane.apply(pool("lan", ["10.64.0.0/24"]));
  const all = await Promise.all(["c1", "c2"].map((identity) => openController(plane, { identity, access })));
  await Promise.all(all.map((controller) => controller.start()));
  await Promise.all(EXISTING.map((name) => createService(plane.admin, { name })));
  await Promise.all(EXISTING.map((name) => allocated(plane, name)));
  return { access, all };
};

/** A test with two replicas, both alive, and with Services that must keep what they have. */
const withReplicas = (
  test: (plane: ControlPlane, replicas: Replicas, context: TestContext) => Promise<void>,
): ReturnType<typeof inCluster> =>
  inCluster(async (plane, context) => {
    replicas ??= await openReplicas(plane);
    const { access, all } = replicas;
    try {
      for (const controller of all) if (controller.pid() === undefined) await controller.start();
      await leaderOf(all);
      const before = await addressesByName(plane.admin);
      await test(plane, { access, all }, context);
      const after = await addressesByName(plane.admin);
      for (const [name, addresses] of before) assert.deepEqual(after.get(name), addresses, name);
      const held = [...after.values()].flat();
      assert.equal(new Set(held).size, held.length, "an address was given twice");
    } catch (error) {
      for (const { identity, lastWords } of all) context.diagnostic(`${identity}:\n${lastWords(30)}`);
      throw error;
    }
  });

const others = (all: readonly Controller[], leader: Controller): readonly Controller[] =>
  all.filter((controller) => controller !== leader);

/** Milliseconds until another one must lead when the leader says nothing. */
const TAKEOVER_MS = (LEASE_SECONDS + 3) * 1_000;

/** A request on its way, a late timer, and a test whose machine does other things as well. */
const SLACK_MS = 1_000;

/**
 * Milliseconds between the last two writes of the Lease that followed each other across a change of its holder: the last
 * renewal, or the release, of the one and the claim of the other, as the API server received them.
 */
const silenceBefore = ({ audit }: ControlPlane, { user }: Access, claimedAfter: number): number => {
  const writes = audit().filter((each) => each.user === user && isWrite(each) && each.resource === "leases");
  const claim = writes.findIndex(({ at, code }) => at > claimedAfter && code === 200);
  const [last, next] = [writes[claim - 1], writes[claim]];
  if (last === undefined || next === undefined) throw new Error("nobody has claimed the Lease");
  return next.at - last.at;
};

describe("of two replicas", () => {
  it(
    "one leads, and the other is ready and writes nothing",
    withReplicas(async (_, { all }) => {
      const states = await Promise.all(all.map(async (each) => (await each.status()).leadership.state));
      assert.deepEqual([...states].sort(), ["leading", "standby"]);
      for (const each of all) assert.equal((await each.page("/readyz")).status, 200);
    }),
  );

  it(
    "the other takes over at once when the leader is told to end",
    withReplicas(async (plane, { all }) => {
      const leader = await leaderOf(all);
      await leader.stop("SIGTERM");
      const began = performance.now();
      await leaderOf(others(all, leader), TAKEOVER_MS);
      const took = performance.now() - began;
      // The other one looks once in a retry period, a seventh of the lease.
      assert.ok(took < (LEASE_SECONDS * 1_000) / 7 + SLACK_MS, `${took} ms`);
      await createService(plane.admin, { name: "after-end" });
      await allocated(plane, "after-end");
    }),
  );

  it(
    "the other takes over as soon as the lease of a killed leader has run out, and writes to no Service that has its address",
    withReplicas(async (plane, { access, all }, context) => {
      const leader = await leaderOf(all);
      const mark = plane.audit().length;
      await leader.stop("SIGKILL");
      const killedAt = Date.now();
      await createService(plane.admin, { name: "after-kill" });
      await leaderOf(others(all, leader), TAKEOVER_MS);
      const silence = silenceBefore(plane, access, killedAt);
      assert.ok(silence >= LEASE_SECONDS * 1_000, `the leader might have lived: ${silence} ms`);
      assert.ok(silence < LEASE_SECONDS * 1_000 + SLACK_MS, `${silence} ms`);
      context.diagnostic(`the Lease changed hands ${silence} ms after its last renewal`);
      await allocated(plane, "after-kill");
      const writes = writesSince(plane, access, mark).filter(
        ({ resource, name }) => resource === "services/status" && name !== "after-kill",
      );
      assert.deepEqual([...tally(writes)], []);
    }),
  );

  it(
    "one that led, was frozen and wakes up after the other took over gives nothing any more",
    withReplicas(async (plane, { all }) => {
      const leader = await leaderOf(all);
      leader.freeze();
      try {
        await createService(plane.admin, { name: "while-frozen" });
        await leaderOf(others(all, leader), TAKEOVER_MS);
        await allocated(plane, "while-frozen");
        // Wakes in the middle of new work, with all that it has missed still to be read.
        const wishes = Array.from({ length: 20 }, (_, index) => `at-waking-${index}`);
        const made = Promise.all(wishes.map((name) => createService(plane.admin, { name })));
        leader.thaw();
        await made;
        await Promise.all(wishes.map((name) => allocated(plane, name)));
      } finally {
        leader.thaw();
      }
      await pause(500);
      const states = await Promise.all(all.map(async (each) => (await each.status()).leadership.state));
      assert.deepEqual(states.filter((state) => state === "leading").length, 1);
    }),
  );
});

describe("the controllers", () => {
  it(
    "go on after the API server was killed and comes back, with what was made meanwhile",
    withReplicas(async (plane, { access, all }) => {
      const mark = plane.audit().length;
      await plane.apiServer.stop("SIGKILL");
      await pause(2_000);
      await plane.apiServer.start();
      await createService(plane.admin, { name: "after-api-server" });
      await allocated(plane, "after-api-server", { withinMs: 30_000 });
      await leaderOf(all);
      const writes = writesSince(plane, access, mark).filter(
        ({ resource, name }) => resource === "services/status" && name !== "after-api-server",
      );
      assert.deepEqual([...tally(writes)], []);
    }),
  );

  it(
    "go on after the API server was away for longer than the lease",
    withReplicas(async (plane, { all }) => {
      await plane.apiServer.stop("SIGTERM");
      await pause((LEASE_SECONDS + 2) * 1_000);
      for (const each of all) assert.notEqual((await each.status()).leadership.state, "leading");
      await plane.apiServer.start();
      await leaderOf(all, 30_000);
      await createService(plane.admin, { name: "after-long" });
      await allocated(plane, "after-long", { withinMs: 30_000 });
    }),
  );

  it(
    "go on after etcd stood still",
    withReplicas(async (plane) => {
      plane.etcd.freeze();
      await pause(4_000);
      plane.etcd.thaw();
      await createService(plane.admin, { name: "after-etcd" });
      await allocated(plane, "after-etcd", { withinMs: 30_000 });
    }),
  );

  it(
    "give addresses while every answer of etcd is late",
    withReplicas(async (plane) => {
      plane.door.delay(100);
      try {
        const names = Array.from({ length: 10 }, (_, index) => `late-${index}`);
        await Promise.all(names.map((name) => createService(plane.admin, { name })));
        await Promise.all(names.map((name) => allocated(plane, name, { withinMs: 30_000 })));
      } finally {
        plane.door.delay(0);
      }
    }),
  );

  it(
    "read everything again when history was compacted while they could not watch",
    withReplicas(async (plane, { all }) => {
      await createService(plane.admin, { name: "goes" });
      await allocated(plane, "goes");
      for (const each of all) each.freeze();
      await plane.admin.delete(servicePath("default", "goes"));
      await createService(plane.admin, { name: "comes" });
      await plane.etcd.compact();
      await plane.apiServer.stop("SIGKILL");
      await plane.apiServer.start();
      for (const each of all) each.thaw();
      await allocated(plane, "comes", { withinMs: 30_000 });
    }),
  );
});
