/**
 * What the lab's users and its holder say to each other: one JSON object a line, both ways.
 *
 * Both ends are this program in the same version, so lines are trusted to have these shapes.
 */
import type { Fault, FaultState } from "./faults.ts";
import type { Topology } from "./topology.ts";

/** A program to start in a host. */
export type StartOptions = {
  readonly host: string;
  readonly argv: readonly string[];
  /** Added to the environment of the holder. */
  readonly env?: Readonly<Record<string, string>>;
  /** A directory both outside and inside of the lab; default `/`. */
  readonly directory?: string;
  /** A file below /run/lab that gets both outputs; they are then not sent to whoever started the program. */
  readonly log?: string;
  /** The program goes on when whoever started it leaves. Needs `log`. */
  readonly lasting?: boolean;
};

/** What a request asks for; each is answered by one reply with the same `id`. */
export type Order =
  | { readonly op: "build"; readonly topology: Topology }
  | { readonly op: "start"; readonly options: StartOptions }
  | { readonly op: "input"; readonly process: number; readonly text: string; readonly end: boolean }
  | { readonly op: "signal"; readonly process: number; readonly signal: NodeJS.Signals }
  | { readonly op: "fault"; readonly fault: Fault }
  | { readonly op: "write"; readonly path: string; readonly text: string }
  | { readonly op: "read"; readonly path: string }
  | { readonly op: "status" };

export type Request = { readonly id: number; readonly order: Order };

/** How a program ended: an exit code, or the signal that ended it. */
export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** A host as `lab status` shows it. `anchor` is the process that keeps its namespaces, by the lab's numbering. */
export type HostStatus = {
  readonly name: string;
  readonly anchor: number;
  readonly processes: readonly string[];
};

export type LabStatus = {
  readonly topology: Topology | undefined;
  readonly faults: FaultState;
  readonly hosts: readonly HostStatus[];
};

/** What a successful order gives, by its name; `undefined` where there is nothing to say. */
export type Results = {
  readonly build: undefined;
  readonly start: { readonly pid: number };
  readonly input: undefined;
  readonly signal: undefined;
  readonly fault: undefined;
  readonly write: undefined;
  readonly read: string;
  readonly status: LabStatus;
};

/** What the holder says: the reply to a request, or news of a started program (named by the request's `id`). */
export type Message =
  | { readonly type: "reply"; readonly id: number; readonly value?: unknown }
  | { readonly type: "refusal"; readonly id: number; readonly reason: string }
  | {
      readonly type: "output";
      readonly process: number;
      readonly stream: "stdout" | "stderr";
      readonly text: string;
    }
  | { readonly type: "exit"; readonly process: number; readonly exit: Exit }
  /** Said once at the start: the pid of the lab's first process as the outside numbers it. */
  | { readonly type: "hello"; readonly pid: number };

/** Splits a stream of text into whole lines; call the result with each piece that arrives. */
export const lineReader = (onLine: (line: string) => void): ((piece: string) => void) => {
  let rest = "";
  return (piece) => {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") onLine(line);
  };
};
