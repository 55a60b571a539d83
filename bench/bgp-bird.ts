/** BIRD in the benches of BGP: ten routers with a table each that are told routes, or one router that spreads flows. And what it knows. */
import { connect } from "node:net";

/** Ours, and the routers'. */
export const ASN = { announcer: 65_001, routers: 4_200_000_002 } as const;

/** Where BIRD answers questions; every host of a lab sees this file. */
export const RECEIVER_CONTROL = "/run/lab/bgp-receiver.ctl";

/** Addresses of the ten routers. */
export const ROUTERS: readonly string[] = Array.from({ length: 10 }, (_, index) => `10.2.0.${201 + index}`);

const common = (routerId: string): readonly string[] => [
  "log stderr all;",
  `router id ${routerId};`,
  "protocol device { }",
];

/** Ten routers in one BIRD, each with a table of its own, who wait for the announcer to connect. */
export const receiverConfiguration = (announcer: string): string =>
  [
    ...common("10.2.0.12"),
    ...ROUTERS.flatMap((address, index) => [
      `ipv4 table t${index};`,
      `protocol bgp r${index} {`,
      `  local ${address} as ${ASN.routers};`,
      // One BIRD has no two sessions with the same address and port; as these never connect, the port is only a name.
      `  neighbor ${announcer} port ${1_001 + index} as ${ASN.announcer};`,
      "  passive on; hold time 90;",
      `  ipv4 { table t${index}; import all; export none; };`,
      "}",
    ]),
    "",
  ].join("\n");

/** How a router learns that a node is dead. */
export type Detection = {
  readonly holdTime: number;
  readonly keepaliveTime: number;
  /** Milliseconds between two packets of BFD, three of which may be missing; `undefined`: no BFD. */
  readonly bfd: number | undefined;
};

/** One router that spreads what it forwards over all nodes that announce a route. */
export const routerConfiguration = (
  nodes: readonly string[],
  { holdTime, keepaliveTime, bfd }: Detection,
): string =>
  [
    ...common("10.2.0.1"),
    ...(bfd === undefined
      ? []
      : [`protocol bfd { interface "eth1" { interval ${bfd} ms; multiplier 3; }; }`]),
    "protocol kernel { merge paths on; ipv4 { import none; export all; }; }",
    ...nodes.flatMap((node, index) => [
      `protocol bgp r${index} {`,
      `  local as ${ASN.routers};`,
      `  neighbor ${node} as ${ASN.announcer};`,
      `  hold time ${holdTime}; keepalive time ${keepaliveTime}; bfd ${bfd === undefined ? "off" : "on"};`,
      "  connect delay time 1; connect retry time 1; error wait time 1, 1;",
      "  ipv4 { import all; export none; };",
      "}",
    ]),
    "",
  ].join("\n");

/** What BIRD knows of its sessions. */
export type Tables = {
  /** Sessions that are up. */
  readonly established: number;
  /** Routes of each session. */
  readonly routes: readonly number[];
};

/** Reads `show protocols all`. */
export const readTables = (text: string): Tables => ({
  established: [...text.matchAll(/BGP state:\s+Established/g)].length,
  routes: [...text.matchAll(/Routes:\s+(\d+) imported/g)].map(([, count]) => Number(count)),
});

export type BirdControl = {
  readonly ask: (question: string) => Promise<string>;
  readonly close: () => void;
};

/** The line that ends an answer: a code and a space, while all others have a code and a dash, or neither. */
const END = /(?:^|\n)\d{4} [^\n]*\n$/;

/** Opens a conversation with BIRD over its control socket. One question at a time. */
export const openBirdControl = async (path: string): Promise<BirdControl> => {
  const socket = connect(path).setEncoding("latin1");
  let heard = "";
  let answered = Promise.withResolvers<string>();
  socket.on("data", (piece) => {
    heard += String(piece);
    if (!END.test(heard)) return;
    const text = heard;
    heard = "";
    answered.resolve(text);
  });
  socket.on("error", (error) => answered.reject(error));
  socket.on("close", () => answered.reject(new Error("BIRD has closed the conversation")));
  await answered.promise;
  return {
    ask: (question) => {
      answered = Promise.withResolvers();
      socket.write(`${question}\n`);
      return answered.promise;
    },
    close: () => {
      answered.promise.catch(() => {});
      socket.destroy();
    },
  };
};
