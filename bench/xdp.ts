/** What the XDP program costs a packet, as the kernel measures it (BPF_PROG_TEST_RUN): no network, no driver. */
import { join } from "node:path";
import { addressBytes, type IpAddress, isIpv4, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { writeU16, writeU32 } from "#base/bytes";
import { type MacAddress, macBytes, parseMac } from "#base/mac";
import { instant } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { readObject } from "#core/xdp/object";
import { NO_TABLES, nextTables } from "#core/xdp/tables";
import { loadProgram } from "#drivers/balance/xdp/attachment";
import { Bpf } from "#drivers/balance/xdp/bpf";
import { MapSet } from "#drivers/balance/xdp/maps";
import { compileBpf } from "#native/clang";
import { openDoor } from "#native/door";
import { figure, type Result } from "./report.ts";
import { quantile } from "./statistics.ts";

const SOURCE = join(import.meta.dirname, "xdp/flows.c");
const CPUS = 64;
const BACKENDS = 100;
const SLOTS = 1021;
const RUNS = 9;
const BAR_NANOS = 90;
const XDP_PASS = 2;
const XDP_TX = 3;
const TCP = 6;
const ACK = 16;

const required = <Value>(value: Value | undefined): Value => {
  assert(value !== undefined, "a constant of the bench");
  return value;
};
const OWN: MacAddress = required(parseMac("02:00:00:00:00:01"));
const OTHER: MacAddress = required(parseMac("02:00:00:00:00:0b"));
const WAY = { index: 7, mac: OWN, mtu: 1500 };
const VIRTUAL = {
  IPv4: required(parseAddress("10.2.0.100")),
  IPv6: required(parseAddress("fd02::100")),
} as const;

const server = (address: IpAddress, port: number, backends: number): VirtualServer => ({
  ...{ name: `${address} ${port}`, address, protocol: "tcp", ports: onePort(port), mode: "dsr" },
  scheduler: { type: "consistent-hash", tableSize: SLOTS },
  backends: Array.from({ length: backends }, (_, index) => ({
    name: `w${index}`,
    address: required(parseAddress(isIpv4(address) ? `10.2.1.${index}` : `fd02::1:${index}`)),
    weight: 1,
  })),
});

/** Port 80 in rest, port 81 with every tenth slot in transition: a tenth more backends have just come. */
const planOf = (servers: readonly VirtualServer[], previous?: ForwardingPlan): ForwardingPlan =>
  planForwarding({
    servers,
    availability: () => "available",
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    previous,
    now: instant(0),
  });

type Shape = {
  readonly family: keyof typeof VIRTUAL;
  readonly port: number;
  /** The flows are 2 to the power of this. */
  readonly bits: number;
  readonly drawOnly?: boolean;
};

const frame = ({ family, port, bits, drawOnly = false }: Shape): Uint8Array => {
  const v4 = family === "IPv4";
  const header = v4 ? 20 : 40;
  const bytes = new Uint8Array(14 + header + 20);
  bytes.set(macBytes(OWN));
  writeU16(bytes, 12, v4 ? 0x0800 : 0x86dd);
  const ip = bytes.subarray(14);
  if (v4) {
    ip.set([0x45, drawOnly ? 1 : 0, 0, 40]);
    writeU16(ip, 4, bits);
    ip.set([64, TCP], 8);
  } else {
    writeU32(ip, 0, 0x6000_0000 | (drawOnly ? 1 << 20 : 0) | bits);
    writeU16(ip, 4, 20);
    ip.set([TCP, 64], 6);
  }
  ip.set(addressBytes(VIRTUAL[family]), v4 ? 16 : 24);
  const tcp = ip.subarray(header);
  writeU16(tcp, 2, port);
  tcp.set([0x50, ACK], 12);
  return bytes;
};

type Row = { readonly what: string; readonly shape: Shape };

const ROWS: readonly Row[] = [
  {
    what: "drawing one of 2^20 flows, and nothing else, IPv4",
    shape: { family: "IPv4", port: 80, bits: 20, drawOnly: true },
  },
  ...[0, 10, 16, 20].map((bits) => ({
    what: `2^${bits} flows, IPv4`,
    shape: { family: "IPv4", port: 80, bits } as const,
  })),
  {
    what: "2^20 flows, IPv4, a tenth of the slots in transition",
    shape: { family: "IPv4", port: 81, bits: 20 },
  },
  {
    what: "drawing one of 2^20 flows, and nothing else, IPv6",
    shape: { family: "IPv6", port: 80, bits: 20, drawOnly: true },
  },
  { what: "2^20 flows, IPv6", shape: { family: "IPv6", port: 80, bits: 20 } },
  { what: "no server of ours, IPv4: passed on", shape: { family: "IPv4", port: 79, bits: 20 } },
];

/** Loads the program behind the generator and runs it a million times for each row, several rounds. */
export const measureXdp = (repeat = 1_000_000): Result => {
  const compiled = readObject(compileBpf(SOURCE));
  assert(compiled.ok, "flows.c became an object that cannot be read");
  const bpf = new Bpf(openDoor());
  const families = Object.values(VIRTUAL);
  const before = planOf(
    families.flatMap((address) => [server(address, 80, BACKENDS), server(address, 81, BACKENDS - 10)]),
  );
  const plan = planOf(
    families.flatMap((address) => [80, 81].map((port) => server(address, port, BACKENDS))),
    before,
  );
  const surroundings = { way: () => WAY, neighbour: () => OTHER };
  const first = nextTables({ plan: before, surroundings, gap: false }, NO_TABLES);
  assert(first.ok, "the tables fit");
  // A place for flows is needed now, so the maps are made anew and everything is written again.
  const next = nextTables({ plan, surroundings, gap: false }, first.tables);
  assert(next.ok && next.renewed, "the tables fit, and are new");
  const maps = new MapSet(bpf, CPUS, next.tables.capacities, undefined);
  try {
    maps.write(next.writes);
    const { program } = loadProgram(bpf, maps, WAY, "generic", compiled.value);
    const samples = ROWS.map((): number[] => []);
    // Round after round, so that what disturbs the machine disturbs all rows alike.
    for (let round = 0; round < RUNS; round += 1) {
      for (const [index, { what, shape }] of ROWS.entries()) {
        const { verdict, nanos } = bpf.testRun(program, frame(shape), repeat);
        const expected = shape.port === 80 ? verdict === XDP_TX : verdict === XDP_PASS || verdict === XDP_TX;
        assert(expected, "the program forwards what it should", { what, verdict });
        samples[index]?.push(nanos);
      }
    }
    return report(samples);
  } finally {
    maps.close();
  }
};

const report = (samples: readonly (readonly number[])[]): Result => {
  const median = (index: number): number => quantile(samples[index] ?? [], 0.5);
  const million = median(ROWS.findIndex(({ what }) => what === "2^20 flows, IPv4"));
  return {
    bench: "xdp",
    tables: [
      {
        title: `**Nanoseconds a packet**, ${BACKENDS} backends, ${SLOTS} slots, the drawing of the flow included`,
        header: ["what", "median", "least", "most"],
        rows: ROWS.map(({ what }, index) => [
          what,
          figure(median(index)),
          figure(Math.min(...(samples[index] ?? []))),
          figure(Math.max(...(samples[index] ?? []))),
        ]),
      },
    ],
    bars: [
      {
        what: "XDP program, 1,048,576 flows, BPF_PROG_TEST_RUN",
        limit: `at or below ${BAR_NANOS} ns`,
        measured: `${figure(million)} ns`,
        met: million <= BAR_NANOS,
      },
    ],
    measurements: Object.fromEntries(ROWS.map(({ what }, index) => [what, samples[index]])),
  };
};
