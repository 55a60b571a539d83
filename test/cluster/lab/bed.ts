/**
 * A cluster in a lab: real etcd and kube-apiserver, nodes with the real kube-proxy, pods with real backends.
 *
 *     const inLab = sharedLabCluster({ nodes: 3 });
 *     it("...", inLab(async (cluster) => {
 *       await cluster.pods.start("web", "n1");
 *       await cluster.service({ name: "web", addresses: ["10.2.0.100"] });
 *       await cluster.node("n1").kill();
 *     }));
 *
 * `plan.ts` says where everything is. Everybody else that a cluster has, the bed plays: it writes Nodes and EndpointSlices,
 * and says that a node is not ready only when a test tells it to. There are no kubelets, no Pod objects, no node leases.
 */
import { join } from "node:path";
import { after, before, type TestContext } from "node:test";
import { type Lab, type LabHostHandle, openLab } from "#lab/index";
import type { Families } from "../api-server.ts";
import { findAssets } from "../assets.ts";
import { openFolder } from "../folders.ts";
import { type LabControlPlane, startLabControlPlane } from "./control-plane.ts";
import { type Endpoints, openEndpoints } from "./endpoints.ts";
import { openKubeProxy, type ProxyMode } from "./kube-proxy.ts";
import { createNode, type LabNode, openNode } from "./nodes.ts";
import { type Plan, type PlanOptions, planCluster } from "./plan.ts";
import { openPods, type Pods } from "./pods.ts";
import { createLabService, type LabService, type LabServiceOptions } from "./services.ts";

export type LabClusterOptions = PlanOptions & {
  /** Of Services and Nodes; default both, IPv4 first. */
  readonly families?: Families;
  /** Further flags of kube-apiserver. */
  readonly flags?: readonly string[];
  /** Default `nftables`; `iptables` needs its package, and xt modules. */
  readonly proxyMode?: ProxyMode;
  /** Milliseconds between two changes of kube-proxy's rules at least; default: its own, 1,000. */
  readonly minSyncMs?: number;
};

export type LabCluster = {
  readonly lab: Lab;
  readonly plane: LabControlPlane;
  /** Where that runs. */
  readonly control: LabHostHandle;
  readonly nodes: readonly LabNode[];
  readonly pods: Pods;
  /** On the LAN; behind the gateway; the gateway. */
  readonly client: LabHostHandle;
  readonly farClient: LabHostHandle;
  readonly gateway: LabHostHandle;
  /** A node by name. */
  node(name: string): LabNode;
  /** Makes a Service; resolves when every kube-proxy knows its addresses. */
  service(options: LabServiceOptions): Promise<LabService>;
  /** Resolves when these nodes, or all, send what comes for an address to its Service. */
  proxied(address: string, nodes?: readonly string[]): Promise<void>;
  /** Resolves when none of these nodes, or of all, does so any more. */
  unproxied(address: string, nodes?: readonly string[]): Promise<void>;
  /** The API server ends. Nodes, pods and traffic go on. */
  stopApi(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** It runs again, and learns what has become of the pods meanwhile. */
  startApi(): Promise<void>;
  /** What the programs of the cluster said last. */
  lastWords(): string;
  close(): Promise<void>;
};

const familiesOf = (families: Families): readonly ("IPv4" | "IPv6")[] =>
  families.split("+").map((family) => (family === "ipv4" ? "IPv4" : "IPv6"));

/** kube-proxy is known to every API server by this name, with the rights that it needs. */
const PROXY_USER = { type: "user", name: "system:kube-proxy" } as const;

const startNodes = async (
  lab: Lab,
  context: {
    readonly plan: ReturnType<typeof planCluster>;
    readonly plane: LabControlPlane;
    readonly pods: Pods;
    readonly families: readonly ("IPv4" | "IPv6")[];
    readonly assets: string;
    readonly mode: ProxyMode;
    readonly minSyncMs: number | undefined;
  },
): Promise<readonly LabNode[]> => {
  const { plan, plane, pods, families, assets, mode, minSyncMs } = context;
  const { admin, folder } = plane;
  const access = await plane.access(PROXY_USER, []);
  access.api.close();
  const { kubeconfig } = access;
  const program = join(assets, "kube-proxy");
  const nodes = plan.nodes.map((node) => {
    const proxy = openKubeProxy(lab.host(node.name), { program, folder, kubeconfig, mode, minSyncMs });
    return openNode(lab, node, { admin, pods, proxy });
  });
  await Promise.all(plan.nodes.map((node) => createNode(admin, node, families)));
  await Promise.all(nodes.map(({ proxy }) => proxy.start()));
  return nodes;
};

/** Builds a cluster; it is there after six to eight seconds. */
export const openLabCluster = async (options: LabClusterOptions = {}): Promise<LabCluster> => {
  const { families = "ipv4+ipv6", flags = [], proxyMode: mode = "nftables", minSyncMs, ...wishes } = options;
  const plan = planCluster(wishes);
  const lab = await openLab(plan.topology);
  const cluster = await raiseCluster(lab, plan, { families, flags, mode, minSyncMs }).catch(
    async (error: unknown) => {
      await lab.close();
      throw error;
    },
  );
  return {
    ...cluster,
    close: async () => {
      cluster.plane.admin.close();
      await lab.close();
      await cluster.close();
    },
  };
};

/** Builds one in a lab whose topology has its hosts; closing it does not end the lab. */
export const raiseCluster = async (
  lab: Lab,
  plan: Plan,
  options: {
    readonly families: Families;
    readonly flags?: readonly string[];
    readonly mode: ProxyMode;
    readonly minSyncMs: number | undefined;
  },
): Promise<LabCluster> => {
  const { families, flags = [], mode, minSyncMs } = options;
  const assets = findAssets(["etcd", "kube-apiserver", "kube-proxy"]);
  const home = openFolder();
  let plane: LabControlPlane | undefined;
  const close = async (): Promise<void> => {
    plane?.admin.close();
    home.remove();
  };
  try {
    const control = await startLabControlPlane(lab, {
      ...{ assets, folder: home.path, on: plan.control, address: plan.apiAddress },
      ...{ families, flags },
    });
    plane = control;
    const { admin, apiServer } = control;
    const pods: Pods = openPods(lab, plan.nodes, () => endpoints.publish());
    const endpoints: Endpoints = openEndpoints(admin, pods.members);
    const given = { plan, plane: control, pods, families: familiesOf(families), assets };
    const nodes = await startNodes(lab, { ...given, mode, minSyncMs });
    const node = (name: string): LabNode => {
      const found = nodes.find((each) => each.name === name);
      if (found === undefined) throw new Error(`there is no node ${name}`);
      return found;
    };
    const names = nodes.map(({ name }) => name);
    const everywhere = async (
      address: string,
      where: readonly string[] = names,
      gone = false,
    ): Promise<void> => {
      await Promise.all(where.map((name) => node(name).proxy.proxied(address, { gone })));
    };
    return {
      ...{ lab, plane: control, nodes, pods, node, close },
      control: lab.host(plan.control),
      client: lab.host("cl"),
      farClient: lab.host("far"),
      gateway: lab.host("gw"),
      service: async (wanted) => {
        const service = await createLabService(admin, endpoints, wanted);
        await Promise.all((wanted.addresses ?? []).map((address) => everywhere(address)));
        return service;
      },
      proxied: (address, where) => everywhere(address, where),
      unproxied: (address, where) => everywhere(address, where, true),
      stopApi: (signal = "SIGKILL") => apiServer.stop(signal),
      startApi: async () => {
        await apiServer.start();
        await endpoints.publish();
      },
      lastWords: () =>
        [control.lastWords(), ...nodes.map(({ name, proxy }) => `${name}:\n${proxy.lastWords(10)}`)].join(
          "\n",
        ),
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** A test in the cluster that it is given. */
export type LabClusterTest = (cluster: LabCluster, context: TestContext) => Promise<void>;

/** One cluster for all tests of a file or suite; gives what makes a function a test in it. */
export const sharedLabCluster = (
  options: LabClusterOptions = {},
): ((test: LabClusterTest) => (context: TestContext) => Promise<void>) => {
  let cluster: LabCluster | undefined;
  before(async () => {
    cluster = await openLabCluster(options);
  });
  after(() => cluster?.close());
  return (test) => async (context) => {
    if (cluster === undefined) throw new Error("there is no cluster");
    try {
      await test(cluster, context);
    } catch (error) {
      context.diagnostic(cluster.lastWords());
      throw error;
    }
  };
};
