/** What `steelyard tls fix` knows of the host that it runs on: its API server, as seen from this host, and how to wait for it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Duration, formatDuration, seconds } from "#base/time";
import {
  carries,
  type Endpoint,
  formatEndpoint,
  formatName,
  parseName,
  type ServerName,
  sniOf,
  urlOf,
} from "#core/api-server/name";
import type { Presented } from "#core/api-server/presented";
import { askForCertificate } from "#drivers/api-server/handshake";
import type { RunProgram } from "#drivers/host/program";
import { askServer } from "#drivers/kubernetes/ask-server";
import type { ClusterCredentials, Found } from "#drivers/kubernetes/credentials";
import { parseKubeconfig } from "#drivers/kubernetes/kubeconfig";

/** The host, and what is wanted of it. */
export type Host = {
  /** Root directory; another one in tests. */
  readonly root: string;
  readonly run: RunProgram;
  readonly names: readonly ServerName[];
  /** Where this host's API server listens, for this host. */
  readonly apiServer: Endpoint;
  readonly dryRun: boolean;
  /** How long a restarted API server may take until it is ready. */
  readonly wait: Duration;
  /** Goes into the names of copies. */
  readonly stamp: string;
  readonly say: (line: string) => void;
};

/** How it ended; `by-hand` and `failed` say what to do. */
export type Ended =
  | { readonly type: "done" }
  | { readonly type: "failed"; readonly lines: readonly string[] }
  | { readonly type: "by-hand"; readonly lines: readonly string[] };

export const failed = (...lines: readonly string[]): Ended => ({ type: "failed", lines });
export const byHand = (...lines: readonly string[]): Ended => ({ type: "by-hand", lines });

/** A path on the host. */
export const at = ({ root }: Host, path: string): string => join(root, path);

/** How the API server is seen from its own host. */
export type Seen = {
  /** Names that its certificate does not carry; all of them when it presents none. */
  readonly lacking: readonly ServerName[];
  /** Why it is not ready; `undefined` when it is. */
  readonly unwell: string | undefined;
};

const TRY_LIMIT = seconds(5);
const BETWEEN_MS = 1_000;

const namesIn = (presented: Presented): readonly string[] =>
  presented.type === "certificate" ? presented.certificate.names : [];

/** A name by which the certificate may be verified: on its own host it is the authority that counts, not the name. */
const anyName = (names: readonly string[]): string | undefined =>
  names.find((name) => parseName(name)?.type === "dns") ?? names[0];

/** The administrator's credentials for this host's own API server, wherever they lead otherwise. */
const credentialsFor = (
  { apiServer }: Host,
  kubeconfig: string,
  presented: readonly string[],
): Found<ClusterCredentials> => {
  let text: string;
  try {
    text = readFileSync(kubeconfig, "utf8");
  } catch {
    return { ok: false, problem: `${kubeconfig} cannot be read (run this as root)` };
  }
  const parsed = parseKubeconfig(text, kubeconfig);
  if (!parsed.ok) return parsed;
  const serverName = anyName(presented);
  return { ok: true, value: { ...parsed.value.credentials, server: urlOf(apiServer), serverName } };
};

const readiness = async (host: Host, kubeconfig: string, presented: readonly string[]) => {
  const credentials = credentialsFor(host, kubeconfig, presented);
  if (!credentials.ok) return credentials.problem;
  const outcome = await askServer(credentials.value, TRY_LIMIT);
  return outcome.type === "good"
    ? undefined
    : `${outcome.type}${outcome.detail === "" ? "" : `: ${outcome.detail}`}`;
};

const questionTo = ({ apiServer }: Host) => ({
  ...{ host: formatName(apiServer.host), port: apiServer.port, limit: TRY_LIMIT, authority: undefined },
});

/** The same, with a name by which the certificate that is presented now can be verified. */
export const credentialsHere = async (host: Host, kubeconfig: string): Promise<Found<ClusterCredentials>> => {
  const presented = await askForCertificate({ ...questionTo(host), sni: undefined });
  return credentialsFor(host, kubeconfig, namesIn(presented));
};

/** Looks at this host's API server once, with the credentials of the administrator's kubeconfig. */
export const lookAt = async (host: Host, kubeconfig: string): Promise<Seen> => {
  const { names } = host;
  // A name that clients ask for in SNI may have a certificate of its own.
  const presentedBySni = new Map<string | undefined, Presented>();
  for (const sni of new Set([undefined, ...names.map(sniOf)])) {
    presentedBySni.set(sni, await askForCertificate({ ...questionTo(host), sni }));
  }
  const namesFor = (sni: string | undefined): readonly string[] => {
    const presented = presentedBySni.get(sni);
    return presented === undefined ? [] : namesIn(presented);
  };
  const lacking = names.filter((name) => !carries(namesFor(sniOf(name)), name));
  const plain = presentedBySni.get(undefined);
  if (plain !== undefined && plain.type !== "certificate") return { lacking, unwell: plain.detail };
  return { lacking, unwell: await readiness(host, kubeconfig, namesFor(undefined)) };
};

/** Waits until the API server is ready and its certificate carries every name; gives what is still missing at the end. */
export const untilServes = async (
  host: Host,
  kubeconfig: string,
  limit: Duration,
): Promise<string | undefined> => {
  const end = performance.now() + limit / 1_000;
  for (;;) {
    const { lacking, unwell } = await lookAt(host, kubeconfig);
    if (lacking.length === 0 && unwell === undefined) return undefined;
    if (performance.now() > end) {
      const missing = unwell ?? `its certificate still lacks ${lacking.map(formatName).join(", ")}`;
      return `${formatEndpoint(host.apiServer)} after ${formatDuration(limit)}: ${missing}`;
    }
    await pause(BETWEEN_MS);
  }
};

/** The texts of names, as they are written into files. */
export const textsOf = (names: readonly ServerName[]): readonly string[] => names.map(formatName);

/** Whether two texts name the same. */
export const isSameName = (one: string, other: string): boolean => {
  const [left, right] = [parseName(one), parseName(other)];
  return left !== undefined && right !== undefined ? formatName(left) === formatName(right) : one === other;
};
