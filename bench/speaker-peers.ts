/**
 * What a speaker's wire process costs beside so many others: memory, and processor time at rest, which is that of its BFD sessions.
 *
 * The speaker is real and goes on from what is on its disk, since there is no API server; one program is all others, each with an
 * address of its own on one interface. Each address of a Service has another one as its second candidate.
 */
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DEFAULT_PAIRS } from "#core/liveness/config";
import { peersOf } from "#core/liveness/pairs";
import type { LabHostHandle, LabProcess } from "#lab/host";
import type { Lab } from "#lab/lab";
import type { BuildCopy } from "./build-copy.ts";
import { type Weight, weigh } from "./memory.ts";
import { processorSeconds } from "./speaker-memory.ts";

const PEERS = fileURLToPath(new URL("./programs/bfd-peers.ts", import.meta.url));
const STATE_FILE = "/run/steelyard/speaker/cluster.json";
const SECRET_FILE = "/run/speaker/secret";
const KUBECONFIG = "/run/speaker/kubeconfig";
const SECRET = "a secret of many speakers\n";
const SELF = { name: "e1", address: "10.2.0.11", mac: "02:00:00:00:02:0b" };
/** From when everything is up until it is at rest: the speaker asks around for some seconds after its start. */
const SETTLING_MS = 30_000;
const PATIENCE_MS = 60_000;

/** What the wire process costs beside so many other speakers. */
export type PeersCost = {
  readonly peers: number;
  /** With how many of them it keeps sessions. */
  readonly sessions: number;
  readonly wire: Weight;
  readonly seconds: number;
  /** Seconds of a processor in these seconds. */
  readonly cpu: number;
};

/** There is nobody at the API server's address. */
const KUBECONFIG_TEXT = JSON.stringify({
  ...{ apiVersion: "v1", kind: "Config", "current-context": "lab" },
  clusters: [{ name: "lab", cluster: { server: "https://127.0.0.1:9" } }],
  users: [{ name: "lab", user: { token: "none" } }],
  contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
});

const addressOf = (peer: number): string => `10.2.0.${100 + peer}`;
const nameOf = (peer: number): string => `p${peer}`;
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

const clusterOf = (peers: number) => ({
  members: [SELF.name, ...numbers(peers).map(nameOf)],
  placements: numbers(peers).map((peer) => ({
    address: `10.2.9.${1 + peer}`,
    candidates: [SELF.name, nameOf(peer)],
    interfaces: "all",
  })),
});

const stateText = (peers: number): string => {
  const member = (name: string, address: string, mac: string) => ({
    ...{ name, addresses: [address], macs: [mac], api: "ready" },
  });
  return JSON.stringify({
    ...{ version: 1, node: SELF.name, placements: clusterOf(peers).placements },
    members: [
      member(SELF.name, SELF.address, SELF.mac),
      ...numbers(peers).map((peer) => member(nameOf(peer), addressOf(peer), "02:00:00:00:02:0c")),
    ],
  });
};

const writeFiles = async (host: LabHostHandle, peers: number): Promise<void> => {
  await host.expect(["mkdir", "-p", "-m", "700", "/run/steelyard/speaker", "/run/speaker"]);
  await host.write(STATE_FILE, stateText(peers));
  await host.write(KUBECONFIG, KUBECONFIG_TEXT);
  await host.write(SECRET_FILE, SECRET);
  await host.expect(["chmod", "600", SECRET_FILE]);
};

const startPeers = async (host: LabHostHandle, peers: number): Promise<LabProcess> => {
  await writeFiles(host, peers);
  for (const peer of numbers(peers))
    await host.run(["ip", "address", "replace", `${addressOf(peer)}/24`, "dev", "eth0"]);
  const index = (await host.expect(["cat", "/sys/class/net/eth0/ifindex"])).trim();
  const command = [process.execPath, PEERS, index, "eth0", SECRET_FILE, SELF.address];
  const program = await host.spawn([...command, ...numbers(peers).map(addressOf)]);
  await program.said(/^ready$/m);
  return program;
};

const commandOf = (copy: BuildCopy): readonly string[] =>
  copy.direct(...["speaker", "--kubeconfig", KUBECONFIG, "--secret-file", SECRET_FILE, "--node", SELF.name]);

/** Weighs a speaker beside so many others, in an open lab with two edges. */
export const measurePeers = async (
  lab: Lab,
  { copy, peers, seconds }: { readonly copy: BuildCopy; readonly peers: number; readonly seconds: number },
): Promise<PeersCost> => {
  const [host, neighbour] = [lab.host("e1"), lab.host("e2")];
  const sessions = peersOf(SELF.name, clusterOf(peers), DEFAULT_PAIRS).length;
  await writeFiles(host, peers);
  const others = await startPeers(neighbour, peers);
  const speaker = await host.spawn(commandOf(copy), { env: copy.environment });
  try {
    await others.said(new RegExp(`^up ${sessions}$`, "m"), PATIENCE_MS);
    await pause(SETTLING_MS);
    const before = await processorSeconds(host, speaker.pid);
    await pause(seconds * 1_000);
    const cpu = (await processorSeconds(host, speaker.pid)) - before;
    const up = Number([...others.stdout().matchAll(/^up (\d+)$/gm)].at(-1)?.[1]);
    if (up !== sessions) throw new Error(`${up} of ${sessions} sessions are up`);
    return { peers, sessions, seconds, cpu, wire: await weigh(host, speaker.pid) };
  } finally {
    await speaker.stop(10_000);
    await others.stop();
  }
};
