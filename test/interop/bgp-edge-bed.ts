/** Two edges and BIRD on the router between them and the client, which spreads packets over what it is told. */
import type { Status } from "#api/status";
import { assert } from "#base/assert";
import type { LabHostHandle, LabProcess } from "#lab/index";
import type { Bed, Edge } from "#test/kernel/edge-bed";
import { until } from "#test/kernel/edge-bed";
import { config, type Spec, server } from "#test/kernel/edge-config";

/** The virtual address, which is on no network of the lab. */
export const VIP = "192.0.2.10";

const CONTROL = "/run/bird.ctl";
const EDGES = ["10.2.0.11", "10.2.0.12"] as const;

/** BIRD takes what edges tell it, spreads over the best, and does as RFC 8326 has it. */
const BIRD = [
  "log stderr all;",
  "router id 10.2.0.1;",
  "protocol device { scan time 1; }",
  "protocol direct { ipv4; }",
  'protocol bfd { interface "eth1" { min rx interval 300 ms; min tx interval 300 ms; multiplier 3; }; }',
  "protocol kernel { merge paths on; ipv4 { export where source = RTS_BGP; }; }",
  "filter edges {",
  "  if (65535, 0) ~ bgp_community then bgp_local_pref = 0;",
  "  accept;",
  "}",
  ...EDGES.flatMap((address, index) => [
    `protocol bgp edge${index + 1} {`,
    "  local as 64500;",
    `  neighbor ${address} as 64510;`,
    '  password "correct-horse";',
    "  bfd on;",
    "  hold time 9; connect delay time 1; connect retry time 2; error wait time 1, 2;",
    "  ipv4 { import filter edges; export none; };",
    "}",
  ]),
  "",
].join("\n");

export type Router = {
  readonly say: (...words: readonly string[]) => Promise<string>;
  /** Where the kernel sends packets to the virtual address, in order. */
  readonly hops: () => Promise<readonly string[]>;
  /** Resolves with how long it took until it sends them there, in milliseconds. */
  readonly sendsTo: (hops: readonly string[], withinMs?: number) => Promise<number>;
};

/** A machine with a router on it that is told things by `say`, and that hashes addresses and ports. */
export const routerOn = async (machine: LabHostHandle, say: Router["say"]): Promise<Router> => {
  await machine.expect(["sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1"]);
  const hops: Router["hops"] = async () => {
    const text = await machine.expect(["ip", "-4", "route", "show", VIP]);
    return [...text.matchAll(/via (\S+)/g)].map(([, hop = ""]) => hop).sort();
  };
  return {
    ...{ hops, say },
    sendsTo: async (wanted, withinMs = 10_000) => {
      const began = performance.now();
      let seen: readonly string[] = [];
      await until(
        `the router sends to ${wanted.join(" and ") || "nobody"}`,
        async () => {
          seen = await hops();
          return seen.join() === wanted.join();
        },
        { withinMs, seen: () => seen },
      );
      return performance.now() - began;
    },
  };
};

/** BIRD on the router. */
export const startRouter = async ({ lab }: Bed): Promise<Router> => {
  const machine = lab.host("rt");
  await machine.write("/run/bird.conf", BIRD);
  const program = await machine.spawn(["bird", "-f", "-c", "/run/bird.conf", "-s", CONTROL]);
  await program.said(/Started/);
  return routerOn(machine, (...words) => machine.expect(["birdc", "-s", CONTROL, ...words]));
};

export const HOPS = { e1: EDGES[0], e2: EDGES[1], both: [...EDGES] } as const;

const routing = (kind: string, name: string, spec: Spec): string => {
  const apiVersion = `metallb.io/${kind === "BGPPeer" ? "v1beta2" : "v1beta1"}`;
  return `${JSON.stringify({ apiVersion, kind, metadata: { name }, spec })}\n`;
};

/** What both edges have: one virtual server, one router, and these communities; and what the router's BGPPeer says besides. */
export const edgeConfig = (web: Spec, communities: readonly string[] = [], peer: Spec = {}): string =>
  config(
    server({ address: VIP, port: 8080, whenAllFail: "reject", ...web }),
    routing("BGPPeer", "rt", {
      ...{ myASN: 64_510, peerASN: 64_500, peerAddress: "10.2.0.1", password: "correct-horse" },
      ...{ holdTime: "9s", keepaliveTime: "3s", connectTime: "1s", bfdProfile: "fast", ...peer },
    }),
    routing("BFDProfile", "fast", { receiveInterval: 300, transmitInterval: 300, detectMultiplier: 3 }),
    routing("BGPAdvertisement", "all", { communities }),
  );

/** Both edges started with the same configuration; resolves once each is in session, with the program of the first. */
export const startEdges = async (
  { e1, e2 }: Bed,
  text: string,
  more: readonly string[] = [],
): Promise<LabProcess> => {
  const further = ["--bgp-drain", "1s", ...more];
  const [program] = await Promise.all([e1.start(text, { further }), e2.start(text, { further })]);
  await Promise.all([e1, e2].map((edge) => inSession(edge)));
  return program;
};

const isUp = ({ bgp }: Status): boolean => bgp?.peers[0]?.state === "established";

/** Resolves once an edge is in session with the router. */
export const inSession = (edge: Edge): Promise<Status> => edge.until("is in session", isUp, 15_000);

/** Resolves once BFD watches the session of an edge besides, so that its silence is noticed at once. */
export const isWatched = (edge: Edge): Promise<Status> =>
  edge.until("is watched by BFD", ({ bgp }) => bgp?.peers[0]?.bfd === "up", 30_000);

/** How often an edge's session came up. */
export const ups = async (edge: Edge): Promise<number> => {
  const found = (await edge.status())?.bgp?.peers[0];
  assert(found !== undefined, "there is no peer");
  return found.ups;
};
