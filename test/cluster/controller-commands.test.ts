/** That `steelyard plan` and `steelyard explain` say of a real cluster, and of a dump of it, what the controller then does. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { stringify } from "yaml";
import type { Api, KubeObject } from "./api.ts";
import { type ControlPlane, sharedControlPlane } from "./bed.ts";
import { type Controller, install, leaderOf, NAMESPACE, openController, pool } from "./controller.ts";
import { eventually } from "./eventually.ts";
import {
  addressesByName,
  addressesOf,
  conditionOf,
  createService,
  readService,
  type ServiceWish,
} from "./services.ts";

const inCluster = sharedControlPlane({ families: "ipv4+ipv6" });

const PROGRAM = join(import.meta.dirname, "../../dist/main.js");

const POOLS = [
  pool("lan", ["192.0.2.0/28", "2001:db8::/124"]),
  pool("named", ["198.51.100.0/24"], { autoAssign: false }),
  pool("single", ["203.0.113.1/32"], { autoAssign: false }),
];

const asking = (name: string, address: string, more: Omit<ServiceWish, "name"> = {}): ServiceWish => ({
  ...more,
  name,
  annotations: { "metallb.io/loadBalancerIPs": address, ...more.annotations },
});
const drawing = (name: string, from: string): ServiceWish => ({
  name,
  annotations: { "metallb.io/address-pool": from },
});
const sharing = { "metallb.io/allow-shared-ip": "key" };

const SERVED: readonly ServiceWish[] = [
  { name: "plain-1" },
  { name: "plain-2" },
  asking("asks", "192.0.2.1"),
  { name: "both", spec: { ipFamilyPolicy: "RequireDualStack" } },
  drawing("draws", "named"),
  drawing("single-1", "single"),
  asking("shares-1", "192.0.2.9", { annotations: sharing }),
  asking("shares-2", "192.0.2.9", { annotations: sharing, port: 443 }),
];

/** Refusals, by the reason in the condition and in the explanation. */
const REFUSED: Readonly<Record<string, readonly [reason: string, wish: ServiceWish]>> = {
  "asked-twice": ["AskedTwice", asking("both-ways", "192.0.2.8", { spec: { loadBalancerIP: "192.0.2.8" } })],
  "address-outside-pools": ["AddressOutsidePools", asking("outside", "10.99.0.1")],
  "families-differ": ["FamiliesDiffer", asking("other-family", "2001:db8::8")],
  "pool-exhausted": ["PoolExhausted", drawing("single-2", "single")],
  "pool-unknown": ["PoolUnknown", drawing("nowhere", "wan")],
  "not-an-address": ["NotAnAddress", asking("nonsense", "192.0.2.300")],
};

/** Runs the program as its users do; gives what it printed as JSON. Never blocks: the way to etcd leads through here. */
const run = (
  args: readonly string[],
): Promise<{ readonly status: number | null; readonly answer: unknown }> =>
  new Promise((resolve, reject) => {
    const command = [PROGRAM, ...args, "--json"];
    const child = execFile(process.execPath, command, { timeout: 60_000 }, (_, stdout, stderr) => {
      if (stderr === "") resolve({ status: child.exitCode, answer: JSON.parse(stdout) });
      else reject(new Error(stderr));
    });
  });

/** What `kubectl get KIND --all-namespaces --output yaml` prints: items that say what they are. */
const dumpKind = async (admin: Api, path: string, kind: string): Promise<string> => {
  const { items } = await admin.get<{ items: readonly KubeObject[] }>(path);
  const apiVersion = path.startsWith("/api/") ? "v1" : (path.split("/").slice(2, 4).join("/") ?? "");
  return stringify({
    apiVersion: "v1",
    kind: "List",
    items: items.map((item) => ({ ...item, apiVersion, kind })),
  });
};

let dumps = 0;

/** A folder with all that decides about addresses, as the page on plans says. */
const dump = async ({ admin, folder }: ControlPlane): Promise<string> => {
  dumps += 1;
  const state = join(folder, `state-${dumps}`);
  mkdirSync(state);
  const files: readonly (readonly [path: string, kind: string])[] = [
    ["/api/v1/services", "Service"],
    ["/api/v1/namespaces", "Namespace"],
    ["/apis/metallb.io/v1beta1/ipaddresspools", "IPAddressPool"],
  ];
  for (const [path, kind] of files)
    writeFileSync(join(state, `${kind.toLowerCase()}.yaml`), await dumpKind(admin, path, kind));
  return state;
};

type Plan = {
  readonly moves: readonly {
    readonly service: string;
    readonly change: string;
    readonly after: readonly string[];
  }[];
  readonly pending: readonly { readonly service: string; readonly reason: string }[];
  readonly unchanged: number;
};
type Explained = {
  readonly status: readonly string[];
  readonly decision: {
    readonly outcome: string;
    readonly addresses?: readonly string[];
    readonly refusal?: { readonly reason: string };
  };
  readonly text: readonly string[];
};

/** The addresses of all LoadBalancers in the cluster, without those that have none. */
const given = async ({ admin }: ControlPlane): Promise<Readonly<Record<string, readonly string[]>>> => {
  const held = [...(await addressesByName(admin))].filter(([, addresses]) => addresses.length > 0);
  return Object.fromEntries(held.map(([name, addresses]) => [`default/${name}`, addresses]));
};

let controller: Controller | undefined;

describe("the commands for people", () => {
  it(
    "plan what a controller then does, on a dump of a cluster where nobody has given an address yet",
    inCluster(async (plane) => {
      const access = await install(plane);
      for (const each of POOLS) await plane.apply(each);
      const wishes = [...SERVED, ...Object.values(REFUSED).map(([, wish]) => wish)];
      for (const wish of wishes) await createService(plane.admin, wish);
      const state = await dump(plane);
      const { status, answer } = await run(["plan", "--state", state]);
      assert.equal(status, 0);
      const { moves, pending } = answer as Plan;
      assert.deepEqual(new Set(moves.map(({ change }) => change)), new Set(["gets"]));
      controller = await openController(plane, { access });
      await controller.start();
      await leaderOf([controller]);
      for (const { name } of wishes)
        await eventually(`a condition of ${name}`, 10_000, async () =>
          conditionOf(await readService(plane.admin, name), "steelyard.dev/Allocated"),
        );
      const planned = Object.fromEntries(moves.map(({ service, after }) => [service, after]));
      assert.deepEqual(planned, await given(plane));
      assert.equal(moves.length, SERVED.length);
      assert.deepEqual(
        pending.map(({ service, reason }) => `${service} ${reason}`).sort(),
        Object.entries(REFUSED)
          .map(([reason, [, { name }]]) => `default/${name} ${reason}`)
          .sort(),
      );
    }),
  );

  it(
    "find nothing to change in a dump of a cluster at rest, and explain each address in it",
    inCluster(async (plane) => {
      const state = await dump(plane);
      const { status, answer } = await run(["plan", "--state", state]);
      const { moves, unchanged } = answer as Plan;
      assert.deepEqual([status, moves, unchanged], [0, [], SERVED.length]);
      for (const [service, addresses] of Object.entries(await given(plane))) {
        const { answer } = await run(["explain", "service", service, "--state", state]);
        const explained = answer as Explained;
        assert.deepEqual([explained.status, explained.decision.addresses], [addresses, addresses], service);
      }
    }),
  );

  it(
    "explain an address and each refusal from the API server, with rights to read alone, as the Service itself does",
    inCluster(async (plane) => {
      const verbs = ["list"];
      const reader = await plane.access({ type: "user", name: "reader" }, [
        {
          rules: [
            { apiGroups: [""], resources: ["services", "namespaces", "nodes"], verbs },
            { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs },
          ],
        },
        {
          namespace: NAMESPACE,
          rules: [
            { apiGroups: ["metallb.io", "steelyard.dev"], resources: ["*"], verbs },
            { apiGroups: [""], resources: ["pods"], verbs },
          ],
        },
      ]);
      reader.api.close();
      const explain = async (name: string): Promise<Explained> => {
        const { status, answer } = await run(["explain", "service", name, "--kubeconfig", reader.kubeconfig]);
        assert.equal(status, 0);
        return answer as Explained;
      };
      const { decision } = await explain("both");
      assert.deepEqual(decision.addresses, addressesOf(await readService(plane.admin, "both")));
      for (const [reason, [word, { name }]] of Object.entries(REFUSED)) {
        const { decision, text } = await explain(name);
        assert.deepEqual([decision.outcome, decision.refusal?.reason], ["refused", reason], name);
        const condition = conditionOf(await readService(plane.admin, name), "steelyard.dev/Allocated");
        assert.deepEqual([condition?.status, condition?.reason], ["False", word]);
        assert.match(text[0] ?? "", new RegExp(`^default/${name} has no address: `));
        assert.ok(controller !== undefined);
        const told = (await controller.explain(`default/${name}`)) as Explained;
        assert.equal(told.decision.refusal?.reason, reason, "the controller itself says otherwise");
      }
      // A kind that the API server has just learned of is answered by 429 for a second, and asked for again.
      const refused = plane
        .audit()
        .filter(({ user, code }) => user === reader.user && code >= 400 && code !== 429);
      assert.deepEqual(refused, []);
    }),
  );
});
