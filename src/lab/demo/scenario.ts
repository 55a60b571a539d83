/** What happens in the demonstration, step by step. */
import { setTimeout as pause } from "node:timers/promises";
import { between, type Duration, millis, seconds, toMillis } from "#base/time";
import { LabError } from "../connection.ts";
import type { Lab } from "../lab.ts";
import { monotonicNow } from "../probe/clock.ts";
import { reportRequests } from "../probe/report.ts";
import { startDownloads, startHttpLoad, startServers, startUdpProbe, urlOf } from "../probe/start.ts";
import {
  DOWNLOAD_PORT,
  ECHO_PORT,
  edgeConfig,
  VIRTUAL_ADDRESS,
  VIRTUAL_ADDRESS_6,
  WEB_PORT,
} from "./config.ts";
import type { Episode, Evidence } from "./outcome.ts";

/** What the demonstration needs from its caller. */
export type DemoOptions = {
  /** The command line of an edge with that configuration file. */
  readonly edgeCommand: (config: string) => readonly string[];
  /** Called with each step as it begins. */
  readonly say: (line: string) => void;
  /** How many of the incidents happen, from the first on; all of them unless told otherwise. */
  readonly incidents?: number;
};

const EDGES = ["e1", "e2"] as const;
type Edge = (typeof EDGES)[number];

/** How long edges and backends may take to come up, and an address to move. */
const PATIENCE = seconds(20);

/** A takeover is promised within a second; a kernel whose daemon was killed goes on forwarding. */
const TAKEOVER_LIMIT = seconds(1);
const KEEPS_FORWARDING_LIMIT = millis(250);

const DOWNLOADS = { url: urlOf(VIRTUAL_ADDRESS, DOWNLOAD_PORT), streams: 20, duration: 7, bytes: 2_000_000 };

/** The file that an edge says everything to. */
export const edgeLog = (edge: string): string => `/run/lab/logs/${edge}.log`;

const holds = async (lab: Lab, edge: Edge): Promise<boolean> => {
  const { stdout } = await lab.host(edge).run(["ip", "-brief", "address", "show", "dev", "eth0"]);
  return stdout.includes(` ${VIRTUAL_ADDRESS}/`);
};

/** Waits until `condition` holds and gives how long that took. */
const until = async (what: string, condition: () => Promise<boolean>): Promise<Duration> => {
  const began = monotonicNow();
  while (!(await condition())) {
    if (between(began, monotonicNow()) > PATIENCE) {
      throw new LabError(`${what}: not within ${toMillis(PATIENCE) / 1_000} s`);
    }
    await pause(5);
  }
  return between(began, monotonicNow());
};

/** Whether every request through the virtual address is answered, and every node takes part. */
const isServed = async (lab: Lab, port: number): Promise<boolean> => {
  const options = { url: urlOf(VIRTUAL_ADDRESS, port), clients: 2, rate: 100, timeout: 500 };
  const probe = await startHttpLoad(lab.host("cl"), options);
  const from = monotonicNow();
  await pause(300);
  const { errors, byBackend } = reportRequests(await probe.finish(), { from, to: monotonicNow() });
  const nodes = lab.topology.hosts.filter(({ role }) => role === "node");
  return errors === 0 && Object.keys(byBackend).length === nodes.length;
};

const startEdge = async (lab: Lab, edge: Edge, { edgeCommand }: DemoOptions): Promise<void> => {
  const config = await lab.write(`${edge}.yaml`, edgeConfig(edge));
  await lab.host(edge).spawn(edgeCommand(config), { log: edgeLog(edge) });
};

const bringUp = async (lab: Lab, options: DemoOptions): Promise<void> => {
  // The router serves, too: the edges ask it whether they are connected at all.
  const serving = lab.topology.hosts.filter(({ role }) => role === "node" || role === "router");
  await Promise.all(serving.map(({ name }) => startServers(lab.host(name))));
  for (const edge of EDGES) await startEdge(lab, edge, options);
  await until(
    "e1 holds the virtual address alone",
    async () => (await holds(lab, "e1")) && !(await holds(lab, "e2")),
  );
  for (const port of [WEB_PORT, DOWNLOAD_PORT]) {
    await until(`all nodes answer on port ${port}`, () => isServed(lab, port));
  }
};

type Incident = {
  readonly title: string;
  readonly gapLimit: Duration;
  /** Whether the address leaves an edge that still serves. */
  readonly isHandover: boolean;
  readonly happen: () => Promise<void>;
  readonly settled: () => Promise<boolean>;
};

/** Lets one thing happen in the middle of long downloads and waits until they have ended. */
const stage = async (lab: Lab, { happen, settled, ...incident }: Incident): Promise<Episode> => {
  const downloads = await startDownloads(lab.host("cl"), DOWNLOADS);
  await pause(500);
  const from = monotonicNow();
  await happen();
  const at = monotonicNow();
  const settledAfter = await until(`${incident.title}: the right edge alone holds the address`, settled);
  const record = await downloads.finish();
  return { ...incident, from, at, until: monotonicNow(), settledAfter, downloads: record };
};

const incidents = (lab: Lab, options: DemoOptions): readonly Incident[] => [
  {
    title: "e1 goes silent",
    gapLimit: TAKEOVER_LIMIT,
    isHandover: false,
    happen: () => lab.fault("silence e1"),
    settled: () => holds(lab, "e2"),
  },
  {
    title: "e1 comes back",
    gapLimit: TAKEOVER_LIMIT,
    isHandover: true,
    happen: () => lab.fault("restore e1"),
    settled: async () => (await holds(lab, "e1")) && !(await holds(lab, "e2")),
  },
  {
    title: "SIGKILL on e1",
    gapLimit: KEEPS_FORWARDING_LIMIT,
    isHandover: true,
    happen: () => lab.host("e1").signalAll("SIGKILL"),
    settled: () => holds(lab, "e2"),
  },
  {
    title: "e1 starts again",
    gapLimit: TAKEOVER_LIMIT,
    isHandover: true,
    happen: () => startEdge(lab, "e1", options),
    settled: async () => (await holds(lab, "e1")) && !(await holds(lab, "e2")),
  },
];

/** Runs the demonstration in an open lab with hosts cl, e1, e2 and nodes; takes about 35 s. */
export const runDemo = async (lab: Lab, options: DemoOptions): Promise<Evidence> => {
  options.say("starting three backends and two edges");
  await bringUp(lab, options);

  options.say("sending requests: 10 clients, 500 requests/s, and a datagram every millisecond");
  const client = lab.host("cl");
  const http = await startHttpLoad(client, { url: urlOf(VIRTUAL_ADDRESS, WEB_PORT) });
  const udp = await startUdpProbe(client, { address: VIRTUAL_ADDRESS, port: ECHO_PORT });
  const udp6 = await startUdpProbe(client, { address: VIRTUAL_ADDRESS_6, port: ECHO_PORT, interval: 2 });
  const at = monotonicNow();
  await pause(3_000);
  const quiet = {
    title: "nothing yet",
    from: at,
    at,
    until: monotonicNow(),
    isHandover: false,
    gapLimit: KEEPS_FORWARDING_LIMIT,
  };

  const episodes: Episode[] = [quiet];
  for (const incident of incidents(lab, options).slice(0, options.incidents)) {
    options.say(`${incident.title}, in the middle of ${DOWNLOADS.streams} downloads`);
    episodes.push(await stage(lab, incident));
  }
  return { http: await http.finish(), udp: await udp.finish(), udp6: await udp6.finish(), episodes };
};
