/** That the rights in our manifests are the ones that a controller needs: none is missing, none is more. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Access, Rule } from "./access.ts";
import type { AuditEntry } from "./audit.ts";
import { type ControlPlane, sharedControlPlane } from "./bed.ts";
import { install, leaderOf, NAMESPACE, openController, pool } from "./controller.ts";
import { eventually } from "./eventually.ts";
import { allocated, createService, servicePath } from "./services.ts";

const inCluster = sharedControlPlane();

/** A right that is used only where a test here cannot bring it about; each with its reason. */
const UNUSED_HERE: ReadonlyMap<string, string> = new Map();

type Right = {
  readonly where: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
};

const show = ({ where, verb, group, resource }: Right): string =>
  `${verb} ${resource}${group === "" ? "" : `.${group}`} in ${where}`;

const rightsOf = (where: string, rules: readonly Rule[]): readonly Right[] =>
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => ({ where, verb, group, resource }))),
    ),
  );

type Role = {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules: readonly Rule[];
};

/** Every right that the API server knows for our account. */
const granted = async ({ admin }: ControlPlane): Promise<readonly Right[]> => {
  const group = "/apis/rbac.authorization.k8s.io/v1";
  const everywhere = await admin.get<{ items: readonly Role[] }>(`${group}/clusterroles`);
  const somewhere = await admin.get<{ items: readonly Role[] }>(`${group}/roles`);
  return [...everywhere.items, ...somewhere.items]
    .filter(({ metadata }) => metadata.name.startsWith("steelyard"))
    .flatMap(({ metadata, rules }) => rightsOf(metadata.namespace ?? "every namespace", rules));
};

const isUse = (right: Right, entry: AuditEntry): boolean =>
  entry.verb === right.verb &&
  entry.group === right.group &&
  entry.resource === right.resource &&
  (right.where === "every namespace" || right.where === entry.namespace);

/** Makes a controller do everything that it does. */
const liveAFullLife = async (plane: ControlPlane, access: Access): Promise<readonly string[]> => {
  const { admin } = plane;
  const all = await Promise.all(["c1", "c2"].map((identity) => openController(plane, { identity, access })));
  await Promise.all(all.map((each) => each.start()));
  await createService(admin, { name: "no-pool-yet" });
  await plane.apply(pool("lan", ["192.0.2.0/24"]));
  await allocated(plane, "no-pool-yet");
  await plane.apply(pool("overlapping", ["192.0.2.0/25"]));
  await pause(1_000);
  await admin.delete(`/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/ipaddresspools/overlapping`);
  await admin.patch(servicePath("default", "no-pool-yet"), {
    spec: { type: "ClusterIP", allocateLoadBalancerNodePorts: null },
  });
  for (const round of [1, 2, 3]) {
    // The same trouble twice: counted in the Event that is there.
    const annotations = { "metallb.io/loadBalancerIPs": "198.51.100.1" };
    await createService(admin, { name: "refused", annotations: { ...annotations, round: `${round}` } });
    await eventually("a refusal", 5_000, async () => {
      const { status } = await admin.get<{ status: { conditions?: unknown } }>(
        servicePath("default", "refused"),
      );
      return status.conditions;
    });
    await admin.delete(servicePath("default", "refused"));
  }
  const leader = await leaderOf(all);
  await leader.stop("SIGTERM");
  await leaderOf(all.filter((each) => each !== leader));
  await pause(1_000);
  await Promise.all(all.map((each) => each.stop("SIGTERM")));
  return all.map((each) => each.log());
};

describe("the rights in our manifests", () => {
  it(
    "are all that a controller asks for, and it asks for all of them",
    inCluster(async (plane, context) => {
      const access = await install(plane);
      const logs = await liveAFullLife(plane, access);
      await pause(100);
      const mine = plane.audit().filter(({ user }) => user === access.user);
      for (const log of logs) assert.doesNotMatch(log, /forbidden/i);
      const denied = mine.filter(({ code }) => code === 401 || code === 403);
      assert.deepEqual(
        denied.map(({ verb, path }) => `${verb} ${path}`),
        [],
      );
      const unused = (await granted(plane))
        .filter((right) => !mine.some((entry) => isUse(right, entry)))
        .map(show)
        .filter((right) => !UNUSED_HERE.has(right));
      context.diagnostic(`${mine.length} requests`);
      assert.deepEqual(unused, []);
    }),
  );
});
