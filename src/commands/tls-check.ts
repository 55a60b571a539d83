/** `steelyard tls check`: whether the certificate of every API server carries the virtual address. */
import { seconds, wallTime } from "#base/time";
import { describeFinding, judge, remedyOf, statusOf, type Verdict } from "#core/api-server/judge";
import { type Endpoint, formatEndpoint, formatName, type ServerName, sniOf } from "#core/api-server/name";
import { askForCertificate } from "#drivers/api-server/handshake";
import { openCluster } from "#drivers/kubernetes/cluster";
import { findCredentials } from "#drivers/kubernetes/in-cluster";
import {
  authorityOf,
  type Given,
  learnServers,
  namesGiven,
  numberGiven,
  problemsIn,
  readAuthorityFile,
  serversGiven,
} from "./api-servers.ts";
import { printable, table } from "./table.ts";

export type TlsCheckOptions = {
  /** Virtual addresses or names, as given. */
  readonly address: readonly string[];
  /** API servers; none: those that the cluster names. */
  readonly server: readonly string[];
  /** `undefined`: as kubectl finds it, and only where `server` is empty. */
  readonly kubeconfig: string | undefined;
  readonly ca: string | undefined;
  /** Days before its end from which on a certificate is told of. */
  readonly soon: string;
  /** Seconds that one server may take. */
  readonly timeout: string;
  readonly output: string;
  readonly print?: (line: string) => void;
  readonly complain?: (line: string) => void;
};

const CANNOT_TELL = 2;
const DAY = 86_400_000;
/** Handshakes at once. */
const AT_ONCE = 16;

/** Whom to ask, and by whom they are to be signed. */
type Scope = { readonly servers: readonly Endpoint[]; readonly authority: string | undefined };

const authorityGiven = (ca: string | undefined): Given<string | undefined> =>
  ca === undefined ? { ok: true, value: undefined } : readAuthorityFile(ca);

/** The servers that were named, or that the cluster of the kubeconfig has. */
const scopeOf = async (
  { server, kubeconfig }: Pick<TlsCheckOptions, "server" | "kubeconfig">,
  ca: string | undefined,
): Promise<Given<Scope>> => {
  const given = serversGiven(server);
  if (!given.ok) return given;
  const isNeeded = given.value.length === 0 || kubeconfig !== undefined;
  if (!isNeeded) return { ok: true, value: { servers: given.value, authority: ca } };
  const credentials = findCredentials({ kubeconfig });
  if (!credentials.ok) {
    return {
      ok: false,
      problems: [`${credentials.problem}. Name the servers with --server, or another --kubeconfig.`],
    };
  }
  const known: Given<string | undefined> =
    ca === undefined ? authorityOf(credentials.value) : { ok: true, value: ca };
  if (!known.ok) return known;
  const authority = known.value;
  if (given.value.length > 0) return { ok: true, value: { servers: given.value, authority } };
  const cluster = openCluster(credentials.value);
  try {
    const { servers, problem } = await learnServers(cluster);
    return problem === undefined
      ? { ok: true, value: { servers, authority } }
      : { ok: false, problems: [`${problem}. Name the servers with --server.`] };
  } finally {
    cluster.close();
  }
};

/** Names that a client asks for in the same way: all addresses together, each DNS name by itself. */
const groupsOf = (names: readonly ServerName[]): readonly (readonly ServerName[])[] => {
  const groups = new Map<string, ServerName[]>();
  for (const name of names) {
    const key = sniOf(name) ?? "";
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return [...groups.values()];
};

type Asked = { readonly server: Endpoint; readonly verdict: Verdict };

type Asking = {
  readonly names: readonly ServerName[];
  readonly authority: string | undefined;
  /** Milliseconds. */
  readonly soon: number;
  /** Seconds. */
  readonly timeout: number;
};

const askServer = async (server: Endpoint, { names, authority, soon, timeout }: Asking): Promise<Asked> => {
  const answers = await Promise.all(
    groupsOf(names).map(async (group) => {
      const presented = await askForCertificate({
        ...{ host: formatName(server.host), port: server.port, authority, limit: seconds(timeout) },
        sni: group[0] === undefined ? undefined : sniOf(group[0]),
      });
      return { names: group, presented };
    }),
  );
  return { server, verdict: judge(answers, { now: wallTime(Date.now()), soon }) };
};

/** All of them, not all at once, in their order. */
const askAll = async (servers: readonly Endpoint[], asking: Asking): Promise<readonly Asked[]> => {
  const asked: Asked[] = [];
  for (let start = 0; start < servers.length; start += AT_ONCE) {
    const some = servers.slice(start, start + AT_ONCE);
    asked.push(...(await Promise.all(some.map((server) => askServer(server, asking)))));
  }
  return asked;
};

const resultOf = ({ findings, unknown }: Verdict): "fine" | "wrong" | "unknown" => {
  if (findings.length > 0) return "wrong";
  return unknown === undefined ? "fine" : "unknown";
};

const day = (at: number | undefined): string =>
  at === undefined ? "-" : new Date(at).toISOString().slice(0, 10);

const wordsOf = ({ findings, unknown }: Verdict): string => {
  const words = [
    ...findings.map(describeFinding),
    ...(unknown === undefined ? [] : [`cannot tell: ${unknown}`]),
  ];
  return words.length === 0 ? "fine" : words.join(", ");
};

const MOST_NAMES = 12;

const namesOf = ({ certificate }: Verdict): string => {
  const names = certificate?.names ?? [];
  const more = names.length > MOST_NAMES ? `, and ${names.length - MOST_NAMES} more` : "";
  return names.length === 0 ? "-" : `${names.slice(0, MOST_NAMES).join(", ")}${more}`;
};

/** As people read it. */
const textOf = (asked: readonly Asked[], authority: string | undefined): readonly string[] => {
  const rows = asked.map(({ server, verdict }) => [
    formatEndpoint(server),
    printable(wordsOf(verdict)),
    day(verdict.certificate?.notAfter),
    printable(namesOf(verdict)),
  ]);
  const remedies = new Set(asked.flatMap(({ verdict }) => verdict.findings.map(remedyOf)));
  return [
    ...table(["SERVER", "CERTIFICATE", "UNTIL", "NAMES"], rows),
    ...(remedies.size === 0 ? [] : [""]),
    ...remedies,
    ...(authority === undefined
      ? ["", "Who signed them was not checked: --ca FILE, or a --kubeconfig that holds the authority."]
      : []),
  ];
};

const iso = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());

const jsonOf = (asked: readonly Asked[], { names, authority }: Asking): string =>
  JSON.stringify({
    addresses: names.map(formatName),
    authorityChecked: authority !== undefined,
    servers: asked.map(({ server, verdict }) => ({
      server: formatEndpoint(server),
      result: resultOf(verdict),
      findings: verdict.findings.map((finding) => ({
        type: finding.type,
        message: describeFinding(finding),
      })),
      unknown: verdict.unknown ?? null,
      names: verdict.certificate?.names ?? [],
      issuer: verdict.certificate?.issuer ?? null,
      notBefore: iso(verdict.certificate?.notBefore),
      notAfter: iso(verdict.certificate?.notAfter),
    })),
  });

/** Asks every API server; gives the exit status: 0 all well, 1 something is wrong, 2 not known of all, or the command line is wrong. */
export const tlsCheck = async (options: TlsCheckOptions): Promise<number> => {
  const { print = console.log, complain = console.error } = options;
  const names = namesGiven(options.address);
  const soon = numberGiven("--soon", options.soon, 3_650);
  const timeout = numberGiven("--timeout", options.timeout, 300);
  const ca = authorityGiven(options.ca);
  const refuse = (problems: readonly string[]): number => {
    for (const problem of problems) complain(printable(problem));
    return CANNOT_TELL;
  };
  if (!names.ok || !soon.ok || !timeout.ok || !ca.ok) {
    return refuse(problemsIn([names, soon, timeout, ca]));
  }
  const scope = await scopeOf(options, ca.value);
  if (!scope.ok) return refuse(scope.problems);
  const { servers, authority } = scope.value;
  const asking: Asking = { names: names.value, authority, soon: soon.value * DAY, timeout: timeout.value };
  const asked = await askAll(servers, asking);
  if (options.output === "json") print(jsonOf(asked, asking));
  else for (const line of textOf(asked, authority)) print(line);
  return statusOf(asked.map(({ verdict }) => verdict));
};
