/** Users of the common address: starting them, and what they had of a fault. */
import type { Instant } from "#base/time";
import { toMillis } from "#base/time";
import type { LabProcess } from "#lab/index";
import { longestGap, type Window } from "#lab/probe/report";
import type { Api, KubeObject } from "../api.ts";
import type { Masters } from "./bed.ts";
import { API_PORT, VIRTUAL_ADDRESS } from "./plan.ts";
import { type ApiRecord, type ApiRequest, LOAD_LABEL, type LongWatch } from "./records.ts";

const LOAD = new URL("programs/api-load.ts", import.meta.url).pathname;
const WATCHES = new URL("programs/watches.ts", import.meta.url).pathname;
const MAPS = Array.from({ length: 10 }, (_, index) => index);

export type LoadOptions = {
  /** Default: that of tests. */
  readonly address?: string;
  /** Milliseconds between two requests; default 20. */
  readonly interval?: number;
  /** Milliseconds after which a request has failed; default 2,000. */
  readonly timeout?: number;
  /** No PATCHes and no watch; default: both. */
  readonly reading?: boolean;
};

export type Load = {
  /** Ends it and gives what it saw. */
  finish(): Promise<ApiRecord>;
};

let loads = 0;

/** Ends a program of ours and gives what it prints at its end; the shape is as it says. */
const lastRecord = async <T>(user: LabProcess): Promise<T> => {
  await user.endInput();
  const { code } = await user.exited;
  if (code !== 0) throw new Error(`the load ended with ${code}: ${user.stderr()}`);
  return JSON.parse(user.stdout().trimEnd().split("\n").at(-1) ?? "");
};

/** Makes the ConfigMaps of a load; gives the version from which on they are changed. */
const createMaps = async (admin: Api, name: string): Promise<string> => {
  let version = "0";
  for (const index of MAPS) {
    const made = await admin.create<KubeObject>("/api/v1/namespaces/default/configmaps", {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `${name}-${index}`, labels: { [LOAD_LABEL]: name } },
      data: { count: "-1" },
    });
    version = made.metadata.resourceVersion ?? version;
  }
  return version;
};

const hostOf = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/** Starts users on the client, and waits until they are served; `admin` is any API server that answers now. */
export const startLoad = async (
  { client, folder, authority }: Pick<Masters, "client" | "folder" | "authority">,
  admin: Api,
  { address = VIRTUAL_ADDRESS, interval = 20, timeout = 2_000, reading = false }: LoadOptions = {},
): Promise<Load> => {
  loads += 1;
  const name = `load-${loads}`;
  const from = await createMaps(admin, name);
  const user: LabProcess = await client.spawn([
    ...[process.execPath, LOAD, `--url=https://${hostOf(address)}:${API_PORT}`, `--name=${name}`],
    `--from=${from}`,
    ...[`--identity=${folder}/admin`, `--ca=${authority.caFile}`],
    ...[`--interval=${interval}`, `--timeout=${timeout}`, ...(reading ? ["--reading"] : [])],
  ]);
  await user.said(/^ready$/m, 60_000);
  return {
    finish: () => lastRecord(user),
  };
};

export type Watches = {
  /** Changes what is watched, and gives the value that is told. */
  change(): Promise<string>;
  /** Ends them and gives what became of each. */
  finish(): Promise<readonly LongWatch[]>;
};

/** Begins so many watches of one ConfigMap on the client, none of which is begun again; it is changed over `admin`. */
export const startWatches = async (
  { client, folder, authority }: Pick<Masters, "client" | "folder" | "authority">,
  admin: Api,
  count: number,
): Promise<Watches> => {
  loads += 1;
  const name = `watched-${loads}`;
  const path = "/api/v1/namespaces/default/configmaps";
  await admin.create(path, { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { count: "0" } });
  const url = `https://${hostOf(VIRTUAL_ADDRESS)}:${API_PORT}`;
  const user = await client.spawn([
    ...[process.execPath, WATCHES, `--url=${url}`, `--name=${name}`, `--count=${count}`],
    ...[`--identity=${folder}/admin`, `--ca=${authority.caFile}`],
  ]);
  await user.said(/^ready$/m, 60_000);
  let changes = 0;
  return {
    change: async () => {
      changes += 1;
      const data = { count: String(changes) };
      const { status } = await admin.request("PATCH", `${path}/${name}`, {
        body: { data },
        contentType: "application/merge-patch+json",
      });
      if (status !== 200) throw new Error(`PATCH of ${name}: ${status}`);
      return data.count;
    },
    finish: () => lastRecord(user),
  };
};

const isAnswered = ({ error }: ApiRequest): boolean => error === undefined;
const endOf = ({ at, took }: ApiRequest): Instant => (at + took) as Instant;

/** When answers came, in order. */
export const answersOf = ({ requests }: ApiRecord): readonly Instant[] =>
  requests
    .filter(isAnswered)
    .map(endOf)
    .sort((left, right) => left - right);

/** The longest time without an answer, in milliseconds. */
export const outageMs = (record: ApiRecord, window: Window): number =>
  toMillis(longestGap(answersOf(record), window).length);

/** Requests of a window that failed. */
export const failed = ({ requests }: ApiRecord, { from, to }: Window): readonly ApiRequest[] =>
  requests.filter((each) => !isAnswered(each) && each.at >= from && each.at <= to);

/** Who answered requests that began in a window, by name, in order. */
export const answering = ({ requests }: ApiRecord, { from, to }: Window): readonly string[] =>
  [
    ...new Set(requests.flatMap(({ at, by }) => (by !== undefined && at >= from && at <= to ? [by] : []))),
  ].sort();

/** What was written and acknowledged, and never told by the watch although it was followed to the end. */
export const missedByWatch = ({ requests, watched }: ApiRecord): readonly number[] => {
  const told = new Set(watched.map(({ count }) => count));
  // What was written last may still be under way.
  const last = Math.max(...watched.flatMap(({ count }) => count ?? []));
  return requests.flatMap((each) =>
    isAnswered(each) && each.count !== undefined && each.count < last && !told.has(each.count)
      ? [each.count]
      : [],
  );
};
