/** That the rights in our manifests are the ones that a controller needs: none is missing, none is more. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Access } from "./access.ts";
import type { AuditEntry } from "./audit.ts";
import { type ControlPlane, sharedControlPlane, startControlPlane } from "./bed.ts";
import { install, leaderOf, NAMESPACE, openController, pool } from "./controller.ts";
import { eventually } from "./eventually.ts";
import { grantedTo, isUse, showRight } from "./rights.ts";
import { allocated, conditionOf, createService, readService, servicePath } from "./services.ts";

const inCluster = sharedControlPlane();

/** Waits until a Service has been refused an address for something with this in it. */
const refusedFor = (plane: ControlPlane, name: string, what: string): Promise<unknown> =>
  eventually(`a refusal for ${what}`, 10_000, async () => {
    const { message = "" } =
      conditionOf(await readService(plane.admin, name), "steelyard.dev/Allocated") ?? {};
    return message.includes(what) ? true : undefined;
  });

/** Asks for addresses that no pool has; the first again after the second, so that its Event is counted up. */
const askInVain = async (plane: ControlPlane): Promise<void> => {
  const ask = (address: string): Promise<unknown> =>
    plane.admin.patch(servicePath("default", "in-vain"), {
      metadata: { annotations: { "metallb.io/loadBalancerIPs": address } },
    });
  await createService(plane.admin, { name: "in-vain" });
  for (const address of ["198.51.100.1", "198.51.100.2", "198.51.100.1"]) {
    await ask(address);
    await refusedFor(plane, "in-vain", address);
  }
};

/** Makes two controllers do everything that they do; gives what they said. */
const liveAFullLife = async (plane: ControlPlane, access: Access): Promise<readonly string[]> => {
  const { admin } = plane;
  const all = await Promise.all(
    ["c1", "c2"].map((identity) => openController(plane, { identity, access, webhook: true })),
  );
  plane.webhookWay.leadTo(all[0]?.webhookPort);
  await Promise.all(all.map((each) => each.start()));
  await createService(admin, { name: "no-pool-yet" });
  await eventually("a webhook that answers", 20_000, () =>
    plane.apply(pool("lan", ["192.0.2.0/24"])).then(
      () => true,
      () => undefined,
    ),
  );
  await allocated(plane, "no-pool-yet");
  await askInVain(plane);
  const at = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/ipaddresspools/lan`;
  await eventually("the counts of a pool", 10_000, async () => (await admin.get(at)).status);
  await admin.patch(servicePath("default", "no-pool-yet"), {
    spec: { type: "ClusterIP", allocateLoadBalancerNodePorts: null },
  });
  const leader = await leaderOf(all);
  await leader.stop("SIGTERM");
  await leaderOf(all.filter((each) => each !== leader));
  await pause(1_000);
  await Promise.all(all.map((each) => each.stop("SIGTERM")));
  // Somebody has broken the certificate: the next start mends it.
  const secret = `/api/v1/namespaces/${NAMESPACE}/secrets/steelyard-webhook-cert`;
  const broken = await admin.patch(secret, { data: { "tls.crt": "" } });
  await leader.start();
  await eventually("a certificate again", 20_000, async () =>
    (await admin.get(secret)).metadata.resourceVersion === broken.metadata.resourceVersion ? undefined : true,
  );
  await leader.stop("SIGTERM");
  return all.map((each) => each.log());
};

/** Lets one controller read a cluster whose API server knows no lists as streams. */
const liveWithPages = async (): Promise<readonly AuditEntry[]> => {
  const plane = await startControlPlane({ flags: ["--feature-gates=WatchList=false"] });
  try {
    const access = await install(plane);
    const controller = await openController(plane, { access });
    await controller.start();
    await plane.apply(pool("lan", ["192.0.2.0/24"]));
    await createService(plane.admin, { name: "first" });
    await allocated(plane, "first");
    return plane.audit().filter(({ user }) => user === access.user);
  } finally {
    await plane.close();
  }
};

describe("the rights in our manifests", () => {
  it(
    "are all that a controller asks for, and it asks for all of them",
    inCluster(async (plane) => {
      const access = await install(plane, { webhook: true });
      const logs = await liveAFullLife(plane, access);
      const pages = await liveWithPages();
      const mine = [...plane.audit().filter(({ user }) => user === access.user), ...pages];
      for (const log of logs) assert.doesNotMatch(log, /forbidden/i);
      const denied = mine.filter(({ code }) => code === 401 || code === 403);
      assert.deepEqual(
        denied.map(({ verb, path }) => `${verb} ${path}`),
        [],
      );
      const granted = await grantedTo(plane, "steelyard-controller");
      const unused = granted.filter((right) => !mine.some((entry) => isUse(right, entry)));
      assert.deepEqual(unused.map(showRight), []);
    }),
  );
});
