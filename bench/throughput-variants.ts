/** The balancers that `throughput` compares, each as what brings it up in e1 and takes it down again. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { LabProcess } from "#lab/host";
import type { Lab } from "#lab/lab";
import type { BuildCopy } from "./build-copy.ts";

/** The address that clients ask, on e1. */
const VIRTUAL_ADDRESS = "10.2.0.100";
/** HTTP on all nodes and on the virtual address. */
export const HTTP_PORT = 80;
/** iperf3 on the first node, and on the virtual address. */
export const STREAM_PORT = 5201;
const NODES = ["10.2.0.21", "10.2.0.22", "10.2.0.23"] as const;
const EDGE = "10.2.0.11";
const ROUTER = "10.2.0.1";

export type Variant = {
  readonly name: string;
  /** What clients connect to: one address, or one for each of their threads. */
  readonly targets: readonly [string, ...string[]];
  /** Starts it; resolves when it may be asked. */
  readonly up: () => Promise<void>;
  readonly down: () => Promise<void>;
};

type Parts = { readonly lab: Lab; readonly copy: BuildCopy; readonly nftlb: readonly string[] };

const resource = (name: string, mode: string, port: number, nodes: readonly string[]): string => `---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata: {name: ${name}}
spec:
  address: ${VIRTUAL_ADDRESS}
  port: ${port}
  mode: ${mode}
  backends: [${nodes.map((node) => `{address: ${node}}`).join(", ")}]
`;

const HAPROXY = `global
  nbthread 2
  maxconn 8000
defaults
  mode tcp
  timeout connect 3s
  timeout client 30s
  timeout server 30s
listen http
  bind ${VIRTUAL_ADDRESS}:${HTTP_PORT}
  balance roundrobin
${NODES.map((node, index) => `  server n${index} ${node}:${HTTP_PORT}`).join("\n")}
listen stream
  bind ${VIRTUAL_ADDRESS}:${STREAM_PORT}
  server n0 ${NODES[0]}:${STREAM_PORT}
`;

const NGINX = `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; pid /run/stream.pid; error_log /dev/null; worker_processes 2; worker_rlimit_nofile 65535;
events { worker_connections 16384; }
stream {
  upstream http { ${NODES.map((node) => `server ${node}:${HTTP_PORT};`).join(" ")} }
  server { listen ${VIRTUAL_ADDRESS}:${HTTP_PORT} reuseport backlog=16384; proxy_pass http; }
  server { listen ${VIRTUAL_ADDRESS}:${STREAM_PORT}; proxy_pass ${NODES[0]}:${STREAM_PORT}; }
}
`;

const nftlbFarm = (mode: "snat" | "dsr", port: number, nodes: readonly string[]): unknown => ({
  ...{ name: `port${port}`, family: "ipv4", "virtual-addr": VIRTUAL_ADDRESS, "virtual-ports": `${port}` },
  ...{ mode, protocol: "tcp", state: "up" },
  scheduler: mode === "dsr" ? "hash" : "rr",
  "sched-param": mode === "dsr" ? "srcip srcport" : "none",
  backends: nodes.map((node, index) => ({
    ...{ name: `n${index}`, "ip-addr": node, port: `${port}`, state: "up" },
  })),
});

/** The address on the nodes' loopback, where direct server return needs it. */
const onNodes = async (lab: Lab, verb: "add" | "del"): Promise<void> => {
  for (const name of ["n1", "n2", "n3"]) {
    await lab.host(name).run(["ip", "address", verb, `${VIRTUAL_ADDRESS}/32`, "dev", "lo"]);
  }
};

const routeNodes = async (lab: Lab, gateway: string): Promise<void> => {
  for (const name of ["n1", "n2", "n3"]) {
    await lab.host(name).expect(["ip", "route", "replace", "default", "via", gateway]);
  }
};

const onEdge = (lab: Lab, verb: "add" | "del") =>
  lab.host("e1").run(["ip", "address", verb, `${VIRTUAL_ADDRESS}/32`, "dev", "eth0"]);

/** A program in e1 with the address on it; `before` and `after` change what is around it. */
const program = (
  { lab }: Parts,
  name: string,
  start: () => Promise<LabProcess | undefined>,
  around: { readonly before?: () => Promise<void>; readonly after?: () => Promise<void> } = {},
): Variant => {
  let running: LabProcess | undefined;
  return {
    name,
    targets: [VIRTUAL_ADDRESS],
    up: async () => {
      await around.before?.();
      await onEdge(lab, "add");
      running = await start();
      await pause(1_000);
      // Whoever answered for the address before does no longer.
      await lab.host("rt").expect(["ip", "neigh", "flush", "dev", "eth1"]);
    },
    down: async () => {
      await running?.stop(8_000);
      await lab.host("e1").run(["sh", "-c", "nft flush ruleset; conntrack -F"]);
      await onEdge(lab, "del");
      await around.after?.();
    },
  };
};

const steelyard = (parts: Parts, mode: "dsr" | "masquerade" | "nat", ...options: string[]): Variant => {
  const { lab, copy } = parts;
  const start = async (): Promise<LabProcess> => {
    const text =
      resource("http", mode, HTTP_PORT, NODES) + resource("stream", mode, STREAM_PORT, NODES.slice(0, 1));
    const config = await lab.write(`throughput-${mode}.yaml`, text);
    const edge = await lab.host("e1").spawn(copy.direct("edge", "--config", config, ...options));
    await edge.said(/wire: ready/, 20_000);
    return edge;
  };
  const surroundings = {
    dsr: { before: () => onNodes(lab, "add"), after: () => onNodes(lab, "del") },
    nat: { before: () => routeNodes(lab, EDGE), after: () => routeNodes(lab, ROUTER) },
    masquerade: {},
  };
  return program(parts, ["steelyard", mode, ...options.slice(1)].join(" "), start, surroundings[mode]);
};

const nftlb = (parts: Parts, mode: "snat" | "dsr"): Variant => {
  const { lab } = parts;
  const start = async (): Promise<undefined> => {
    const farms = [nftlbFarm(mode, HTTP_PORT, NODES), nftlbFarm(mode, STREAM_PORT, NODES.slice(0, 1))];
    const config = await lab.write(`nftlb-${mode}.json`, JSON.stringify({ farms }));
    const e1 = lab.host("e1");
    // It takes the nodes' MAC addresses from the neighbour table.
    for (const node of NODES) await e1.expect(["curl", "-s", `http://${node}:${HTTP_PORT}/`]);
    await e1.run([...parts.nftlb, "-l", "5", "-L", "2", "-e", "-c", config]);
  };
  const around =
    mode === "dsr" ? { before: () => onNodes(lab, "add"), after: () => onNodes(lab, "del") } : {};
  return program(parts, `nftlb ${mode}`, start, around);
};

const proxy = (parts: Parts, name: string, config: string, command: (file: string) => readonly string[]) =>
  program(parts, name, async () => {
    const file = await parts.lab.write(`${name.split(" ")[0]}.conf`, config);
    return await parts.lab.host("e1").spawn(command(file));
  });

/** Where nftlb comes from: a newer suite than the one that this machine runs. */
export const fetchNftlb = (folder: string): readonly string[] => {
  const script = join(import.meta.dirname, "programs/fetch-nftlb.sh");
  const said = execFileSync(script, [folder], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return said.trim().split("\n").at(-1)?.split(" ") ?? [];
};

/** All of them, in the order in which each round takes them. */
export const variantsOf = (parts: Parts): readonly Variant[] => [
  { name: "direct", targets: NODES, up: async () => {}, down: async () => {} },
  steelyard(parts, "dsr"),
  steelyard(parts, "dsr", "--engine", "xdp"),
  nftlb(parts, "dsr"),
  steelyard(parts, "masquerade"),
  steelyard(parts, "nat"),
  nftlb(parts, "snat"),
  proxy(parts, "haproxy tcp", HAPROXY, (file) => ["haproxy", "-db", "-f", file]),
  proxy(parts, "nginx stream", NGINX, (file) => ["nginx", "-c", file]),
];
