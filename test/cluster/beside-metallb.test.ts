/**
 * That who runs MetalLB can try ours beside it, change over, and go back: with MetalLB's own controller, on its own definitions.
 *
 * Each test goes on where the one before it has ended.
 */
import assert from "node:assert/strict";
import { after, describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Access, createNamespace } from "./access.ts";
import type { KubeObject } from "./api.ts";
import { isWrite, tally } from "./audit.ts";
import { type ControlPlane, sharedControlPlane } from "./bed.ts";
import {
  type Controller,
  install,
  leaderOf,
  NAMESPACE,
  openController,
  ourDefinitions,
  pool,
} from "./controller.ts";
import { eventually } from "./eventually.ts";
import { type Metallb, metallbDefinitions, openMetallb } from "./metallb.ts";
import {
  addressesOf,
  allocated,
  conditionOf,
  createService,
  readService,
  type ServiceCondition,
  type ServiceObject,
  type ServiceWish,
} from "./services.ts";

const inCluster = sharedControlPlane({ families: "ipv4+ipv6" });

const POOLS = [
  pool("lan", ["192.0.2.0/26", "2001:db8::/120"], { avoidBuggyIPs: true }),
  pool("named", ["198.51.100.0/24", "2001:db8:1::/64"], { autoAssign: false }),
  pool("edges", ["198.18.0.254-198.18.1.1"], { autoAssign: false, avoidBuggyIPs: true }),
  pool("team", ["203.0.113.0/28"], { serviceAllocation: { priority: 10, namespaces: ["team"] } }),
];

const annotated = (
  name: string,
  annotations: Readonly<Record<string, string>>,
  more: Omit<ServiceWish, "name" | "annotations"> = {},
): ServiceWish => ({ name, annotations, ...more });

const SHARING = { spec: { externalTrafficPolicy: "Cluster" } };
const DUAL = { spec: { ipFamilyPolicy: "RequireDualStack" } };

/** Every way of asking for an address; in the order in which they are made. */
const SERVED: readonly ServiceWish[] = [
  { name: "plain" },
  annotated("pool", { "metallb.io/address-pool": "named" }),
  annotated("pool-older-prefix", { "metallb.universe.tf/address-pool": "named" }),
  annotated("address", { "metallb.io/loadBalancerIPs": "192.0.2.9" }),
  annotated("address-older-prefix", { "metallb.universe.tf/loadBalancerIPs": "198.51.100.77" }),
  { name: "address-in-spec", spec: { loadBalancerIP: "198.51.100.80" } },
  annotated("address-and-pool", {
    ...{ "metallb.io/loadBalancerIPs": "198.51.100.90", "metallb.io/address-pool": "named" },
  }),
  annotated(
    "shared-1",
    { "metallb.io/allow-shared-ip": "web", "metallb.io/loadBalancerIPs": "192.0.2.20" },
    SHARING,
  ),
  annotated(
    "shared-2",
    { "metallb.universe.tf/allow-shared-ip": "web", "metallb.io/loadBalancerIPs": "192.0.2.20" },
    { port: 443, ...SHARING },
  ),
  annotated(
    "shared-3",
    { "metallb.io/allow-shared-ip": "web", "metallb.io/loadBalancerIPs": "192.0.2.20" },
    { port: 8_080, ...SHARING },
  ),
  { name: "dual-required", ...DUAL },
  { name: "dual-preferred", spec: { ipFamilyPolicy: "PreferDualStack" } },
  annotated("dual-addresses", { "metallb.io/loadBalancerIPs": "2001:db8::30,192.0.2.30" }, DUAL),
  annotated("dual-pool", { "metallb.io/address-pool": "named" }, DUAL),
  { name: "six", spec: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv6"] } },
  { name: "local", spec: { externalTrafficPolicy: "Local" } },
  annotated("edge-1", { "metallb.io/address-pool": "edges" }),
  annotated("edge-2", { "metallb.io/address-pool": "edges" }),
  { name: "team", namespace: "team" },
];

/** What MetalLB refuses, and ours must refuse too. */
const WAITING: readonly ServiceWish[] = [
  annotated("edge-full", { "metallb.io/address-pool": "edges" }),
  annotated("no-such-pool", { "metallb.io/address-pool": "wan" }),
  annotated("outside", { "metallb.io/loadBalancerIPs": "10.99.0.1" }),
  annotated(
    "both-ways",
    { "metallb.io/loadBalancerIPs": "192.0.2.40" },
    { spec: { loadBalancerIP: "192.0.2.40" } },
  ),
  annotated("other-family", { "metallb.io/loadBalancerIPs": "2001:db8::40" }),
  annotated("held", { "metallb.io/loadBalancerIPs": "192.0.2.9" }),
];

type Programs = {
  readonly metallb: Metallb;
  readonly shadow: Controller;
  readonly ours: Controller;
  readonly access: Access;
  readonly shadowAccess: Access;
};

let programs: Programs | undefined;

const openPrograms = async (plane: ControlPlane): Promise<Programs> => {
  for (const definition of metallbDefinitions()) await plane.apply(definition);
  const access = await install(plane, { definitions: false });
  const metallb = await openMetallb(plane);
  const verbs = ["get", "list", "watch"];
  const shadowAccess = await plane.access({ type: "user", name: "shadow" }, [
    { rules: [{ apiGroups: [""], resources: ["services", "namespaces", "nodes"], verbs }] },
    {
      namespace: NAMESPACE,
      rules: [{ apiGroups: ["metallb.io", "steelyard.dev"], resources: ["*"], verbs }],
    },
  ]);
  const shadow = await openController(plane, {
    ...{ identity: "shadow", access: shadowAccess, args: ["--shadow"] },
  });
  const ours = await openController(plane, { access, args: ["--metallb-metrics"] });
  return { metallb, shadow, ours, access, shadowAccess };
};

after(() => {
  programs?.access.api.close();
  programs?.shadowAccess.api.close();
});

const withPrograms = (
  test: (plane: ControlPlane, running: Programs, context: TestContext) => Promise<void>,
): ReturnType<typeof inCluster> =>
  inCluster(async (plane, context) => {
    programs ??= await openPrograms(plane);
    try {
      await test(plane, programs, context);
    } catch (error) {
      const { metallb, shadow, ours } = programs;
      for (const [name, program] of Object.entries({ metallb, shadow, ours }))
        context.diagnostic(`${name}:\n${program.lastWords(30)}`);
      throw error;
    }
  });

/** MetalLB v0.16.1 has this metric and never gives it a value; ours does. */
const NEVER_SET = "metallb_allocator_services_allocated_total";

/** What both tell of pools and of their configuration, with labels and values, sorted. */
const toldOf = (metrics: string): readonly string[] =>
  metrics
    .split("\n")
    .filter((line) => /^metallb_(?:allocator_|k8s_client_config_)/.test(line) && !line.startsWith(NEVER_SET))
    .map((line) => {
      const [name, value] = line.split(" ");
      return `${name} ${Number(value)}`;
    })
    .sort();

/** What MetalLB's controller said of itself before ours took over. */
let toldByMetallb: readonly string[] = [];

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;

const all = async ({ admin }: ControlPlane): Promise<readonly ServiceObject[]> => {
  const { items } = await admin.get<{ items: readonly ServiceObject[] }>("/api/v1/services");
  return items.filter(({ spec }) => spec.type === "LoadBalancer");
};

/** The addresses of all Services, by name. */
const held = async (plane: ControlPlane): Promise<Readonly<Record<string, readonly string[]>>> =>
  Object.fromEntries((await all(plane)).map((service) => [keyOf(service), addressesOf(service)]));

/** The condition by which ours says what it has decided, once it has. */
const judged = (plane: ControlPlane, { name, namespace }: ServiceWish): Promise<ServiceCondition> =>
  eventually(`a condition of ${name}`, 10_000, async () =>
    conditionOf(await readService(plane.admin, name, namespace), "steelyard.dev/Allocated"),
  );

/** Tells of every version of a Service that has another ingress than the one before, until it is closed. */
const watchMoves = async ({ admin }: ControlPlane): Promise<{ moves: readonly string[]; close(): void }> => {
  const known = new Map<string, string>();
  const moves: string[] = [];
  const watch = await admin.watch("/api/v1/services?watch=true", ({ object }) => {
    const key = keyOf(object);
    const ingress = JSON.stringify((object as ServiceObject).status.loadBalancer);
    const before = known.get(key);
    if (before !== undefined && before !== ingress) moves.push(`${key}: ${before} to ${ingress}`);
    known.set(key, ingress);
  });
  return { moves, close: () => watch.close() };
};

/** Writes of a status that say anything about addresses. */
const writesOfAddresses = (plane: ControlPlane, user: string, mark: number): readonly string[] =>
  plane
    .audit()
    .slice(mark)
    .filter((entry) => entry.user === user && entry.resource === "services/status")
    .filter(({ body }) => JSON.stringify(body ?? {}).includes('"loadBalancer"'))
    .map(({ namespace, name }) => `${namespace}/${name}`);

type Table = {
  readonly columnDefinitions: readonly Readonly<Record<string, unknown>>[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
};

const METALLB = "metallb.io/v1beta1";
const PEER = {
  myASN: 64_500,
  peerASN: 64_501,
  peerAddress: "192.0.2.1",
  bfdProfile: "fast",
  ebgpMultiHop: true,
};

/** Something of every kind for `kubectl get` to show, besides pools. */
const SHOWN: readonly (readonly [kind: string, spec: unknown, apiVersion?: string])[] = [
  ["BFDProfile", { receiveInterval: 300, transmitInterval: 200, detectMultiplier: 3, passiveMode: true }],
  ["BGPPeer", PEER, "metallb.io/v1beta2"],
  ["BGPAdvertisement", { ipAddressPools: ["lan"], peers: ["shown"] }],
  [
    "L2Advertisement",
    { ipAddressPools: ["lan"], interfaces: ["eth0"], nodeSelectors: [{ matchLabels: { a: "b" } }] },
  ],
  ["Community", { communities: [{ name: "no-export", value: "65535:65281" }] }],
];

const KINDS: readonly string[] = [
  ...["metallb.io/v1beta1/ipaddresspools", "metallb.io/v1beta1/bfdprofiles", "metallb.io/v1beta1/bgppeers"],
  ...[
    "metallb.io/v1beta2/bgppeers",
    "metallb.io/v1beta1/bgpadvertisements",
    "metallb.io/v1beta1/l2advertisements",
  ],
  ...["metallb.io/v1beta1/communities", "metallb.io/v1beta1/servicel2statuses"],
  ...["metallb.io/v1beta1/servicebgpstatuses", "metallb.io/v1beta1/configurationstates"],
];

/** What `kubectl get` and `kubectl get -o wide` print, by kind; ages are left out. */
const shownBy = async ({ admin }: ControlPlane): Promise<Readonly<Record<string, unknown>>> => {
  const shown: Record<string, unknown> = {};
  for (const kind of KINDS) {
    const [group, version, plural] = kind.split("/");
    const path = `/apis/${group}/${version}/namespaces/${NAMESPACE}/${plural}`;
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const table = await eventually(`a table of ${kind}`, 10_000, async () => {
      const { status, body } = await admin.request("GET", path, { accept });
      return status === 200 ? (body as Table) : undefined;
    });
    const columns = table.columnDefinitions.map(({ name, type, priority }) => ({ name, type, priority }));
    const kept = columns.map(({ name }) => name !== "Age");
    shown[kind] = { columns, rows: table.rows.map(({ cells }) => cells.filter((_, index) => kept[index])) };
  }
  return shown;
};

describe("beside MetalLB's own controller", () => {
  it(
    "a shadow finds no difference in what it gave to Services of every kind, and writes nothing",
    withPrograms(async (plane, { metallb, shadow, shadowAccess }) => {
      await createNamespace(plane.admin, "team");
      for (const each of POOLS) await plane.apply(each);
      await metallb.start();
      for (const wish of SERVED) {
        await createService(plane.admin, wish);
        await allocated(plane, wish.name, { ...wish, withinMs: 20_000 });
      }
      for (const wish of WAITING) await createService(plane.admin, wish);
      await pause(1_000);
      await shadow.start();
      await eventually("a shadow that knows everything", 10_000, async () =>
        (await shadow.status()).isSynced ? true : undefined,
      );
      await pause(2_000);
      toldByMetallb = toldOf(await metallb.metrics());
      const { differences, services } = await shadow.status();
      assert.deepEqual(differences, []);
      assert.deepEqual([services.allocated, services.pending], [SERVED.length, WAITING.length]);
      const asked = plane.audit().filter(({ user }) => user === shadowAccess.user);
      assert.ok(asked.length > 0);
      assert.deepEqual([...tally(asked.filter(isWrite))], []);
    }),
  );

  it(
    "ours takes over after MetalLB's has ended: no address changes, none is written, and metrics by its names go on",
    withPrograms(async (plane, { metallb, shadow, ours, access }) => {
      const before = await held(plane);
      const watch = await watchMoves(plane);
      await Promise.all([metallb.stop("SIGTERM"), shadow.stop("SIGTERM")]);
      const mark = plane.audit().length;
      await ours.start();
      await leaderOf([ours]);
      for (const wish of [...SERVED, ...WAITING]) await judged(plane, wish);
      await pause(1_000);
      assert.deepEqual(watch.moves, []);
      watch.close();
      assert.deepEqual(writesOfAddresses(plane, access.user, mark), []);
      assert.deepEqual(await held(plane), before);
      for (const wish of WAITING) assert.equal((await judged(plane, wish)).status, "False", wish.name);
      assert.equal(toldByMetallb.length, 6 * POOLS.length + 2, "six figures of each pool");
      assert.deepEqual(toldOf((await ours.page("/metrics")).text), toldByMetallb);
      await createService(plane.admin, { name: "given-by-ours" });
      await allocated(plane, "given-by-ours");
      assert.deepEqual(writesOfAddresses(plane, access.user, mark), ["default/given-by-ours"]);
    }),
  );

  it(
    "MetalLB's takes over again after ours has ended: no address changes, although it writes them all again",
    withPrograms(async (plane, { metallb, ours }) => {
      const before = await held(plane);
      const watch = await watchMoves(plane);
      await ours.stop("SIGTERM");
      await metallb.start();
      await createService(plane.admin, { name: "given-by-metallb" });
      await allocated(plane, "given-by-metallb", { withinMs: 20_000 });
      await pause(1_000);
      assert.deepEqual(
        watch.moves.filter((move) => !move.startsWith("default/given-by-metallb:")),
        [],
      );
      watch.close();
      const { "default/given-by-metallb": given = [], ...others } = await held(plane);
      assert.equal(given.length, 1);
      assert.deepEqual(others, before);
      await metallb.stop("SIGTERM");
    }),
  );

  it(
    "our definitions applied over MetalLB's show the same columns, and what was stored goes on in force",
    withPrograms(async (plane, { ours }) => {
      for (const [kind, spec, apiVersion = METALLB] of SHOWN)
        await plane.apply(
          JSON.stringify({ apiVersion, kind, metadata: { name: "shown", namespace: NAMESPACE }, spec }),
        );
      const before = await shownBy(plane);
      const addresses = await held(plane);
      for (const definition of ourDefinitions()) await plane.apply(definition);
      assert.deepEqual(await shownBy(plane), before);
      const watch = await watchMoves(plane);
      await ours.start();
      await leaderOf([ours]);
      await createService(plane.admin, { name: "given-by-our-definitions" });
      await allocated(plane, "given-by-our-definitions");
      const { "default/given-by-our-definitions": _, ...others } = await held(plane);
      assert.deepEqual(others, addresses);
      assert.deepEqual((await ours.status()).refused, []);
      watch.close();
    }),
  );
});
