/** What changes in the kernel cost, by our own codecs and by starting programs: what decisions 2, 3 and 5 rest on. */
import { fileURLToPath } from "node:url";
import type { Lab } from "#lab/lab";
import type { Result } from "./report.ts";

/** Milliseconds: of one change the median, of many the whole. */
export type KernelTimes = {
  readonly addresses: {
    readonly oneByCodec: number;
    readonly oneByProgram: number;
    readonly manyByCodec: number;
    readonly manyByProgram: number;
  };
  readonly elements: KernelTimes["addresses"] & { readonly oneVerdict: number };
};

const PROGRAM = fileURLToPath(new URL("./programs/kernel.ts", import.meta.url));

const milliseconds = (value: number): string => value.toFixed(value < 1 ? 3 : 1);

const report = (times: KernelTimes): Result => {
  const { addresses, elements } = times;
  return {
    bench: "kernel",
    tables: [
      {
        title: "**Changes in the kernel (milliseconds)**",
        header: ["what", "own codec", "started program"],
        rows: [
          ["one address", milliseconds(addresses.oneByCodec), milliseconds(addresses.oneByProgram)],
          ["500 addresses", milliseconds(addresses.manyByCodec), milliseconds(addresses.manyByProgram)],
          ["one element of a map", milliseconds(elements.oneByCodec), milliseconds(elements.oneByProgram)],
          [
            "1,000 elements, at once",
            milliseconds(elements.manyByCodec),
            milliseconds(elements.manyByProgram),
          ],
          ["one element that leads to a chain", milliseconds(elements.oneVerdict), "-"],
        ],
        notes: [
          "With a ruleset of 100 virtual servers in mode `dsr`. Many addresses by a program: `ip -batch`.",
        ],
      },
    ],
    bars: [],
    measurements: times,
  };
};

/** Times changes on a host of an open lab. */
export const measureKernel = async (lab: Lab): Promise<Result> => {
  const said = await lab.host("e1").expect([process.execPath, PROGRAM, "eth0"], { timeoutMs: 60_000 });
  return report(JSON.parse(said.trimEnd().split("\n").at(-1) ?? "{}"));
};
