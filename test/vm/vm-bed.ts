/**
 * What the tests in the virtual machine share: VLANs and bonds in a lab's hosts, and edges that are given their time.
 *
 * In emulation everything takes ten times as long, and more where the machine below is busy. What waits has room for it; routers
 * advertise once a second, and a takeover is not timed here but in test/kernel.
 */
import assert from "node:assert/strict";
import type { EventRecord } from "#api/events";
import type { Status } from "#api/status";
import type { Lab, LabProcess } from "#lab/index";
import type { DownloadsRecord } from "#lab/probe/records";
import { type DownloadOptions, type Probe, startDownloads, startServers, urlOf } from "#lab/probe/start";
import { type Bed, type Edge, type StartOptions, until } from "#test/kernel/edge-bed";
import { router, type Spec } from "#test/kernel/edge-config";
import { address } from "#testing/values";

/** How long anything may take, in milliseconds. */
export const BOUND = 120_000;
/** How long a program may take to start, in milliseconds. */
const START_BOUND = 300_000;

export const NODES = ["n1", "n2"] as const;

/** `backends` of a virtual server: the nodes in this network, given as in `10.5.0`. */
export const nodesIn = (network: string): readonly Spec[] =>
  NODES.map((name, index) => ({ name, address: `${network}.2${index + 1}` }));

/** What virtual servers are checked by. Nobody is dead because a machine is busy. */
export const PATIENT_HEALTH = { tcp: {}, interval: "3s", timeout: "20s" };

/** A router that advertises once a second. */
export const slowRouter = (spec: Spec, name?: string): string =>
  router({ advertisementInterval: "1s", ...spec }, name);

/** Runs `ip` in a host, once for each command. */
export const ip = async (lab: Lab, host: string, ...commands: readonly string[]): Promise<void> => {
  await lab.host(host).expect(["sh", "-ec", commands.map((command) => `ip ${command}`).join("\n")]);
};

/** The `ip` commands that make an interface in a VLAN above `below`, with an address. */
export const vlan = (below: string, id: number, address: string): readonly string[] => [
  `link add link ${below} name ${below}.${id} type vlan id ${id}`,
  `link set ${below}.${id} up`,
  `addr add ${address} dev ${below}.${id}`,
];

/** The backends on all nodes. */
export const startNodes = async (lab: Lab): Promise<void> => {
  await Promise.all(NODES.map((name) => startServers(lab.host(name))));
};

/** Starts an edge and waits until it takes part and its servers are in force. */
export const begin = async (edge: Edge, text: string, options: StartOptions = {}): Promise<LabProcess> => {
  await edge.configure(text);
  const program = await edge.launch(options);
  const isReady = ({ forwarding, routers, servers }: Status): boolean =>
    forwarding.state === "applied" &&
    routers.length > 0 &&
    routers.every(({ state }) => state !== "initialize") &&
    servers.every(({ backends }) => backends.every(({ health }) => health === "healthy"));
  await edge.until("takes part", isReady, START_BOUND);
  return program;
};

/** Starts both edges, the first of which becomes active. */
export const beginBoth = async (
  { e1, e2, holdings }: Bed,
  text: (priority: number, edge: "e1" | "e2") => string,
  {
    options = {},
    address: held,
  }: { readonly options?: Partial<Record<"e1" | "e2", StartOptions>>; readonly address: string },
): Promise<void> => {
  await begin(e1, text(150, "e1"), options.e1);
  await holdings.settle(held, ["e1"], BOUND);
  await begin(e2, text(100, "e2"), options.e2);
};

/** Starts downloads from a virtual server; resolves when they have begun. */
export const download = (
  lab: Lab,
  { from, port = 80, seconds }: { readonly from: string; readonly port?: number; readonly seconds: number },
): Promise<Probe<DownloadsRecord>> => {
  const options: DownloadOptions = {
    url: urlOf(address(from), port),
    ...{ streams: 16, duration: seconds, bytes: 120_000, every: 250, stall: BOUND },
  };
  return startDownloads(lab.host("cl"), options);
};

/** Fails unless every download is whole and every node had some of them. */
export const areWhole = async (...probes: readonly Probe<DownloadsRecord>[]): Promise<void> => {
  for (const probe of probes) {
    const { downloads } = await probe.finish();
    assert.deepEqual(
      downloads.filter(({ whole }) => !whole),
      [],
    );
    assert.deepEqual([...new Set(downloads.map(({ backend }) => backend))].sort(), [...NODES]);
  }
};

/** Waits until the client gets a page from a virtual address. */
export const serves = (lab: Lab, virtual: string, port = 80): Promise<true> => {
  const ask = `exec 3<>/dev/tcp/${virtual}/${port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && head -c 12 <&3`;
  const isServed = async (): Promise<true | undefined> => {
    const { stdout } = await lab.host("cl").run(["timeout", "10", "bash", "-c", ask]);
    return stdout.startsWith("HTTP") || undefined;
  };
  return until(`${virtual} is served`, isServed, { withinMs: BOUND });
};

/** What an edge has to tell. One that is busy may not answer in time; none has nothing to tell. */
export const eventsOf = (edge: Edge): Promise<readonly EventRecord[]> => {
  const told = async (): Promise<readonly EventRecord[] | false> => {
    const events = await edge.events();
    return events.length > 0 && events;
  };
  return until(`${edge.name} tells its events`, told, { withinMs: BOUND });
};

/** Every time that a router of this edge changed its state, in words. */
export const changesOf = async (edge: Edge, name: string): Promise<readonly string[]> =>
  (await eventsOf(edge)).flatMap(({ event, text }) =>
    event.type === "router-state" && event.router === name ? [text] : [],
  );

/** Waits until the XDP program of this edge has forwarded packets of a server. It tells every five seconds. */
export const forwardsByXdp = async (edge: Edge, server: string): Promise<void> => {
  const told = new RegExp(`^steelyard_xdp_packets_total\\{.*server="${server}".*\\} [1-9]`, "m");
  await until(`XDP forwards for ${server}`, async () => told.test((await edge.get("/metrics")).body), {
    withinMs: BOUND,
  });
};
