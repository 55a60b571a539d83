/** That every Service gets one address, its own, from API servers that are busy and over connections that do not last. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Access } from "./access.ts";
import { type ControlPlane, sharedControlPlane } from "./bed.ts";
import {
  type Controller,
  install,
  LEASE_SECONDS,
  leaderOf,
  NAMESPACE,
  openController,
  pool,
} from "./controller.ts";
import { openDoor } from "./door.ts";
import { eventually } from "./eventually.ts";
import { addressesByName, allocated, createService, servicePath } from "./services.ts";

/** Resolves once every Service has an address; fails when one is there twice. */
const allHaveOne = async ({ admin }: ControlPlane, withinMs: number): Promise<void> => {
  const held = await eventually("an address for everyone", withinMs, async () => {
    const byName = new Map(await addressesByName(admin));
    byName.delete("kubernetes");
    const all = [...byName.values()];
    return all.every((addresses) => addresses.length === 1) ? all.flat() : undefined;
  });
  assert.equal(new Set(held).size, held.length, "an address was given twice");
};

/** Runs controllers for one test, and shows what they said when it fails. */
const withControllers = async (
  context: TestContext,
  controllers: readonly Controller[],
  test: () => Promise<void>,
): Promise<void> => {
  try {
    await Promise.all(controllers.map((each) => each.start()));
    await test();
  } catch (error) {
    for (const { identity, lastWords } of controllers) context.diagnostic(`${identity}:\n${lastWords(30)}`);
    throw error;
  } finally {
    await Promise.all(controllers.map((each) => each.stop("SIGKILL")));
  }
};

/** When the leader renewed its Lease, by its own clock; milliseconds since 1970. */
const renewedAt = async ({ admin }: ControlPlane): Promise<number> => {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/steelyard-controller`;
  const { spec } = await admin.get<{ spec: { renewTime: string } }>(path);
  return Date.parse(spec.renewTime);
};

const createMany = async ({ admin }: ControlPlane, prefix: string, count: number): Promise<void> => {
  for (let index = 0; index < count; index += 1) await createService(admin, { name: `${prefix}-${index}` });
};

describe("a controller at an API server that takes two requests at once", () => {
  const inCluster = sharedControlPlane({
    flags: [
      "--enable-priority-and-fairness=false",
      ...["--max-requests-inflight=2", "--max-mutating-requests-inflight=2"],
    ],
  });

  it(
    "goes on after it was told that these are too many requests",
    inCluster(async (plane, context) => {
      const access = await install(plane);
      await plane.apply(pool("lan", ["10.64.0.0/16"]));
      await createMany(plane, "before", 100);
      const controller = await openController(plane, { access });
      await withControllers(context, [controller], async () => {
        await createMany(plane, "after", 50);
        await allHaveOne(plane, 30_000);
        const refused = plane.audit().filter(({ user, code }) => user === access.user && code === 429);
        assert.ok(refused.length > 0, "the API server has refused nothing");
      });
    }),
  );
});

describe("controllers", () => {
  const inCluster = sharedControlPlane();
  let known: Access | undefined;

  const prepare = async (plane: ControlPlane): Promise<Access> => {
    known ??= await install(plane);
    await plane.apply(pool("lan", ["10.64.0.0/16"]));
    return known;
  };

  it(
    "whose connections are cut again and again give what they are asked for",
    inCluster(async (plane, context) => {
      const access = await prepare(plane);
      const door = await openDoor(Number(new URL(plane.url).port));
      context.after(() => door.close());
      const kubeconfig = `${access.kubeconfig}.door`;
      const text = readFileSync(access.kubeconfig, "utf8");
      writeFileSync(kubeconfig, text.replace(plane.url, `https://127.0.0.1:${door.port}`));
      const controller = await openController(plane, { identity: "cut", access: { ...access, kubeconfig } });
      await withControllers(context, [controller], async () => {
        for (let round = 0; round < 8; round += 1) {
          const made = createMany(plane, `cut-${round}`, 10);
          await pause(100 + round * 40);
          door.shut();
          door.open();
          await made;
        }
        await allHaveOne(plane, 30_000);
      });
    }),
  );

  it(
    "whose clocks are set while they run go on, with the same leader and the same addresses",
    inCluster(async (plane, context) => {
      const access = await prepare(plane);
      const clock = join(plane.folder, "clock");
      writeFileSync(clock, "+0\n");
      const all = await Promise.all(
        ["set-0", "set-1"].map((identity) => openController(plane, { identity, access, clock })),
      );
      await withControllers(context, all, async () => {
        const leader = await leaderOf(all);
        for (const step of [7_200, -7_200]) {
          const before = await addressesByName(plane.admin);
          writeFileSync(clock, `${step < 0 ? step : `+${step}`}\n`);
          await eventually(`a Lease renewed ${step} s away`, 10_000, async () => {
            const away = (await renewedAt(plane)) - Date.now();
            return Math.abs(away - step * 1_000) < 60_000 ? true : undefined;
          });
          const name = step < 0 ? "after-step-back" : "after-step-ahead";
          await createService(plane.admin, { name });
          await allocated(plane, name, { withinMs: 5_000 });
          await pause(LEASE_SECONDS * 1_000);
          assert.equal((await leader.status()).leadership.state, "leading");
          const now = await addressesByName(plane.admin);
          for (const [other, addresses] of before) assert.deepEqual(now.get(other), addresses, other);
        }
        for (const each of all) assert.doesNotMatch(each.log(), /leadership.*lost|lost its lease/i);
        await allHaveOne(plane, 10_000);
      });
    }),
  );

  it(
    "whose clocks are hours apart have one leader, who stays until it dies",
    inCluster(async (plane, context) => {
      const access = await prepare(plane);
      const all = await Promise.all(
        ["+0", "+3600", "+7200"].map((clock, index) =>
          openController(plane, { identity: `clock-${index}`, access, clock }),
        ),
      );
      await withControllers(context, all, async () => {
        const leader = await leaderOf(all);
        const limit = performance.now() + LEASE_SECONDS * 1_500;
        while (performance.now() < limit) {
          const states = await Promise.all(
            all.map(async (each) => `${each.identity} ${(await each.status()).leadership.state}`),
          );
          assert.deepEqual(
            states.filter((state) => state.endsWith(" leading")),
            [`${leader.identity} leading`],
          );
          await pause(200);
        }
        await leader.stop("SIGKILL");
        await createService(plane.admin, { name: "after-clocks" });
        await allocated(plane, "after-clocks", { withinMs: (LEASE_SECONDS + 10) * 1_000 });
        await plane.admin.delete(servicePath("default", "after-clocks"));
        await allHaveOne(plane, 10_000);
      });
    }),
  );
});
