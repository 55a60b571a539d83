/** The gateway as a router that speaks BGP: BIRD, which spreads over all nodes that announce an address. */
import type { LabProcess } from "#lab/index";
import type { KubeObject } from "../api.ts";
import { NAMESPACE } from "../controller.ts";
import { eventually } from "../eventually.ts";
import type { LabCluster } from "./bed.ts";

/** Its autonomous system, and that of the nodes. */
export const ROUTER_ASN = 64_512;
export const NODES_ASN = 64_500;
/** As nodes know it. */
export const ROUTER_ADDRESS = "10.2.0.1";

/** A resource of MetalLB's as it is applied. */
export const resource = (kind: string, name: string, spec: object, version = "v1beta1"): string =>
  JSON.stringify({
    ...{ apiVersion: `metallb.io/${version}`, kind, spec },
    metadata: { name, namespace: NAMESPACE },
  });

type Status = KubeObject & {
  readonly status?: {
    readonly node?: string;
    readonly serviceName?: string;
    readonly peers?: readonly string[];
  };
};

/** Which nodes say in a ServiceBGPStatus that they tell which peers of a Service, in order: `n1: router`. */
export const routedBy = async (
  { plane }: Pick<LabCluster, "plane">,
  service: string,
): Promise<readonly string[]> => {
  const path = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/servicebgpstatuses`;
  const { items } = await plane.admin.get<{ items: readonly Status[] }>(path);
  return items
    .filter(({ status }) => status?.serviceName === service)
    .map(({ status }) => `${status?.node}: ${status?.peers?.join()}`)
    .sort();
};

export type LabRouter = {
  readonly program: LabProcess;
  /** Nodes that the kernel of the gateway spreads an address over, in order. */
  nodesFor(address: string): Promise<readonly string[]>;
  /** Resolves when it spreads an address over exactly these. */
  spreads(address: string, nodes: readonly string[], withinMs?: number): Promise<void>;
  /** What it has heard of a prefix, with all attributes. */
  heard(prefix: string): Promise<string>;
  /** Wants this password of all nodes from now on; `undefined`: none. */
  setPassword(password: string | undefined): Promise<void>;
  /** Whether it takes several next hops for one route. */
  mergePaths(paths: "on" | "off"): Promise<void>;
  /** Whether the session with a node is up. */
  isEstablished(node: string): Promise<boolean>;
  /** Resolves when it is. */
  established(node: string, withinMs?: number): Promise<void>;
};

const CONTROL = "/run/bird-bgp.ctl";
/** `merge paths`: so many next hops. */
const SEVERAL = "yes limit 16";

const configuration = (
  nodes: readonly { readonly name: string; readonly address: string }[],
  { password, merge }: { readonly password: string | undefined; readonly merge: string },
): string =>
  [
    "log stderr all;",
    `router id ${ROUTER_ADDRESS};`,
    "protocol device { scan time 1; }",
    `protocol kernel kernel4 { merge paths ${merge}; ipv4 { import none; export all; }; }`,
    `protocol kernel kernel6 { merge paths ${merge}; ipv6 { import none; export all; }; }`,
    'protocol bfd { interface "eth0" { min rx interval 100 ms; min tx interval 100 ms; multiplier 5; }; }',
    "template bgp nodes {",
    `  local ${ROUTER_ADDRESS} as ${ROUTER_ASN};`,
    "  bfd;",
    ...(password === undefined ? [] : [`  password "${password}";`]),
    "  connect retry time 1; connect delay time 1; error wait time 1, 2;",
    "  ipv4 { import all; export none; };",
    "  ipv6 { import all; export none; };",
    "}",
    ...nodes.map(
      ({ name, address }) => `protocol bgp ${name} from nodes { neighbor ${address} as ${NODES_ASN}; }`,
    ),
    "",
  ].join("\n");

/** `nexthop via 10.2.0.21 dev eth0 weight 1`, or `203.0.113.10 via 10.2.0.21 dev eth0` where there is one only. */
const NEXT_HOP = /via (?:inet6 )?(\S+)/g;

/** Starts BIRD on the gateway, with all nodes as peers. */
export const startRouter = async ({
  gateway,
  nodes,
}: Pick<LabCluster, "gateway" | "nodes">): Promise<LabRouter> => {
  const known = nodes.map(({ name, addresses }) => ({ name, addresses }));
  const chosen: { password: string | undefined; merge: string } = { password: undefined, merge: SEVERAL };
  const write = (): Promise<void> =>
    gateway.write(
      "/run/bird-bgp.conf",
      configuration(
        known.map(({ name, addresses }) => ({ name, address: addresses[0] })),
        chosen,
      ),
    );
  await write();
  // Connections of one client go to different nodes: by ports as well.
  for (const family of ["ipv4", "ipv6"])
    await gateway.expect(["sysctl", "-qw", `net.${family}.fib_multipath_hash_policy=1`]);
  const program = await gateway.spawn([
    ...["bird", "-f", "-c", "/run/bird-bgp.conf", "-s", CONTROL, "-P", "/run/bird-bgp.pid"],
  ]);
  await program.said(/Started/);
  const say = (...words: readonly string[]): Promise<string> =>
    gateway.expect(["birdc", "-s", CONTROL, ...words]);
  const nodesFor = async (address: string): Promise<readonly string[]> => {
    const family = address.includes(":") ? "-6" : "-4";
    const text = await gateway.expect(["ip", family, "route", "show", address]);
    const hops = [...text.matchAll(NEXT_HOP)].map(([, hop]) => hop ?? "");
    return hops
      .map((hop) => known.find(({ addresses }) => addresses.some((each) => each === hop))?.name ?? hop)
      .sort();
  };
  const isEstablished = async (node: string): Promise<boolean> =>
    /Established/.test(await say("show", "protocols", node));
  return {
    ...{ program, nodesFor, isEstablished },
    heard: (prefix) => say("show", "route", prefix, "all"),
    setPassword: async (password) => {
      chosen.password = password;
      await write();
      await say("configure");
    },
    mergePaths: async (paths) => {
      chosen.merge = paths === "on" ? SEVERAL : "no";
      await write();
      await say("configure");
    },
    spreads: async (address, wanted, withinMs = 20_000) => {
      await eventually(`${address} over ${wanted}`, withinMs, async () =>
        (await nodesFor(address)).join() === [...wanted].sort().join() ? true : undefined,
      );
    },
    established: async (node, withinMs = 30_000) => {
      await eventually(`a session with ${node}`, withinMs, async () =>
        (await isEstablished(node)) ? true : undefined,
      );
    },
  };
};
