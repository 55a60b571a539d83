/**
 * What the XDP program costs a packet, as the kernel measures it (BPF_PROG_TEST_RUN): no network, no driver. With a checkout
 * of Katran, the same of its program.
 */
import { join } from "node:path";
import { assert } from "#base/assert";
import { readObject } from "#core/xdp/object";
import { Bpf } from "#drivers/balance/xdp/bpf";
import { compileBpf } from "#native/clang";
import { openDoor } from "#native/door";
import { figure, type Result } from "./report.ts";
import { quantile } from "./statistics.ts";
import { measureDuel } from "./xdp/duel.ts";
import { reportDuel } from "./xdp/duel-report.ts";
import { loadOurs, SLOTS } from "./xdp/ours.ts";
import { BACKENDS, frame, type Shape, XDP_PASS, XDP_TX } from "./xdp/packets.ts";

const SOURCE = join(import.meta.dirname, "xdp/flows.c");
const RUNS = 9;
const BAR_NANOS = 90;

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
const measureAlone = (bpf: Bpf, repeat: number): readonly (readonly number[])[] => {
  const compiled = readObject(compileBpf(SOURCE));
  assert(compiled.ok, "flows.c became an object that cannot be read");
  const ours = loadOurs(bpf, { compiled: compiled.value });
  try {
    const samples = ROWS.map((): number[] => []);
    // Round after round, so that what disturbs the machine disturbs all rows alike.
    for (let round = 0; round < RUNS; round += 1) {
      for (const [index, { what, shape }] of ROWS.entries()) {
        const { verdict, nanos } = bpf.testRun(ours.program, frame(shape), repeat);
        const expected = shape.port === 80 ? verdict === XDP_TX : verdict === XDP_PASS || verdict === XDP_TX;
        assert(expected, "the program forwards what it should", { what, verdict });
        samples[index]?.push(nanos);
      }
    }
    return samples;
  } finally {
    ours.close();
  }
};

const NOT_GIVEN = "Katran's program: not given (`--katran FOLDER`), so not measured.";

const report = (samples: readonly (readonly number[])[], notes: readonly string[]): Result => {
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
        notes,
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

/** `katran` is a checkout of Katran's sources; without one, it is left out. */
export const measureXdp = ({
  repeat,
  katran,
  say,
}: {
  readonly repeat: number;
  readonly katran: string | undefined;
  readonly say: (line: string) => void;
}): Result => {
  const door = openDoor();
  const samples = measureAlone(new Bpf(door), repeat);
  if (katran === undefined) return report(samples, [NOT_GIVEN]);
  say("xdp: beside Katran");
  const duel = measureDuel(door, { checkout: katran, rounds: RUNS, repeat });
  const alone = report(samples, []);
  const { table, bars } = reportDuel(duel.samples, { version: duel.version, rounds: RUNS });
  return {
    ...alone,
    tables: [...alone.tables, table],
    bars: [...alone.bars, ...bars],
    measurements: { alone: alone.measurements, katran: duel.samples },
  };
};
