/** `real_server`: a backend and how it is checked. */
import { type IpAddress, parseAddress } from "#base/address";
import { integerOf, quoted } from "./arguments.ts";
import { CHECKERS, type Checker, readChecker } from "./checker.ts";
import { readHost } from "./host.ts";
import { LABEL, MAIL, NOTIFY } from "./reasons.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";
import { applyTable, carried, changed, each, lost, type Rule, type Table } from "./table.ts";
import { TIMING, type Timing } from "./timing.ts";

/** A `real_server` as it was written. */
export type RealServer = {
  readonly statement: Statement;
  readonly address: IpAddress;
  /** `undefined`: the virtual server's. */
  readonly port?: number;
  weight: number;
  readonly timing: Timing;
  virtualhost?: string;
  method?: Statement;
  checkers: readonly Checker[];
};

/** Whether a failed backend is removed or gets no weight. */
export const INHIBIT = changed(
  "the mode decides what becomes of a failed backend's connections (docs/forwarding.md)",
);

const checker: Rule<RealServer> = carried((server, statement, report) => {
  const read = readChecker(statement, report);
  if (read === undefined) return;
  if (server.checkers.length === 0) server.checkers = [read];
  else report.lost(statement, "a backend is asked in one way; its first check counts");
});

const TABLE: Table<RealServer> = new Map([
  ...TIMING,
  ...each(CHECKERS.join(" "), checker),
  [
    "weight",
    carried((server, statement, report) => {
      server.weight = integerOf(statement, { min: 0, max: 65_535 }, report) ?? server.weight;
    }),
  ],
  ["virtualhost", carried(readHost)],
  ...each(
    "lvs_method lb_kind",
    carried((server: RealServer, statement: Statement) => {
      server.method = statement;
    }),
  ),
  ...each("inhibit_on_failure", INHIBIT),
  ...each("uthreshold lthreshold", lost("the number of connections of a backend is not limited")),
  ...each("notify_up notify_down", NOTIFY),
  ...each("smtp_alert", MAIL),
  ...each("snmp_name", LABEL),
  ...each(
    "SMTP_CHECK DNS_CHECK UDP_CHECK PING_CHECK BFD_CHECK FILE_CHECK",
    lost("there is no such check; write a script for it (MISC_CHECK), or ask by TCP or HTTP"),
  ),
]);

/** Reads a `real_server` block; `undefined`, with a note, when it has no address. */
export const readRealServer = (statement: Statement, report: Report): RealServer | undefined => {
  const [host = "", port] = statement.args;
  const address = parseAddress(host);
  const number = port === undefined || port === "0" ? undefined : Number(port);
  if (address === undefined || (number !== undefined && !(number >= 1 && number <= 65_535))) {
    const what = address === undefined ? `${quoted(host)} is no address` : `${quoted(port)} is no port`;
    report.lost(statement, what);
    return undefined;
  }
  const server: RealServer = {
    statement,
    address,
    ...(number === undefined ? {} : { port: number }),
    weight: 1,
    timing: {},
    checkers: [],
  };
  applyTable(TABLE, statement.block ?? [], { draft: server, report, where: "real_server" });
  return server;
};
