/** One round of `steelyard kubeconfig`: whom to try, trying, writing what came of it. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Duration, seconds } from "#base/time";
import { type Candidate, decide, type Memory, next, type Try } from "#core/api-server/choose";
import {
  distinctEndpoints,
  type Endpoint,
  formatEndpoint,
  parseEndpoint,
  parseName,
  type ServerName,
  urlOf,
} from "#core/api-server/name";
import { withLockFile } from "#drivers/files/lock-file";
import { makePrivateDirectory, narrowMode, type Replaced, replaceFile } from "#drivers/files/replace";
import { askServer } from "#drivers/kubernetes/ask-server";
import { openCluster } from "#drivers/kubernetes/cluster";
import type { ClusterCredentials, Found } from "#drivers/kubernetes/credentials";
import { type Merge, mergeKubeconfig, rememberedServers } from "#drivers/kubernetes/merge-kubeconfig";
import { portableEntry } from "#drivers/kubernetes/portable";
import { API_PORT, learnServers } from "./api-servers.ts";
import type { Source } from "./kubeconfig-source.ts";

/** What a round goes by. */
export type Aim = {
  readonly virtual: readonly ServerName[];
  /** Where the virtual address leads to; `undefined`: the port that the source's server has. */
  readonly port: number | undefined;
  /** Those of the command line; none: those that are known. */
  readonly servers: readonly Endpoint[];
  readonly output: string;
  /** `undefined`: as the source calls it. */
  readonly context: string | undefined;
  readonly makeCurrent: boolean;
  readonly replace: boolean;
  /** How long each step of a try may take. */
  readonly limit: Duration;
};

export const contextOf = ({ context }: Aim, source: Source): string => context ?? source.context;

const isLoopback = ({ host }: Endpoint): boolean =>
  host.type === "dns" ? host.name === "localhost" : host.address === "::1" || host.address.startsWith("127.");

/** The server of the source itself, as it is reached from here; its own host's loopback address means that host. */
const ownServer = ({ host, credentials }: Source): Endpoint | undefined => {
  const endpoint = parseEndpoint(credentials.server, { port: 443 });
  if (endpoint === undefined || !isLoopback(endpoint) || host === undefined) return endpoint;
  const name = parseName(host.replace(/^\[|\]$/g, ""));
  return name === undefined ? undefined : { ...endpoint, host: name };
};

/** A pipe would keep us waiting for who writes to it. */
const textOfFile = (path: string): string => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return "";
  if (!found.isFile()) throw new Error("it is no regular file");
  return readFileSync(path, "utf8");
};

/** What was remembered in the output earlier. */
const remembered = (aim: Aim, source: Source): readonly Endpoint[] => {
  try {
    const texts = rememberedServers(textOfFile(aim.output), contextOf(aim, source));
    return texts.flatMap((text) => parseEndpoint(text, { port: API_PORT }) ?? []);
  } catch {
    return [];
  }
};

/** Whom to try: the virtual addresses, then nodes; this host's loopback address last, since it is of use to this host only. */
const candidatesOf = (aim: Aim, source: Source, learnt: readonly Endpoint[]): readonly Candidate[] => {
  const own = ownServer(source);
  const port = aim.port ?? own?.port ?? API_PORT;
  const virtual = aim.virtual.map((host) => ({ host, port }));
  const known = [...(own === undefined ? [] : [own]), ...learnt, ...remembered(aim, source)];
  const named = aim.servers.length > 0 ? aim.servers : known;
  const isVirtual = (each: Endpoint): boolean =>
    virtual.some((address) => formatEndpoint(address) === formatEndpoint(each));
  const nodes = distinctEndpoints(named).filter((each) => !isVirtual(each));
  const sorted =
    aim.servers.length > 0
      ? nodes
      : [...nodes.filter((each) => !isLoopback(each)), ...nodes.filter(isLoopback)];
  return [
    ...virtual.map((endpoint): Candidate => ({ kind: "virtual", endpoint })),
    ...sorted.map((endpoint): Candidate => ({ kind: "node", endpoint })),
  ];
};

/** The source's credentials for another server, whose certificate must carry the name by which it is called. */
const credentialsAt = (source: Source, endpoint: Endpoint): ClusterCredentials => ({
  ...source.credentials,
  server: urlOf(endpoint),
  serverName: undefined,
});

/** Tries one after the other, as far as is needed. */
export const tryServers = async (
  aim: Aim,
  source: Source,
  { memory, learnt }: { readonly memory: Memory; readonly learnt: readonly Endpoint[] },
): Promise<{ readonly tries: readonly Try[] } & ReturnType<typeof decide>> => {
  const candidates = candidatesOf(aim, source, learnt);
  const tries: Try[] = [];
  for (;;) {
    const candidate = next(candidates, memory, tries);
    if (candidate === undefined) return { tries, ...decide(memory, tries) };
    tries.push({ candidate, outcome: await askServer(credentialsAt(source, candidate.endpoint), aim.limit) });
  }
};

/** The servers that the cluster names, asked of the one that was chosen; none when it does not tell. */
export const learnFrom = async (source: Source, choice: Candidate): Promise<readonly Endpoint[]> => {
  const cluster = openCluster(credentialsAt(source, choice.endpoint), {
    connectionTimes: { connect: seconds(5) },
    clientTimes: { answer: seconds(5) },
  });
  try {
    return (await learnServers(cluster)).servers;
  } finally {
    cluster.close();
  }
};

/** What is to be in the file for a choice. */
export const mergeFor = (
  aim: Aim,
  source: Source,
  { choice, learnt }: { readonly choice: Candidate; readonly learnt: readonly Endpoint[] },
): Found<Merge> => {
  const entry = portableEntry(credentialsAt(source, choice.endpoint));
  if (!entry.ok) return entry;
  return {
    ok: true,
    value: {
      ...entry.value,
      context: contextOf(aim, source),
      namespace: source.credentials.namespace,
      makeCurrent: aim.makeCurrent,
      replace: aim.replace,
      servers: learnt.length === 0 ? undefined : learnt.map(formatEndpoint),
    },
  };
};

const MODE = 0o600;

export type Written =
  | { readonly ok: true; readonly isChanged: boolean; readonly notes: readonly string[] }
  | { readonly ok: false; readonly problem: string };

const bring = (path: string, merge: Merge): Written => {
  let text: string;
  try {
    text = textOfFile(path);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { ok: false, problem: `${path} cannot be read (${why.replace("Error: ", "")})` };
  }
  const merged = mergeKubeconfig(text, merge);
  if (!merged.ok) return { ok: false, problem: `${path}: ${merged.problem}` };
  const isChanged = merged.value !== text;
  const written: Replaced = isChanged
    ? replaceFile({ path, text: merged.value, mode: MODE })
    : narrowMode(path, MODE);
  return written.ok ? { ok: true, isChanged, notes: written.notes } : written;
};

/** Merges into the file, under the lock that kubectl takes too; touches nothing when nothing is to be changed. */
export const writeOutput = async (path: string, merge: Merge): Promise<Written> => {
  const noDirectory = makePrivateDirectory(dirname(path));
  if (noDirectory !== undefined) return { ok: false, problem: noDirectory };
  const locked = await withLockFile(path, () => bring(path, merge));
  return locked.ok ? locked.value : locked;
};
