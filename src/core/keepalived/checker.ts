/** The checkers of a real server: `TCP_CHECK`, `HTTP_GET`, `SSL_GET`, `MISC_CHECK`, and those that have no counterpart. */
import { type Duration, millis, seconds } from "#base/time";
import type { ServerInput } from "#core/config/schema-server";
import { integerOf, spell } from "./arguments.ts";
import { commandOf } from "./command.ts";
import { readHost } from "./host.ts";
import { INNER, SCRIPT_USER } from "./reasons.ts";
import type { Report } from "./report.ts";
import { boundedTime } from "./script.ts";
import type { Statement } from "./statements.ts";
import { applyTable, carried, each, lost, needless, type Table } from "./table.ts";
import { TIMING, type Timing } from "./timing.ts";
import { readUrl, type Url } from "./url.ts";

/** Our health section. */
export type Health = NonNullable<ServerInput["health"]>;

/** What a checker asks. */
type Kind = "tcp" | "http" | "https" | "script";

/** A checker as it was written. */
export type Checker = {
  readonly kind: Kind;
  readonly statement: Statement;
  readonly timing: Timing;
  port?: number;
  urls: readonly Url[];
  virtualhost?: string;
  command?: readonly string[];
  miscTimeout?: Duration;
};

const CONNECTION: Table<Checker> = new Map([
  ...TIMING,
  [
    "connect_port",
    carried((checker, statement, report) => {
      const port = integerOf(statement, { min: 1, max: 65_535 }, report);
      if (port !== undefined) checker.port = port;
    }),
  ],
  ...each("connect_ip", lost("the backend's own address is asked")),
  ...each("bindto bind_if bind_port fwmark", lost("checks go out as the kernel routes them")),
  ...each("log_all_failures", needless("every failed attempt is counted, with its reason")),
]);

const HTTP: Table<Checker> = new Map([
  ...CONNECTION,
  [
    "url",
    carried((checker, statement, report) => {
      const url = readUrl(statement, report);
      if (checker.urls.length === 0) checker.urls = [url];
      else report.lost(statement, "a check asks for one URL; the first one counts");
    }),
  ],
  ["virtualhost", carried(readHost)],
  ...each("http_protocol", needless("the request is HTTP/1.1, and the connection is closed after it")),
  ...each("enable_sni", needless("the name is always sent in the handshake")),
  ...each("fast_recovery", needless("there is one URL")),
]);

const MISC: Table<Checker> = new Map([
  ...TIMING,
  [
    "misc_path",
    carried((checker, statement, report) => {
      const command = commandOf(statement, report);
      if (command !== undefined) checker.command = command;
    }),
  ],
  [
    "misc_timeout",
    carried((checker, statement, report) => {
      const timeout = integerOf(statement, { min: 0, max: 1_000_000 }, report);
      if (timeout !== undefined) checker.miscTimeout = seconds(timeout);
    }),
  ],
  ...each("misc_dynamic", lost("a script says yes (0) or no; every other status than 0 is a failure")),
  ...each("log_all_failures", INNER),
  [
    "user",
    carried((_checker, statement, report) => {
      if (statement.args[0] === "root") report.needless(statement, "scripts run as the user of steelyard");
      else report.lost(statement, SCRIPT_USER);
    }),
  ],
]);

const KINDS: ReadonlyMap<string, { readonly kind: Kind; readonly table: Table<Checker> }> = new Map([
  ["TCP_CHECK", { kind: "tcp", table: CONNECTION }],
  ["HTTP_GET", { kind: "http", table: HTTP }],
  ["SSL_GET", { kind: "https", table: HTTP }],
  ["MISC_CHECK", { kind: "script", table: MISC }],
]);

/** The keywords that begin a checker we can read. */
export const CHECKERS: readonly string[] = [...KINDS.keys()];

/** Reads one checker; `undefined`, with a note, when nothing can be asked. */
export const readChecker = (statement: Statement, report: Report): Checker | undefined => {
  const known = KINDS.get(statement.keyword);
  if (known === undefined) return undefined;
  const checker: Checker = { kind: known.kind, statement, timing: {}, urls: [] };
  applyTable(known.table, statement.block ?? [], { draft: checker, report, where: statement.keyword });
  if (known.kind === "script" && checker.command === undefined) {
    report.lost(statement, "has no misc_path");
    return undefined;
  }
  return checker;
};

/** Defaults of keepalived that depend on the kind of checker. */
const DEFAULT_RETRY: Readonly<Record<Kind, number>> = { tcp: 1, http: 1, https: 1, script: 0 };
const DEFAULT_PAUSE: Readonly<Record<Kind, Duration>> = {
  tcp: seconds(1),
  http: seconds(3),
  https: seconds(3),
  script: seconds(1),
};
const DEFAULT_LOOP = seconds(60);
const DEFAULT_TIMEOUT = seconds(5);

const INTERVAL = { min: millis(50), max: seconds(3600) };
const TIMEOUT = { min: millis(10), max: seconds(60) };
const PAUSE = { min: millis(0), max: seconds(60) };
const MOST_RETRIES = 10;

const timersOf = (checker: Checker, inherited: Timing, report: Report): Partial<Health> => {
  const { kind, statement } = checker;
  const timing: Timing = { ...inherited, ...checker.timing };
  const about = { statement, report };
  const loop = timing.delayLoop ?? DEFAULT_LOOP;
  const misc = checker.miscTimeout === undefined || checker.miscTimeout === 0 ? loop : checker.miscTimeout;
  const timeout = kind === "script" ? misc : (timing.connectTimeout ?? DEFAULT_TIMEOUT);
  const retry = timing.retry ?? DEFAULT_RETRY[kind];
  if (retry > MOST_RETRIES)
    report.changed(statement, `${MOST_RETRIES} retries, the most there are, instead of ${retry}`);
  return {
    interval: spell(boundedTime(loop, INTERVAL, { ...about, what: "delay_loop" })),
    timeout: spell(boundedTime(timeout, TIMEOUT, { ...about, what: "timeout" })),
    retries: Math.min(MOST_RETRIES, retry),
    retryDelay: spell(
      boundedTime(timing.delayBeforeRetry ?? DEFAULT_PAUSE[kind], PAUSE, {
        ...about,
        what: "delay_before_retry",
      }),
    ),
    rise: 1,
    fall: 1,
  };
};

const probeOf = (checker: Checker, virtualhost: string | undefined): Partial<Health> => {
  const { kind, command, urls } = checker;
  const [url] = urls;
  const host = url?.virtualhost ?? checker.virtualhost ?? virtualhost;
  const request = {
    path: url?.path ?? "/",
    ...(host === undefined ? {} : { host }),
    statuses: [...(url?.statuses ?? ["200-299"])],
  };
  if (kind === "script") return { script: { command: [...(command ?? [])] } };
  // keepalived does not verify certificates.
  if (kind === "https") return { https: { ...request, verify: false } };
  return kind === "http" ? { http: request } : { tcp: {} };
};

/** The health section for a checker, apart from the port. */
export const healthFrom = (
  checker: Checker,
  context: {
    readonly timing: Timing;
    readonly virtualhost: string | undefined;
    readonly report: Report;
  },
): Health => ({
  ...probeOf(checker, context.virtualhost),
  ...timersOf(checker, context.timing, context.report),
});
