/**
 * What speakers write into a real cluster, driven directly: under the rights that our manifests give them, on our definitions, beside the
 * real controller. Each test goes on where the one before it has ended.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual, promisify } from "node:util";
import { parseMac } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { millis } from "#base/time";
import { createPlacements, type Placements } from "#core/layer2/placements";
import { DEFAULT_RULES } from "#core/layer2/rules";
import type { Verdict } from "#core/reachability/machine";
import type { SpeakerEvent } from "#core/speaker/event";
import { LINKS_ANNOTATION, readReport } from "#core/speaker-report/report";
import { openCluster } from "#drivers/kubernetes/cluster";
import { findCredentials } from "#drivers/kubernetes/in-cluster";
import { systemTime } from "#drivers/kubernetes/time";
import { ClusterMirror } from "#roles/speaker/agent/mirror";
import { Writers } from "#roles/speaker/agent/writers/writers";
import { addressPool } from "#testing/services";
import { address } from "#testing/values";
import type { Access } from "./access.ts";
import type { KubeObject } from "./api.ts";
import { isWrite, tally } from "./audit.ts";
import { type ClusterTest, type ControlPlane, sharedControlPlane } from "./bed.ts";
import { install, NAMESPACE, openController, pool } from "./controller.ts";
import { eventually } from "./eventually.ts";
import { createSpeakerPod } from "./lab/speaker-pods.ts";
import { addressesOf, allocated, conditionOf, createService, readService, servicePath } from "./services.ts";

const PROGRAM = join(import.meta.dirname, "../../dist/main.js");
const ADDRESSES = ["192.0.2.0/28", "2001:db8::/120"] as const;
const NODES = ["n1", "n2", "n3"] as const;
const MAC = parseMac("02:00:5e:00:53:01") ?? assert.fail();
const REACHABLE: Verdict = { type: "reachable", mac: MAC, resolved: millis(1), connected: millis(2) };
const SILENT: Verdict = { type: "unreachable", obstacle: { type: "not-resolved" } };
const METALLB = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}`;
const CONFLICTS = `/apis/steelyard.dev/v1alpha1/namespaces/${NAMESPACE}/addressconflicts`;

type StatusObject = KubeObject & {
  readonly status?: { readonly node?: string; readonly serviceName?: string };
};

/** A speaker's agent without its wire: the test says what it holds. */
type Speaker = {
  readonly node: string;
  readonly placements: Placements;
  readonly writers: Writers;
  readonly told: readonly SpeakerEvent[];
  holds(...addresses: readonly string[]): void;
  /** Says what a node found out that asks for addresses of others. */
  finds(verdicts: Readonly<Record<string, Verdict>>): void;
  close(): Promise<void>;
};

const openSpeaker = (access: Access, node: string): Speaker => {
  const credentials = findCredentials({ kubeconfig: access.kubeconfig });
  assert.ok(credentials.ok, JSON.stringify(credentials));
  const cluster = openCluster(credentials.value);
  const placements = createPlacements({ lbClass: undefined, rules: DEFAULT_RULES });
  const every = { nodeSelectors: [], serviceSelectors: [], interfaces: undefined, preferredNodes: [] };
  placements.configure({
    pools: [addressPool("lan", ADDRESSES)],
    l2Advertisements: [{ ...every, name: "all", pools: new Set(["lan"]) }],
  });
  const told: SpeakerEvent[] = [];
  let isPlanned = false;
  const mirror: ClusterMirror = new ClusterMirror(cluster, {
    ...{ namespace: NAMESPACE, placements },
    listener: {
      changed: () => {
        if (isPlanned) return;
        isPlanned = true;
        setImmediate(() => {
          isPlanned = false;
          placements.settle();
          writers.changed();
        });
      },
      trouble: () => {},
    },
  });
  const writers = new Writers({
    ...{ cluster, clock: systemTime, mirror, placements, self: node, namespace: NAMESPACE },
    ...{ conflicts: "reported", probing: "on" },
    tell: (event) => void told.push(event),
  });
  return {
    ...{ node, placements, writers, told },
    holds: (...held) => writers.announced(new Map(held.map((each) => [address(each), ["eth0"]]))),
    finds: (verdicts) =>
      writers.verdicts(new Map(Object.entries(verdicts).map(([each, verdict]) => [address(each), verdict]))),
    close: async () => {
      await writers.close();
      mirror.close();
      cluster.close();
    },
  };
};

const createNode = async ({ admin }: ControlPlane, name: string, ip: string): Promise<void> => {
  await admin.create("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name } });
  await admin.patch(`/api/v1/nodes/${name}/status`, {
    status: {
      addresses: [{ type: "InternalIP", address: ip }],
      conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "" }],
    },
  });
};

/** A Service that is served somewhere. */
const serve = async (plane: ControlPlane, name: string, spec: Readonly<Record<string, unknown>> = {}) => {
  await createService(plane.admin, { name, spec });
  await plane.admin.create("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
    ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" },
    metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
    endpoints: [{ addresses: ["10.1.0.5"], nodeName: "n1", conditions: { ready: true } }],
    ports: [{ name: "web", port: 80, protocol: "TCP" }],
  });
  return addressesOf(await allocated(plane, name));
};

/** As distributions are that look at who says whom an object belongs to. */
const STRICT = "--enable-admission-plugins=OwnerReferencesPermissionEnforcement";

const inCluster = sharedControlPlane({ families: "ipv4+ipv6", flags: [STRICT] });
let speakers: ReadonlyMap<string, Speaker> | undefined;
let access: Access | undefined;

const startAll = async (plane: ControlPlane): Promise<ReadonlyMap<string, Speaker>> => {
  const controllerAccess = await install(plane);
  await plane.apply(pool("lan", ADDRESSES, { avoidBuggyIPs: true }));
  const controller = await openController(plane, { access: controllerAccess });
  await controller.start();
  for (const [index, name] of NODES.entries()) {
    await createNode(plane, name, `192.0.2.${200 + index}`);
    await createSpeakerPod(plane.admin, name);
  }
  const account = { type: "service-account", namespace: NAMESPACE, name: "steelyard-speaker" } as const;
  access = await plane.access(account, []);
  return new Map(NODES.map((name) => [name, openSpeaker(access ?? assert.fail(), name)]));
};

type Running = { readonly n1: Speaker; readonly n2: Speaker; readonly n3: Speaker };

/** A test with the speakers of this file, which the first one starts; unless it says otherwise, every write must succeed. */
const withSpeakers = (
  test: (plane: ControlPlane, running: Running) => Promise<void>,
  mayFail?: "writes-may-fail",
) => {
  const run: ClusterTest = async (plane) => {
    speakers ??= await startAll(plane);
    const [n1, n2, n3] = NODES.map((name) => speakers?.get(name) ?? assert.fail());
    if (n1 === undefined || n2 === undefined || n3 === undefined) assert.fail();
    const before = new Map([n1, n2, n3].map(({ node, told }) => [node, told.length]));
    await test(plane, { n1, n2, n3 });
    if (mayFail === "writes-may-fail") return;
    const failed = [n1, n2, n3].flatMap(({ node, told }) =>
      told.slice(before.get(node)).filter(({ type }) => type === "write-failed"),
    );
    assert.deepEqual(failed, []);
  };
  return inCluster(run);
};

after(async () => {
  for (const speaker of speakers?.values() ?? []) await speaker.close();
});

const statusesOf = async ({ admin }: ControlPlane, service: string): Promise<readonly StatusObject[]> => {
  const { items } = await admin.get<{ items: readonly StatusObject[] }>(`${METALLB}/servicel2statuses`);
  return items.filter(({ status }) => status?.serviceName === service);
};

/** Resolves when exactly these nodes say that they announce a Service. */
const announcing = (plane: ControlPlane, service: string, ...nodes: readonly string[]): Promise<true> =>
  eventually(`${service} announced from ${nodes.join(" and ") || "nowhere"}`, 10_000, async () => {
    const found = (await statusesOf(plane, service)).map(({ status }) => status?.node).sort();
    return found.join() === [...nodes].sort().join() ? true : undefined;
  });

/** Resolves with a condition once its message is like that. */
const says = (plane: ControlPlane, service: string, type: "Announced" | "Reachable", pattern: RegExp) =>
  eventually(`${type} of ${service} like ${pattern}`, 20_000, async () => {
    const condition = conditionOf(await readService(plane.admin, service), `steelyard.dev/${type}`);
    return condition !== undefined && pattern.test(condition.message) ? condition : undefined;
  });

const eventsAbout = async ({ admin }: ControlPlane, name: string): Promise<readonly string[]> => {
  const { items } = await admin.get<{
    items: readonly { reason: string; message: string; involvedObject: { name: string } }[];
  }>("/api/v1/namespaces/default/events");
  return items
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ reason, message }) => `${reason}: ${message}`);
};

/** Writes of the speakers' account since a mark, by verb and resource. */
const writesSince = (plane: ControlPlane, mark: number): ReadonlyMap<string, number> =>
  tally(
    plane
      .audit()
      .slice(mark)
      .filter((entry) => entry.user === access?.user && isWrite(entry)),
  );

let web: readonly string[] = [];

describe("speakers in a cluster", () => {
  it(
    "report their links in an object that they make, and leave what others write into it",
    withSpeakers(async (plane, { n1 }) => {
      const eth0 = {
        name: "eth0",
        mac: MAC,
        addresses: [parseInterfaceAddress("192.0.2.200/24") ?? assert.fail()],
      };
      n1.writers.links([eth0]);
      const path = `${METALLB}/configurationstates/speaker-n1`;
      const read = () =>
        eventually("the report of n1", 10_000, async () => {
          const { body, status } = await plane.admin.request("GET", path);
          return status === 200 ? readReport(body) : undefined;
        });
      assert.deepEqual((await read()).links, [eth0]);
      await plane.admin.patch(`${path}/status`, { status: { result: "Valid" } });
      n1.writers.links([eth0, { ...eth0, name: "eth1" }]);
      await eventually("two links", 10_000, async () =>
        (await read()).links.length === 2 ? true : undefined,
      );
      const object = await plane.admin.get<{ status: { result: string }; metadata: KubeObject["metadata"] }>(
        path,
      );
      assert.equal(object.status.result, "Valid");
      assert.ok(object.metadata.annotations?.[LINKS_ANNOTATION] !== undefined);
    }),
  );

  it(
    "let that object belong to their Node, so that it goes with it, and to no Node of the past",
    withSpeakers(async (plane) => {
      const path = `${METALLB}/configurationstates/speaker-n1`;
      const owners = async () => {
        const { metadata } = await plane.admin.get<KubeObject & { metadata: { ownerReferences?: unknown } }>(
          path,
        );
        return metadata.ownerReferences;
      };
      const node = await plane.admin.get<KubeObject & { metadata: { uid: string } }>("/api/v1/nodes/n1");
      const own = { apiVersion: "v1", kind: "Node", name: "n1", uid: node.metadata.uid };
      assert.deepEqual(await owners(), [own]);
      const past = { ...own, uid: "00000000-0000-4000-8000-000000000000" };
      for (const ownerReferences of [[past], null]) {
        await plane.admin.patch(path, { metadata: { ownerReferences } });
        await eventually("it belongs to the Node again", 20_000, async () =>
          isDeepStrictEqual(await owners(), [own]) ? true : undefined,
        );
      }
    }),
  );

  it(
    "say that nobody answers, once, while none of them does",
    withSpeakers(async (plane, { n1, n2, n3 }) => {
      for (const speaker of [n1, n2, n3]) speaker.holds();
      web = await serve(plane, "web", { ipFamilyPolicy: "RequireDualStack" });
      const mark = plane.audit().length;
      const condition = await says(plane, "web", "Announced", /^Nobody answers for 192\.0\.2\.1; nobody/);
      assert.deepEqual([condition.status, condition.reason], ["False", "NotHeld"]);
      await pause(2_000);
      assert.deepEqual([...writesSince(plane, mark)], [["patch services/status", 1]]);
    }),
  );

  it(
    "say who answers as MetalLB does, with the speaker's pod as the owner, in a condition and in an Event",
    withSpeakers(async (plane, { n1 }) => {
      n1.holds(...web);
      await announcing(plane, "web", "n1");
      const [object] = await statusesOf(plane, "web");
      const metadata = object?.metadata as KubeObject["metadata"] & {
        ownerReferences?: readonly { name: string }[];
      };
      assert.match(metadata.ownerReferences?.[0]?.name ?? "", /^steelyard-speaker-n1-/);
      assert.deepEqual(object?.status, {
        node: "n1",
        serviceName: "web",
        serviceNamespace: "default",
        interfaces: [],
      });
      const condition = await says(
        plane,
        "web",
        "Announced",
        /^Node n1 answers for 192\.0\.2\.1; node n1 answers for 2001:db8::/,
      );
      assert.equal(condition.status, "True");
      await eventually("the event", 10_000, async () =>
        (await eventsAbout(plane, "web")).includes(
          'nodeAssigned: announcing from node "n1" with protocol "layer2"',
        )
          ? true
          : undefined,
      );
    }),
  );

  it(
    "write holder's, prober's and controller's conditions at once, and none is lost",
    withSpeakers(async (plane, { n1, n2 }) => {
      const [v4 = "", v6 = ""] = web;
      n2.finds({ [v4]: SILENT, [v6]: REACHABLE });
      assert.equal((await says(plane, "web", "Reachable", /nobody answered/)).reason, "NotResolved");
      for (let turn = 0; turn < 4; turn += 1) {
        n2.finds({ [v4]: turn % 2 === 0 ? REACHABLE : SILENT, [v6]: REACHABLE });
        n1.holds(...(turn % 2 === 0 ? [v4] : web));
        await plane.admin.patch(servicePath("default", "web"), { metadata: { labels: { turn: `${turn}` } } });
        await pause(300);
      }
      n1.holds(...web);
      n2.finds({ [v4]: REACHABLE, [v6]: REACHABLE });
      await says(plane, "web", "Reachable", /^Node n2 got an answer from 192\.0\.2\.1; node n2 got/);
      await says(plane, "web", "Announced", /node n1 answers for 2001:db8::/);
      const { status } = await readService(plane.admin, "web");
      assert.deepEqual((status.conditions ?? []).map(({ type, status: is }) => `${type} ${is}`).sort(), [
        "steelyard.dev/Allocated True",
        "steelyard.dev/Announced True",
        "steelyard.dev/Reachable True",
      ]);
      const events = await eventsAbout(plane, "web");
      assert.ok(
        events.some((text) => text.startsWith("NotReachable: Node n2 asked")),
        events.join("\n"),
      );
    }),
  );

  it(
    "write nothing while nothing changes",
    withSpeakers(async (plane) => {
      await pause(12_000);
      const mark = plane.audit().length;
      await pause(6_000);
      assert.deepEqual([...writesSince(plane, mark)], []);
    }),
  );

  it(
    "hand over: the new holder removes what the old one said, and the old one does not contradict",
    withSpeakers(async (plane, { n1, n2, n3 }) => {
      n2.finds({});
      const mark = plane.audit().length;
      n3.holds(...web);
      await pause(100);
      n1.holds();
      await announcing(plane, "web", "n3");
      await says(plane, "web", "Announced", /^Node n3 answers/);
      await pause(3_000);
      await announcing(plane, "web", "n3");
      const counts = writesSince(plane, mark);
      assert.ok((counts.get("create servicel2statuses") ?? 0) <= 2, JSON.stringify([...counts]));
      assert.ok((counts.get("patch services/status") ?? 0) <= 3, JSON.stringify([...counts]));
    }),
  );

  it(
    "of which two each believe that they answer leave each other's objects, and one writes the condition",
    withSpeakers(async (plane, { n1, n3 }) => {
      n1.holds(...web);
      await announcing(plane, "web", "n1", "n3");
      await pause(15_000);
      const mark = plane.audit().length;
      await pause(5_000);
      assert.deepEqual([...writesSince(plane, mark)], []);
      n3.holds();
      await announcing(plane, "web", "n1");
      await says(plane, "web", "Announced", /^Node n1 answers/);
    }),
  );

  it(
    "write what is true then once the API server is back, and hand over meanwhile without it",
    withSpeakers(async (plane, { n1, n2 }) => {
      await plane.apiServer.stop("SIGTERM");
      n2.holds(...web);
      n1.holds();
      await pause(3_000);
      await plane.apiServer.start();
      await eventually("n2 alone", 60_000, async () => {
        const nodes = (await statusesOf(plane, "web")).map(({ status }) => status?.node);
        return nodes.join() === "n2" ? true : undefined;
      });
      await eventually("n2 in the condition", 60_000, async () => {
        const condition = conditionOf(await readService(plane.admin, "web"), "steelyard.dev/Announced");
        return condition?.message.startsWith("Node n2 answers") === true ? true : undefined;
      });
      assert.deepEqual(addressesOf(await readService(plane.admin, "web")), web, "the addresses stay");
    }, "writes-may-fail"),
  );

  it(
    "make the controller give another address for one that somebody else has already",
    withSpeakers(async (plane, running) => {
      const [before = ""] = await serve(plane, "late");
      // The first candidate is who finds out.
      const finder = await eventually("a candidate", 60_000, () =>
        Object.values(running).find(
          ({ placements, node }) => placements.candidates(address(before))[0] === node,
        ),
      );
      finder.writers.duplicates(new Map([[address(before), { mac: MAC, stage: "unused" }]]));
      const now = await eventually("another address", 10_000, async () => {
        const [found] = addressesOf(await readService(plane.admin, "late"));
        return found !== undefined && found !== before ? found : undefined;
      });
      assert.notEqual(now, before);
      const { items } = await plane.admin.get<{ items: readonly { spec: unknown }[] }>(CONFLICTS);
      assert.deepEqual(
        items.map(({ spec }) => spec),
        [{ address: before, mac: MAC, reportedBy: finder.node }],
      );
      const events = await eventually("an event", 5_000, async () => {
        const found = await eventsAbout(plane, "late");
        return found.some((text) => text.startsWith("DuplicateAddress")) ? found : undefined;
      });
      assert.match(events.join(), /02:00:5e:00:53:01/);
      // Who holds it after all has found nobody: the report goes.
      finder.writers.duplicates(new Map());
      finder.holds(...(finder.node === "n2" ? web : []), before);
      await eventually("no report", 10_000, async () => {
        const left = await plane.admin.get<{ items: readonly unknown[] }>(CONFLICTS);
        return left.items.length === 0 ? true : undefined;
      });
    }),
  );

  it(
    "are explained: who may answer, and who does",
    withSpeakers(async (plane) => {
      const metadata = { name: "all", namespace: NAMESPACE };
      await plane.apply(
        JSON.stringify({ apiVersion: "metallb.io/v1beta1", kind: "L2Advertisement", metadata }),
      );
      const rules = [{ apiGroups: ["*"], resources: ["*"], verbs: ["list"] }];
      const { kubeconfig, api } = await plane.access({ type: "user", name: "reader" }, [{ rules }]);
      api.close();
      const args = [
        "explain",
        "service",
        "default/web",
        "--namespace",
        NAMESPACE,
        "--kubeconfig",
        kubeconfig,
      ];
      const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args, "--json"]);
      const { answering, text } = JSON.parse(stdout) as {
        answering: {
          missing: readonly string[];
          holders: readonly { node: string }[];
          addresses: readonly { candidates: readonly { node: string }[] }[];
        };
        text: readonly string[];
      };
      assert.deepEqual(answering.missing, []);
      assert.deepEqual(
        answering.holders.map(({ node }) => node),
        ["n2"],
      );
      const [v4, v6] = answering.addresses.map(({ candidates }) => candidates.map(({ node }) => node));
      assert.deepEqual([...(v4 ?? [])].sort(), [...NODES]);
      assert.deepEqual(v6, v4, "both addresses go together");
      assert.ok(text.includes("Node n2 answers for it."), text.join("\n"));
    }),
  );

  it(
    "take back at their end what they do not hold any more",
    withSpeakers(async (plane, { n1, n2, n3 }) => {
      for (const speaker of [n1, n2, n3]) {
        speaker.holds();
        await speaker.writers.close();
      }
      await announcing(plane, "web");
    }),
  );
});
