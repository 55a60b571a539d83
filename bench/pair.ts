/** Two edges that run the same program, steelyard or keepalived, with the same settings. */
import { setTimeout as pause } from "node:timers/promises";
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import type { LabProcess } from "#lab/host";
import type { Lab } from "#lab/lab";
import type { BuildCopy } from "./build-copy.ts";
import type { Advertisement, Hearing } from "./hearing.ts";

export type ProgramUnderTest = "steelyard" | "keepalived";

/** Which of the two: `active` has the higher priority. */
export type Place = "active" | "standby";

export type Pair = {
  readonly program: ProgramUnderTest;
  readonly virtualAddress: IpAddress;
  readonly vrid: number;
  readonly hosts: Readonly<Record<Place, string>>;
  readonly sources: Readonly<Record<Place, string>>;
};

/** The backends' UDP echo, and the port on which they answer checks. */
export const ECHO_PORT = 9000;
const CHECK_PORT = 80;
const BACKENDS = ["10.2.0.21", "10.2.0.22", "10.2.0.23"];

/** The standby's, from which its skew follows. */
export const PRIORITY: Readonly<Record<Place, number>> = { active: 150, standby: 100 };

const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert(parsed !== undefined, "not an address", { text });
  return parsed;
};

/** The first pair of a lab's four edges runs steelyard, the second keepalived. */
export const PAIRS: readonly Pair[] = [
  {
    program: "steelyard",
    virtualAddress: address("10.2.0.101"),
    vrid: 51,
    hosts: { active: "e1", standby: "e2" },
    sources: { active: "10.2.0.11", standby: "10.2.0.12" },
  },
  {
    program: "keepalived",
    virtualAddress: address("10.2.0.102"),
    vrid: 52,
    hosts: { active: "e3", standby: "e4" },
    sources: { active: "10.2.0.13", standby: "10.2.0.14" },
  },
];

/** What is the same for both programs in one measurement. */
export type Settings = {
  readonly intervalMs: number;
  /** False keeps steelyard from asking for real-time scheduling, as it does by default. */
  readonly realtime?: boolean;
  /** More documents for the configuration of steelyard's active edge. */
  readonly more?: string;
};

/** The `VirtualRouter` of an edge. */
export const routerResource = (pair: Pair, place: Place, { intervalMs }: Settings): string => `\
apiVersion: steelyard.dev/v1alpha1
kind: VirtualRouter
metadata: {name: front}
spec:
  interface: eth0
  vrid: ${pair.vrid}
  priority: ${PRIORITY[place]}
  advertisementInterval: ${intervalMs}ms
  addresses: [${pair.virtualAddress}/24]
`;

/** The `VirtualServer` that both programs' edges have, one way or the other. */
export const echoResource = ({ virtualAddress }: Pair): string => `\
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata: {name: echo}
spec:
  address: ${virtualAddress}
  protocol: UDP
  port: ${ECHO_PORT}
  backends:
${BACKENDS.map((backend) => `    - {address: ${backend}}`).join("\n")}
  health: {tcp: {}, port: ${CHECK_PORT}}
`;

/** keepalived's defaults, save that it does not wait before it takes part. */
const keepalivedConfig = (pair: Pair, place: Place, { intervalMs }: Settings): string => `\
global_defs {
  router_id ${pair.hosts[place]}
  vrrp_version 3
  vrrp_startup_delay 0
}
vrrp_instance front {
  state BACKUP
  interface eth0
  virtual_router_id ${pair.vrid}
  priority ${PRIORITY[place]}
  advert_int ${intervalMs / 1_000}
  virtual_ipaddress {
    ${pair.virtualAddress}/24
  }
}
`;

/** The balancing that keepalived's edges have from the start and never lose: keepalived brings none without IPVS. */
const forwarding = ({ virtualAddress }: Pair): string => `\
table ip balance {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr ${virtualAddress} udp dport ${ECHO_PORT} dnat to jhash ip saddr . udp sport mod ${BACKENDS.length} map { ${BACKENDS.map((backend, index) => `${index} : ${backend}`).join(", ")} }
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ct status dnat masquerade
  }
}
`;

const startSteelyard = async (
  { lab, copy, pair }: Bed,
  place: Place,
  settings: Settings,
): Promise<LabProcess> => {
  const host = lab.host(pair.hosts[place]);
  const more = place === "active" ? (settings.more ?? "") : "";
  const resources = `${routerResource(pair, place, settings)}---\n${echoResource(pair)}${more}`;
  await host.write("/run/edge.yaml", resources);
  const realtime = settings.realtime === false ? ["--no-realtime"] : [];
  return await host.spawn(copy.direct("edge", "--config", "/run/edge.yaml", ...realtime), {
    log: `/run/lab/logs/${host.name}.log`,
  });
};

const startKeepalived = async ({ lab, pair }: Bed, place: Place, settings: Settings): Promise<LabProcess> => {
  const host = lab.host(pair.hosts[place]);
  await host.run(["ip", "address", "del", `${pair.virtualAddress}/24`, "dev", "eth0"]);
  await host.write("/run/keepalived.conf", keepalivedConfig(pair, place, settings));
  const files = ["-f", "/run/keepalived.conf", "-p", "/run/keepalived.pid", "-r", "/run/vrrp.pid"];
  return await host.spawn(["keepalived", "-n", "-l", "-P", ...files], {
    log: `/run/lab/logs/${host.name}.log`,
  });
};

/** What a pair needs of its surroundings. */
export type Bed = { readonly lab: Lab; readonly copy: BuildCopy; readonly pair: Pair };

/** Prepares the hosts of a pair, once in a lab. */
export const prepare = async ({ lab, pair }: Bed): Promise<void> => {
  if (pair.program === "steelyard") return;
  for (const host of Object.values(pair.hosts))
    await lab.host(host).expect(["nft", "-f", "/dev/stdin"], { input: forwarding(pair) });
};

/** Starts one edge of a pair. Both programs are started by their own daemon process, without a supervisor. */
export const startEdge = (bed: Bed, place: Place, settings: Settings): Promise<LabProcess> =>
  bed.pair.program === "steelyard"
    ? startSteelyard(bed, place, settings)
    : startKeepalived(bed, place, settings);

/** Whether an advertisement is from that edge of the pair and does not say goodbye. */
export const isFrom =
  (pair: Pair, place: Place) =>
  ({ source, vrid, priority }: Advertisement): boolean =>
    source === pair.sources[place] && vrid === pair.vrid && priority > 0;

/** Advertisements in a row from the active edge, and none from the standby, that count as settled. */
const SETTLED = 3;

/** Resolves when the active edge alone advertises; throws when it does not in time. */
export const settle = async (pair: Pair, hearing: Hearing, withinMs = 10_000): Promise<void> => {
  const limit = performance.now() + withinMs;
  const from = hearing.all().length;
  const byPair = ({ vrid }: Advertisement): boolean => vrid === pair.vrid;
  while (performance.now() < limit) {
    const recent = hearing.all().slice(from).filter(byPair).slice(-SETTLED);
    if (recent.length === SETTLED && recent.every(isFrom(pair, "active"))) return;
    await pause(5);
  }
  throw new Error(`${pair.program}: ${pair.hosts.active} is not active alone after ${withinMs} ms`);
};
