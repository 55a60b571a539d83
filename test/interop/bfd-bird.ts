/** The peer: BIRD 2. */
import type { LabProcess } from "#lab/index";
import type { BfdBed } from "./bfd-bed.ts";
import { until } from "./bfd-bed.ts";

/** One session as `show bfd sessions` has it; times in milliseconds. */
export type BirdSession = {
  readonly state: string;
  readonly interval: number;
  readonly timeout: number;
};

export type Bird = {
  readonly program: LabProcess;
  /** Its only session; `undefined` when it has none. */
  readonly session: () => Promise<BirdSession | undefined>;
  /** Resolves when its session has this state. */
  readonly is: (state: "Up" | "Down" | "Init", withinMs?: number) => Promise<void>;
  /** Replaces the lines of its BFD protocol. */
  readonly configure: (...lines: readonly string[]) => Promise<void>;
  /** Says a command to it. */
  readonly say: (...words: readonly string[]) => Promise<string>;
};

const CONTROL = "/run/bird.ctl";

const configuration = (lines: readonly string[]): string =>
  [
    "log stderr all;",
    "router id 10.2.0.12;",
    "protocol device { }",
    "protocol bfd peers {",
    ...lines.map((line) => `  ${line}`),
    "}",
    "",
  ].join("\n");

/** `IP  Interface  State  Since  Interval  Timeout`, times in seconds. */
const SESSION = /^\S+\s+\S+\s+(Up|Down|Init|AdminDown)\s+\S+(?: \S+)?\s+([\d.]+)\s+([\d.]+)$/m;

let starts = 0;

/** Starts BIRD on a host with these lines in its BFD protocol. */
export const startBird = async (
  bed: BfdBed,
  host: "e2" | "cl",
  ...lines: readonly string[]
): Promise<Bird> => {
  starts += 1;
  const machine = bed.lab.host(host);
  const file = "/run/bird.conf";
  await machine.write(file, configuration(lines));
  const files = ["-c", file, "-s", CONTROL, "-P", `/run/bird-${starts}.pid`];
  const program = await machine.spawn(["bird", "-f", ...files]);
  bed.remember("bird", program);
  await program.said(/Started/);
  const say = (...words: readonly string[]) => machine.expect(["birdc", "-s", CONTROL, ...words]);
  const session = async (): Promise<BirdSession | undefined> => {
    const [, state, interval, timeout] = SESSION.exec(await say("show", "bfd", "sessions")) ?? [];
    if (state === undefined) return undefined;
    return { state, interval: Number(interval) * 1_000, timeout: Number(timeout) * 1_000 };
  };
  return {
    ...{ program, session, say },
    is: async (state, withinMs) => {
      await until(session, (found) => found?.state === state, withinMs);
    },
    configure: async (...next) => {
      await machine.write(file, configuration(next));
      await say("configure");
    },
  };
};
