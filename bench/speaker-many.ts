/**
 * How long it takes until the last of thousands of addresses is somewhere else when the node that holds them dies.
 *
 * Four real speakers go on from what is on their disks, since there is no API server. A client captures ARP on its cable, and asks for a
 * sample of the addresses, two questions a millisecond. What counts begins with the last answer that the dead node gave.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { LabHostHandle, LabProcess } from "#lab/host";
import type { Lab } from "#lab/lab";
import { type Frame, startCapture } from "#test/cluster/lab/capture";
import type { BuildCopy } from "./build-copy.ts";

const ASKER = fileURLToPath(new URL("./programs/arp-ask.ts", import.meta.url));
const STATE_FILE = "/run/steelyard/speaker/cluster.json";
const SECRET_FILE = "/run/speaker/secret";
const KUBECONFIG = "/run/speaker/kubeconfig";
const CLIENT = { address: "10.2.0.2", mac: "02:00:00:00:02:02" };
/** The nodes; the first one holds everything at the start. */
const NODES = ["e1", "e2", "e3", "e4"] as const;
const QUESTIONS_PER_MS = 2;
/** So many addresses are asked for, evenly spread over all, the first and the last among them. */
const SAMPLE = 20;
const PATIENCE_MS = 90_000;
/** Nothing was announced for so long: the bursts are over. */
const CALM_MS = 1_500;
/** From a death until whatever is to happen has happened: so long, and as much again as announcing takes at the cap of 4,000 a second. */
const AFTERWARDS_MS = 2_000;

/** Whether all go from the first node to one other, or to the others in equal parts; or each node is the first of a part. */
export type Layout = "to one" | "spread" | "even";
export type ManyCase = { readonly addresses: number; readonly layout: Layout };

/** What the client saw of one death, in milliseconds after the last answer of the dead node. */
export type Death = ManyCase & {
  /** The first answers to its questions, one for each address of the sample. */
  readonly answeredMs: readonly number[];
  /** The first announcement of each address. */
  readonly announcedMs: readonly number[];
  /** The longest time until then in which the client did not ask: what it says of answers is as exact. */
  readonly unaskedMs: number;
};

const macOf = (node: string): string => `02:00:00:00:02:0${(10 + Number(node.slice(1))).toString(16)}`;
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
const addressOf = (n: number): string => `10.200.${Math.floor(n / 250)}.${1 + (n % 250)}`;

/** There is nobody at the API server's address. */
const KUBECONFIG_TEXT = JSON.stringify({
  ...{ apiVersion: "v1", kind: "Config", "current-context": "lab" },
  clusters: [{ name: "lab", cluster: { server: "https://127.0.0.1:9" } }],
  users: [{ name: "lab", user: { token: "none" } }],
  contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
});

/** In which order nodes are candidates for an address. */
const candidatesOf = (n: number, layout: Layout): readonly string[] => {
  if (layout === "even") return [...NODES.slice(n % NODES.length), ...NODES.slice(0, n % NODES.length)];
  const [first, ...others] = NODES;
  const turn = layout === "spread" ? n % others.length : 0;
  return [first, ...others.slice(turn), ...others.slice(0, turn)];
};

const stateText = (node: string, { addresses, layout }: ManyCase): string =>
  JSON.stringify({
    ...{ version: 1, node },
    members: NODES.map((name) => ({
      ...{ name, addresses: [`10.2.0.${10 + Number(name.slice(1))}`], macs: [macOf(name)], api: "ready" },
    })),
    placements: numbers(addresses).map((n) => ({
      address: addressOf(n),
      candidates: candidatesOf(n, layout),
      interfaces: "all",
    })),
  });

/** The addresses that are asked for. */
const sampleOf = (addresses: number): readonly string[] => {
  const count = Math.min(SAMPLE, addresses);
  return numbers(count).map((n) => addressOf(Math.round((n * (addresses - 1)) / Math.max(1, count - 1))));
};

type Arp = Frame & { readonly message: Extract<Frame["message"], { protocol: "arp" }> };
export const arpOf = (frames: readonly Frame[]): readonly Arp[] =>
  frames.filter((frame): frame is Arp => frame.message.protocol === "arp");
export const isAnnouncement = ({ message }: Arp): boolean => message.senderAddress === message.targetAddress;
const isAnswer = ({ message, destination }: Arp): boolean =>
  message.operation === "reply" && destination === CLIENT.mac;

/** The first of these frames for each address, in milliseconds after a moment. */
const firsts = (frames: readonly Arp[], since: number): ReadonlyMap<string, number> => {
  const all = new Map<string, number>();
  for (const { at, message } of frames) {
    if (!all.has(message.senderAddress)) all.set(message.senderAddress, (at - since) / 1_000);
  }
  return all;
};

/** What a capture says of the death of `holder`. */
export const readDeath = (
  captured: readonly Frame[],
  { holder, ...rest }: ManyCase & { readonly holder: string },
): Death => {
  const frames = arpOf(captured);
  const dead = macOf(holder);
  const last = Math.max(
    ...frames.filter((frame) => frame.source === dead && isAnswer(frame)).map(({ at }) => at),
  );
  const others = frames.filter(({ at, source }) => at > last && source !== dead && source !== CLIENT.mac);
  const answered = firsts(others.filter(isAnswer), last);
  const announced = firsts(others.filter(isAnnouncement), last);
  const sample = sampleOf(rest.addresses);
  if (announced.size !== rest.addresses || sample.some((address) => !answered.has(address)))
    throw new Error(
      `${announced.size} of ${rest.addresses} announced, ${answered.size} of ${sample.length} answered`,
    );
  const answeredMs = [...answered.values()];
  const end = last + Math.max(...answeredMs) * 1_000;
  const asked = frames.filter(({ at, source }) => source === CLIENT.mac && at >= last && at <= end);
  const pauses = asked.map(({ at }, index) => (asked[index + 1]?.at ?? end) - at);
  const unaskedMs = Math.max(0, ...pauses) / 1_000;
  return { ...rest, answeredMs, announcedMs: [...announced.values()], unaskedMs };
};

export type ManyBed = { readonly lab: Lab; readonly copy: BuildCopy; readonly folder: string };

export const startSpeakers = async (
  { lab, copy }: ManyBed,
  options: ManyCase,
): Promise<readonly LabProcess[]> =>
  await Promise.all(
    NODES.map(async (node) => {
      const host = lab.host(node);
      await host.expect(["mkdir", "-p", "-m", "700", "/run/steelyard/speaker", "/run/speaker"]);
      await host.write(STATE_FILE, stateText(node, options));
      await host.write(KUBECONFIG, KUBECONFIG_TEXT);
      await host.write(SECRET_FILE, "a secret of many addresses\n");
      await host.expect(["chmod", "600", SECRET_FILE]);
      const paths = ["--kubeconfig", KUBECONFIG, "--secret-file", SECRET_FILE, "--node", node];
      return await host.spawn(copy.direct("speaker", ...paths), { env: copy.environment });
    }),
  );

const startAsking = async (client: LabHostHandle, addresses: number): Promise<LabProcess> => {
  const index = (await client.expect(["cat", "/sys/class/net/eth0/ifindex"])).trim();
  const own = [index, "eth0", CLIENT.mac, CLIENT.address, `${QUESTIONS_PER_MS}`];
  // Before everybody else: on a busy machine it would be the client that is late.
  const command = ["chrt", "--rr", "50", process.execPath, ASKER];
  const asker = await client.spawn([...command, ...own, ...sampleOf(addresses)]);
  await asker.said(/^ready$/m);
  return asker;
};

/** Captures until every address was announced by somebody else than `dead`, and nobody has announced any for a while. */
export const captureUntilCalm = async (
  { lab, folder }: ManyBed,
  { addresses, dead = "" }: { readonly addresses: number; readonly dead?: string },
  meanwhile: () => Promise<void> = async () => {},
): Promise<readonly Frame[]> => {
  const capture = await startCapture(lab.host("cl"), { folder });
  await meanwhile();
  const limit = performance.now() + PATIENCE_MS;
  for (;;) {
    await pause(CALM_MS);
    const said = arpOf(capture.frames()).filter(isAnnouncement);
    const all = new Set(
      said.filter(({ source }) => source !== dead).map(({ message }) => message.senderAddress),
    );
    const isCalm = (said.at(-1)?.at ?? 0) < (Date.now() - CALM_MS) * 1_000;
    if (all.size === addresses && isCalm) return await capture.finish();
    if (performance.now() > limit) throw new Error(`${all.size} of ${addresses} were announced in time`);
  }
};

const die = async (bed: ManyBed, options: ManyCase & { readonly holder: string }): Promise<Death> => {
  const { addresses, holder } = options;
  const frames = await captureUntilCalm(bed, { addresses, dead: macOf(holder) }, async () => {
    const asker = await startAsking(bed.lab.host("cl"), addresses);
    // Faults come at any point of an interval between two packets of BFD.
    await pause(1_000 + Math.random() * 50);
    await bed.lab.fault({ type: "silence", host: holder });
    await pause(AFTERWARDS_MS + addresses / 4);
    await asker.stop();
  });
  return readDeath(frames, options);
};

/** Starts all anew, and lets one node after the other die as long as two others are left. */
const round = async (bed: ManyBed, options: ManyCase): Promise<readonly Death[]> => {
  const { addresses, layout } = options;
  let speakers: readonly LabProcess[] = [];
  try {
    await captureUntilCalm(bed, { addresses }, async () => {
      speakers = await startSpeakers(bed, options);
    });
    const deaths: Death[] = [];
    for (const holder of layout === "spread" ? NODES.slice(0, 1) : NODES.slice(0, 2))
      deaths.push(await die(bed, { ...options, holder }));
    return deaths;
  } finally {
    await Promise.all(speakers.map((speaker) => speaker.stop()));
    await bed.lab.fault({ type: "restore" });
  }
};

/** Each case with so many deaths, or one more. */
export const measureMany = async (
  lab: Lab,
  {
    copy,
    cases,
    runs,
    say,
  }: {
    readonly copy: BuildCopy;
    readonly cases: readonly ManyCase[];
    readonly runs: number;
    readonly say: (line: string) => void;
  },
): Promise<readonly Death[]> => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-many-"));
  try {
    const all: Death[] = [];
    for (const options of cases) {
      say(`speaker-many: ${options.addresses} addresses, ${options.layout}`);
      const deaths: Death[] = [];
      while (deaths.length < runs) deaths.push(...(await round({ lab, copy, folder }, options)));
      all.push(...deaths);
    }
    return all;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
