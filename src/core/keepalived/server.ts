/** `virtual_server`: reads the block and makes a `VirtualServer` of it. */
import { type IpAddress, parseAddress } from "#base/address";
import type { ServerInput } from "#core/config/schema-server";
import { integerOf, quoted, wordOf } from "./arguments.ts";
import { modeFrom, schedulerFrom } from "./forwarding.ts";
import { commonHealth } from "./health.ts";
import { readHost } from "./host.ts";
import { type PersistenceDraft, persistenceFrom } from "./persistence.ts";
import { INHIBIT, type RealServer, readRealServer } from "./real-server.ts";
import { INNER, LABEL, MAIL, NOTIFY } from "./reasons.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";
import { applyTable, carried, each, lost, needless, type Rule, type Table } from "./table.ts";
import { TIMING, type Timing } from "./timing.ts";

/** A `virtual_server` as it was written. */
type Draft = {
  readonly timing: Timing;
  virtualhost?: string;
  protocol: string;
  protocolStatement?: Statement;
  scheduler?: Statement;
  method?: Statement;
  hashesPort: boolean;
  sorry?: Sorry;
  readonly persistence: PersistenceDraft;
  realServers: readonly RealServer[];
};

/** Who stands in while no backend can. */
type Sorry = { readonly statement: Statement; readonly address: IpAddress; readonly port?: number };

const readSorry = (draft: Draft, statement: Statement, report: Report): void => {
  const [host = "", port = "0"] = statement.args;
  const address = parseAddress(host);
  const number = Number(port);
  if (address === undefined) report.lost(statement, `${quoted(host)} is no address`);
  else if (!(Number.isInteger(number) && number >= 0 && number <= 65_535))
    report.lost(statement, `${quoted(port)} is no port in 1..65535`);
  else draft.sorry = { statement, address, ...(number === 0 ? {} : { port: number }) };
};

const statementOf = (key: "scheduler" | "method"): Rule<Draft> =>
  carried((draft, statement, report) => {
    if (wordOf(statement, report) !== undefined) draft[key] = statement;
  });

const TABLE: Table<Draft> = new Map([
  ...TIMING,
  ["virtualhost", carried(readHost)],
  ...each("lvs_sched lb_algo", statementOf("scheduler")),
  ...each("lvs_method lb_kind", statementOf("method")),
  ...each(
    "sh-port mh-port",
    carried((draft: Draft) => {
      draft.hashesPort = true;
    }),
  ),
  [
    "protocol",
    carried((draft, statement, report) => {
      draft.protocol = wordOf(statement, report) ?? draft.protocol;
      draft.protocolStatement = statement;
    }),
  ],
  [
    "real_server",
    carried((draft, statement, report) => {
      const server = readRealServer(statement, report);
      if (server !== undefined) draft.realServers = [...draft.realServers, server];
    }),
  ],
  [
    "quorum",
    carried((_draft, statement, report) => {
      const quorum = integerOf(statement, { min: 1, max: 1_000_000_000 }, report);
      if (quorum === 1) report.needless(statement, "is what steelyard does");
      else if (quorum !== undefined) report.lost(statement, "one healthy backend is enough to serve");
    }),
  ],
  ...each("hysteresis", lost("one healthy backend is enough to serve")),
  ...each("quorum_up quorum_down", NOTIFY),
  ["sorry_server", carried(readSorry)],
  ...each("sorry_server_inhibit", INHIBIT),
  ...each("sorry_server_lvs_method", lost("the sorry server is reached in the same way as the backends")),
  [
    "persistence_timeout",
    carried((draft, statement) => {
      draft.persistence.timeout = statement;
    }),
  ],
  [
    "persistence_granularity",
    carried((draft, statement) => {
      draft.persistence.granularity = statement;
    }),
  ],
  ...each("persistence_engine", lost("there is no persistence by what a packet holds")),
  ...each("inhibit_on_failure", INHIBIT),
  ...each("omega", needless("steelyard starts no program on a transition")),
  ...each("ha_suspend", needless("both boxes always check, so that the one that takes over knows")),
  ...each("ops", lost("a UDP flow keeps its backend")),
  ...each("sh-fallback mh-fallback", needless("a hash never chooses a failed backend")),
  ...each("flag-1 flag-2 flag-3", lost("write sh-port, sh-fallback, mh-port or mh-fallback")),
  ...each("ip_family", INNER),
  ...each("smtp_alert", MAIL),
  ...each("snmp_name", LABEL),
]);

/** Who is served where. */
type Front = { readonly address: IpAddress; readonly port: number | "all" };

const readFront = ({ args, ...statement }: Statement, report: Report): Front | undefined => {
  const about = { args, ...statement };
  const [host = "", port] = args;
  if (host === "fwmark" || host === "group") {
    report.lost(about, `a ${host} is no address; write one virtual_server for each address and port`);
    return undefined;
  }
  const address = parseAddress(host);
  const number = Number(port ?? "0");
  if (address === undefined) report.lost(about, `${quoted(host)} is no address`);
  else if (number === 0) return { address, port: "all" };
  else if (Number.isInteger(number) && number >= 1 && number <= 65_535) return { address, port: number };
  else report.lost(about, `${quoted(port)} is no port in 1..65535`);
  return undefined;
};

const MOST_WEIGHT = 256;

/** Weights in proportion, none above ours. */
const scaledWeights = (servers: readonly RealServer[], report: Report): readonly number[] => {
  const most = Math.max(0, ...servers.map(({ weight }) => weight));
  if (most <= MOST_WEIGHT) return servers.map(({ weight }) => weight);
  return servers.map(({ weight, statement }) => {
    const scaled = weight === 0 ? 0 : Math.max(1, Math.round((weight * MOST_WEIGHT) / most));
    report.changed(
      statement,
      `weight ${scaled} instead of ${weight}, in proportion: ${MOST_WEIGHT} is the most`,
    );
    return scaled;
  });
};

type BackendInput = NonNullable<ServerInput["backends"]>[number];

const backendsFrom = (
  servers: readonly RealServer[],
  {
    port,
    keepsPort,
    report,
  }: { readonly port: number | "all"; readonly keepsPort: boolean; readonly report: Report },
): BackendInput[] => {
  const weights = scaledWeights(servers, report);
  return servers.map((server, index) => {
    const moved = server.port !== undefined && server.port !== port;
    if (moved && keepsPort) {
      report.changed(
        server.statement,
        `reached at the port that the client asked for (${port}), as with keepalived`,
      );
    }
    const weight = weights[index] ?? 1;
    return {
      address: server.address,
      ...(moved && !keepsPort && server.port !== undefined ? { port: server.port } : {}),
      ...(weight === 1 ? {} : { weight }),
    };
  });
};

/** Each backend's own method can only repeat the server's. */
const noteMethods = (servers: readonly RealServer[], mode: string, report: Report): void => {
  for (const { method } of servers) {
    if (method === undefined) continue;
    const same = method.args[0] === (mode === "dsr" ? "DR" : "NAT");
    if (same) report.needless(method, "is the server's");
    else report.lost(method, "all backends of a server are reached in the same way");
  }
};

const sorryFrom = (
  sorry: Sorry | undefined,
  {
    port,
    keepsPort,
    report,
  }: { readonly port: number | "all"; readonly keepsPort: boolean; readonly report: Report },
): Pick<ServerInput, "sorryServer"> => {
  if (sorry === undefined) return {};
  const moved = sorry.port !== undefined && sorry.port !== port;
  if (moved && keepsPort) {
    report.changed(sorry.statement, `reached at the port that the client asked for (${port})`);
  }
  return {
    sorryServer: {
      address: sorry.address,
      ...(moved && !keepsPort && sorry.port !== undefined ? { port: sorry.port } : {}),
    },
  };
};

/** The server for a `virtual_server` block; `undefined`, with a note, when it cannot be one. */
export const serverFrom = (statement: Statement, report: Report): ServerInput | undefined => {
  const draft: Draft = { timing: {}, protocol: "UDP", hashesPort: false, persistence: {}, realServers: [] };
  applyTable(TABLE, statement.block ?? [], { draft, report, where: "virtual_server" });
  const { protocol, realServers } = draft;
  const front = readFront(statement, report);
  const mode = modeFrom(draft.method, { about: statement, report });
  if (protocol !== "TCP" && protocol !== "UDP") {
    report.lost(draft.protocolStatement ?? statement, `${quoted(protocol)}: only TCP and UDP are balanced`);
    return undefined;
  }
  if (front === undefined || mode === undefined) return undefined;
  noteMethods(realServers, mode, report);
  const scheduler = schedulerFrom(draft.scheduler, {
    about: statement,
    mode,
    hashesPort: draft.hashesPort,
    report,
  });
  const { port } = front;
  const keepsPort = mode === "dsr" || port === "all";
  const health = commonHealth(realServers, {
    timing: draft.timing,
    virtualhost: draft.virtualhost,
    portOf: (server) => {
      const reached = keepsPort ? port : (server.port ?? port);
      return reached === "all" ? undefined : reached;
    },
    report,
  });
  return {
    address: front.address,
    port,
    ...(protocol === "UDP" ? { protocol } : {}),
    mode,
    scheduler,
    backends: backendsFrom(realServers, { port, keepsPort, report }),
    ...sorryFrom(draft.sorry, { port, keepsPort, report }),
    ...persistenceFrom(draft.persistence, { front: front.address, report }),
    // Without a healthy backend and without a sorry server, IPVS refuses connections.
    whenAllFail: "reject",
    ...(health === undefined ? {} : { health }),
  };
};
