/** Users of the common address: starting them, and what they had of a fault. */
import type { Instant } from "#base/time";
import { toMillis } from "#base/time";
import type { LabProcess } from "#lab/index";
import { longestGap, type Window } from "#lab/probe/report";
import type { Api } from "../api.ts";
import type { Masters } from "./bed.ts";
import { API_PORT, VIRTUAL_ADDRESS } from "./plan.ts";
import { type ApiRecord, type ApiRequest, LOAD_LABEL } from "./records.ts";

const LOAD = new URL("programs/api-load.ts", import.meta.url).pathname;
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

const createMaps = async (admin: Api, name: string): Promise<void> => {
  for (const index of MAPS)
    await admin.create("/api/v1/namespaces/default/configmaps", {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `${name}-${index}`, labels: { [LOAD_LABEL]: name } },
      data: { count: "-1" },
    });
};

const hostOf = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/** Starts users on the client; `admin` is any API server that answers now. */
export const startLoad = async (
  { client, folder, authority }: Pick<Masters, "client" | "folder" | "authority">,
  admin: Api,
  { address = VIRTUAL_ADDRESS, interval = 20, timeout = 2_000, reading = false }: LoadOptions = {},
): Promise<Load> => {
  loads += 1;
  const name = `load-${loads}`;
  await createMaps(admin, name);
  const user: LabProcess = await client.spawn([
    ...[process.execPath, LOAD, `--url=https://${hostOf(address)}:${API_PORT}`, `--name=${name}`],
    ...[`--identity=${folder}/admin`, `--ca=${authority.caFile}`],
    ...[`--interval=${interval}`, `--timeout=${timeout}`, ...(reading ? ["--reading"] : [])],
  ]);
  await user.said(/^ready$/m, 60_000);
  return {
    finish: async () => {
      await user.endInput();
      const { code } = await user.exited;
      if (code !== 0) throw new Error(`the load ended with ${code}: ${user.stderr()}`);
      // The load is ours, so the shape of its last line is known.
      return JSON.parse(user.stdout().trimEnd().split("\n").at(-1) ?? "");
    },
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
