/**
 * What each packet costs on its way through the edge, next to nftlb's rules for the same: a flood from one pinned sender, so that
 * there is nothing of clients, of servers and of how processors are shared in the figures.
 */
import { fileURLToPath } from "node:url";
import type { Lab } from "#lab/lab";
import { describeRatio, pairedRatio, reaches } from "./paired.ts";
import { figure, type Result } from "./report.ts";
import { median } from "./statistics.ts";
import { HTTP_PORT, type Variant } from "./throughput-variants.ts";

const PROGRAM = fileURLToPath(new URL("./programs/flood.ts", import.meta.url));
const NODES = ["n1", "n2", "n3"] as const;
const FLOOD_LASTS_MS = 60_000;

/** Drops what arrives for the servers, before anybody answers. */
const DROP = (link: string): string => `table netdev bench {
  chain drops { type filter hook ingress device "${link}" priority -600; policy accept; tcp dport ${HTTP_PORT} drop; }
}
`;

const drops = async (lab: Lab, host: string): Promise<void> => {
  const file = await lab.write(`drop-${host}.nft`, DROP("eth0"));
  await lab.host(host).expect(["nft", "-f", file]);
};
const dropsNoMore = (lab: Lab, host: string) =>
  lab.host(host).run(["nft", "delete", "table", "netdev", "bench"]);

/** Nanoseconds of a packet: a quarter of the bursts were faster. */
const flood = async (lab: Lab, address: string): Promise<number> => {
  const mac = (await lab.host("e1").expect(["cat", "/sys/class/net/eth0/address"])).trim();
  const argv = ["taskset", "-c", "1", process.execPath, PROGRAM, "eth1", mac, address, `${HTTP_PORT}`];
  const said = await lab.host("rt").expect(argv, { timeoutMs: FLOOD_LASTS_MS });
  return JSON.parse(said).nanoseconds;
};

/** Packets that came to the nodes so far. */
const arrived = async (lab: Lab): Promise<number> => {
  let sum = 0;
  for (const name of NODES)
    sum += Number(await lab.host(name).expect(["cat", "/sys/class/net/eth0/statistics/rx_packets"]));
  return sum;
};

/** Fewer than this, and a flood was not forwarded. */
const LEAST_FORWARDED = 150_000;

const measure = async (lab: Lab, { name, targets, up, down }: Variant): Promise<number> => {
  await up();
  try {
    for (const node of NODES) await drops(lab, node);
    const before = await arrived(lab);
    const nanoseconds = await flood(lab, targets[0]);
    const forwarded = (await arrived(lab)) - before;
    if (forwarded < LEAST_FORWARDED) throw new Error(`${name}: only ${forwarded} packets came out again`);
    return nanoseconds;
  } finally {
    for (const node of NODES) await dropsNoMore(lab, node);
    await down();
  }
};

/** The way to the edge alone. */
const measureFloor = async (lab: Lab, address: string): Promise<number> => {
  await drops(lab, "e1");
  try {
    return await flood(lab, address);
  } finally {
    await dropsNoMore(lab, "e1");
  }
};

/** The program of ours, and who it is compared with. */
export const DUEL = ["steelyard dsr", "nftlb dsr"] as const;
const FLOOR = "dropped at the edge";

const report = (
  measured: ReadonlyMap<string, readonly number[]>,
  rounds: number,
): Pick<Result, "tables" | "bars" | "measurements"> => {
  const of = (name: string): readonly number[] => measured.get(name) ?? [];
  const [mine, theirs] = DUEL;
  const ratio = pairedRatio(of(theirs), of(mine));
  return {
    tables: [
      {
        title: "**Nanoseconds of one packet, client's router to node**",
        header: ["path", "whole way", "of it after it came to the edge"],
        rows: [FLOOR, ...DUEL].map((name) => [
          name,
          figure(median(of(name))),
          name === FLOOR ? "-" : figure(median(of(name)) - median(of(FLOOR))),
        ]),
        notes: [
          `Medians of ${rounds} rounds, in which now the one and now the other began. A round: 800 times 256 packets of as many flows, of which the fastest quarter's slowest counts.`,
        ],
      },
    ],
    bars: [
      {
        what: `${theirs} / ${mine}: time of a packet`,
        limit: "at least 1.0",
        measured: describeRatio(ratio),
        met: reaches(ratio, 1),
      },
    ],
    measurements: Object.fromEntries(measured),
  };
};

/** Measures all in turn; every second round backwards. */
export const measurePacketCost = async (
  lab: Lab,
  options: {
    readonly variants: readonly Variant[];
    readonly rounds: number;
    readonly say: (line: string) => void;
  },
): Promise<ReturnType<typeof report>> => {
  const measured = new Map<string, number[]>();
  const note = (name: string, nanoseconds: number): void => {
    measured.set(name, [...(measured.get(name) ?? []), nanoseconds]);
  };
  const [first] = options.variants;
  for (let round = 1; round <= options.rounds; round += 1) {
    options.say(`nftlb: round ${round}`);
    note(FLOOR, await measureFloor(lab, first?.targets[0] ?? ""));
    for (const variant of round % 2 === 1 ? options.variants : options.variants.toReversed())
      note(variant.name, await measure(lab, variant));
  }
  return report(measured, options.rounds);
};
