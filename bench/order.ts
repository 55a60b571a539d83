/** What the command line of `npm run bench` asks for. Pure. */
import { parseArgs } from "node:util";

const DEFAULT_RUNS = 20;
const QUICK_RUNS = 3;

const OPTIONS = {
  runs: { type: "string" },
  duration: { type: "string" },
  quick: { type: "boolean", default: false },
  write: { type: "string" },
  json: { type: "string" },
  katran: { type: "string" },
} as const;

export type Order = {
  readonly names: readonly string[];
  readonly runs: number;
  readonly seconds: number | undefined;
  readonly quick: boolean;
  readonly page: string | undefined;
  readonly json: string | undefined;
  /** A checkout of Katran's sources for the bench `xdp`. */
  readonly katran: string | undefined;
};

/** The order, or what is wrong with it; `known` are the benches that there are, which all run unless some are named. */
export const readOrder = (args: readonly string[], known: readonly string[]): Order | string => {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    const runs = Number(values.runs ?? (values.quick ? QUICK_RUNS : DEFAULT_RUNS));
    if (!Number.isInteger(runs) || runs < 1) return "--runs wants a whole number above 0";
    const seconds = values.duration === undefined ? undefined : Number(values.duration);
    if (seconds !== undefined && !(seconds >= 1)) return "--duration wants seconds, at least 1";
    const unknown = positionals.filter((name) => !known.includes(name));
    if (unknown.length > 0) return `there is no bench ${unknown.join(", ")}`;
    const names = positionals.length > 0 ? positionals : known;
    const { katran } = values;
    if (katran === "") return "--katran wants the folder of a checkout of Katran";
    if (katran !== undefined && !names.includes("xdp")) return "--katran is for the bench xdp alone";
    return { names, runs, seconds, quick: values.quick, page: values.write, json: values.json, katran };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};
