/**
 * `steelyard speaker` on the nodes of a lab: the built program, with the rights and the capabilities that our manifests give it, and
 * no others. The bed plays kubelet and DaemonSet: a Pod object is there for each speaker that runs.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import type { SpeakerStatus } from "#api/speaker";
import type { Access } from "../access.ts";
import { NAMESPACE } from "../controller.ts";
import { eventually } from "../eventually.ts";
import { readLaunch } from "../launch.ts";
import type { ServerProgram } from "../server-program.ts";
import type { LabCluster } from "./bed.ts";
import { openLabServer } from "./program.ts";
import { createSpeakerPod, type SpeakerPod } from "./speaker-pods.ts";
import { readSpeakerLaunch } from "./speaker-rights.ts";

const MAIN = join(import.meta.dirname, "../../../dist/main.js");
const READY_WITHIN_MS = 60_000;

export type LabSpeaker = ServerProgram & {
  readonly node: string;
  /** Its admin socket. */
  readonly socket: string;
  /** As its admin socket tells it. */
  status(): Promise<SpeakerStatus>;
  /** Signals one of its two processes. */
  signal(part: "wire" | "agent", signal: NodeJS.Signals): Promise<void>;
  /** Everything that it said, over all of its starts. */
  log(): string;
  /** As a DaemonSet that rolls: its Pod is deleted, it ends by itself, and another one takes its place. */
  replace(): Promise<void>;
  /** As a DaemonSet that is deleted, or a node that shuts down: its Pod is deleted, and it ends by itself. */
  retire(): Promise<void>;
};

export type SpeakersOptions = {
  readonly access: Access;
  /** Default: all. */
  readonly nodes?: readonly string[];
  /** Further arguments. */
  readonly args?: readonly string[];
  /** The command line of `steelyard` on a node; default: the built one, started as people start it. */
  readonly program?: (node: string) => readonly string[];
  /** How long each may take until it has read and decided about everything, in milliseconds; default: a minute. */
  readonly readyWithinMs?: number;
};

const readSocket = (socketPath: string, path: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const asked = get({ socketPath, path, timeout: 2_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${path}: ${response.statusCode} ${text}`));
      });
    });
    asked.on("timeout", () => asked.destroy(new Error(`${path}: no answer in time`)));
    asked.on("error", reject);
  });

/** The built program as the launcher and the image start it. */
export const builtSpeaker = (): readonly string[] => {
  if (!existsSync(MAIN)) throw new Error('run "npm run build" first');
  return [process.execPath, ...readLaunch().flags, MAIN];
};

type Place = {
  readonly folder: string;
  readonly secretFile: string;
  readonly kubeconfig: string;
  readonly program: (node: string) => readonly string[];
  readonly readyWithinMs: number;
};

/** As the DaemonSet has it, but for places of files. What the container may not do, nothing here can do either. */
const commandOf = (
  node: string,
  { folder, secretFile, kubeconfig, program }: Place,
  further: readonly string[],
): readonly string[] => {
  const { args, capabilities } = readSpeakerLaunch(further);
  const only = ["-all", ...capabilities].join(",");
  return [
    ...["setpriv", `--bounding-set=${only}`, `--inh-caps=${only}`, "--no-new-privs"],
    ...[...program(node), ...args],
    ...[`--kubeconfig=${kubeconfig}`, `--secret-file=${secretFile}`],
    ...[`--state-dir=${join(folder, `speaker-${node}`)}`],
    ...[`--admin=${join(folder, `speaker-${node}.sock`)}`, "--log-format=text", "--log-level=debug"],
    // What a test asks for counts, also where that is another place than these.
    ...further,
  ];
};

const openSpeaker = (
  { lab, plane: { admin, folder } }: Pick<LabCluster, "lab" | "plane">,
  { node, place, args }: { readonly node: string; readonly place: Place; readonly args: readonly string[] },
): LabSpeaker => {
  const socket = join(folder, `speaker-${node}.sock`);
  const log = join(folder, `speaker-${node}.log`);
  mkdirSync(join(folder, `speaker-${node}`), { recursive: true });
  let pod: SpeakerPod | undefined;
  const status = async (): Promise<SpeakerStatus> =>
    (await readSocket(socket, "/v1/status")) as SpeakerStatus;
  const server = openLabServer(lab.host(node), {
    name: `speaker of ${node}`,
    command: commandOf(node, place, args),
    environment: { ...readLaunch().environment, NODE_NAME: node, POD_NAMESPACE: NAMESPACE },
    log,
    isReady: () =>
      status().then(
        ({ isSynced }) => isSynced,
        () => false,
      ),
    readyWithinMs: place.readyWithinMs,
  });
  const start = async (): Promise<void> => {
    pod ??= await createSpeakerPod(admin, node);
    await server.start();
  };
  const retire = async (): Promise<void> => {
    await pod?.end();
    await server.stop("SIGTERM");
    await pod?.remove();
    pod = undefined;
  };
  return {
    ...{ ...server, node, socket, status, start, retire },
    signal: async (part, signal) => {
      const { wire, agent } = await status();
      const { pid } = part === "wire" ? wire : agent;
      await lab.host(node).expect(["kill", `-${signal.slice(3)}`, String(pid)]);
    },
    log: () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
    replace: async () => {
      await retire();
      await start();
    },
  };
};

export type Speakers = {
  readonly all: readonly LabSpeaker[];
  on(node: string): LabSpeaker;
  /** Another one for the place of one that has ended, with these further arguments; it does not run yet. */
  open(node: string, args: readonly string[]): LabSpeaker;
  /** Resolves when all that run hear each other, or these. */
  acquainted(nodes?: readonly string[]): Promise<void>;
  /** The last lines that each has said. */
  lastWords(lines: number): string;
};

/** Waits until everybody hears everybody and is heard. */
const awaitMesh = async (speakers: readonly LabSpeaker[]): Promise<void> => {
  const names = speakers.map(({ node }) => node);
  await Promise.all(
    speakers.map(({ node, status }) =>
      eventually(`${node} hears ${names}, and they hear it`, 20_000, async () => {
        const members = await status().then(
          (said) => said.members,
          () => [], // It has been started just now.
        );
        const heard = new Set(
          members.filter(({ hearsUs }) => hearsUs === "yes").map((member) => member.node),
        );
        return names.every((name) => name === node || heard.has(name)) ? true : undefined;
      }),
    ),
  );
};

/** Starts a speaker on each node; resolves when all of them are ready and hear each other. */
export const startSpeakers = async (
  cluster: Pick<LabCluster, "lab" | "plane" | "nodes">,
  options: SpeakersOptions,
): Promise<Speakers> => {
  const {
    access,
    nodes = cluster.nodes.map(({ name }) => name),
    args = [],
    program = builtSpeaker,
    readyWithinMs = READY_WITHIN_MS,
  } = options;
  const { folder } = cluster.plane;
  const secretFile = join(folder, "speaker-secret");
  writeFileSync(secretFile, "it is the lab's, and nobody else's\n", { mode: 0o600 });
  const place = { folder, secretFile, kubeconfig: access.kubeconfig, program, readyWithinMs };
  const open = (node: string, more: readonly string[]): LabSpeaker =>
    openSpeaker(cluster, { node, place, args: [...args, ...more] });
  const all = nodes.map((node) => open(node, []));
  await Promise.all(all.map((speaker) => speaker.start()));
  const on = (node: string): LabSpeaker => {
    const found = all.find((speaker) => speaker.node === node);
    if (found === undefined) throw new Error(`there is no speaker on ${node}`);
    return found;
  };
  const acquainted = (names?: readonly string[]): Promise<void> =>
    awaitMesh(names?.map(on) ?? all.filter((speaker) => speaker.pid() !== undefined));
  await acquainted();
  return {
    ...{ all, on, acquainted, open },
    lastWords: (lines) =>
      all.map(({ node, lastWords }) => `speaker of ${node}:\n${lastWords(lines)}`).join("\n"),
  };
};
