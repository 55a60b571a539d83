/** `steelyard kubeconfig`: a kubeconfig that names the virtual address while that works, and else a node that does. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { seconds } from "#base/time";
import {
  type Candidate,
  describeTry,
  type Memory,
  NOTHING_CHOSEN,
  type Try,
  waitAfter,
} from "#core/api-server/choose";
import { type Endpoint, formatEndpoint } from "#core/api-server/name";
import { type RunProgram, runProgram } from "#drivers/host/program";
import { mergeKubeconfig } from "#drivers/kubernetes/merge-kubeconfig";
import { type Given, namesGiven, numberGiven, problemsIn, serversGiven } from "./api-servers.ts";
import { type Aim, contextOf, learnFrom, mergeFor, tryServers, writeOutput } from "./kubeconfig-round.ts";
import { ADMIN_FILES, readSource, type Source, type SourceOptions } from "./kubeconfig-source.ts";
import { printable } from "./table.ts";

export type KubeconfigOptions = {
  readonly address: readonly string[];
  readonly server: readonly string[];
  readonly from: string | undefined;
  readonly ssh: string | undefined;
  readonly sudo: boolean;
  readonly sourceContext: string | undefined;
  readonly context: string | undefined;
  /** `undefined`: `~/.kube/config`. */
  readonly output: string | undefined;
  readonly port: string | undefined;
  readonly makeCurrent: boolean;
  readonly replace: boolean;
  /** The kubeconfig goes to standard output, and no file is written. */
  readonly toOutput: boolean;
  readonly watch: boolean;
  /** Seconds between rounds of `watch`. */
  readonly interval: string;
  /** Seconds that each step of a try may take. */
  readonly timeout: string;
  readonly adminFiles?: readonly string[];
  readonly run?: RunProgram;
  readonly readInput?: () => string;
  readonly print?: (line: string) => void;
  readonly complain?: (line: string) => void;
  /** Ends `watch`. */
  readonly signal?: AbortSignal;
};

const VIRTUAL_CHOSEN = 0;
const NOTHING_GOOD = 1;
const WRONG = 2;
const NODE_CHOSEN = 3;

/** How often the servers are learnt anew while nothing changes, in milliseconds. */
const LEARN_EVERY = 300_000;

type Plan = { readonly aim: Aim; readonly source: SourceOptions; readonly interval: number };

/** The command line in our words, or everything that is wrong with it. */
const planOf = (options: KubeconfigOptions): Plan | readonly string[] => {
  const virtual = namesGiven(options.address);
  const servers = serversGiven(options.server);
  const port: Given<number | undefined> =
    options.port === undefined ? { ok: true, value: undefined } : numberGiven("--port", options.port, 65_535);
  const interval = numberGiven("--interval", options.interval, 86_400);
  const timeout = numberGiven("--timeout", options.timeout, 300);
  const problems = [...problemsIn([virtual, servers, port, interval, timeout])];
  if (options.watch && (options.toOutput || options.from === "-"))
    problems.push("--watch keeps a file right: it goes with neither --print nor --from -.");
  if (options.sudo && options.ssh === undefined) problems.push("--sudo goes with --ssh.");
  if (!virtual.ok || !servers.ok || !port.ok || !interval.ok || !timeout.ok || problems.length > 0)
    return problems;
  const output = options.output ?? join(homedir(), ".kube", "config");
  const { context, makeCurrent, replace, from, ssh, sudo, sourceContext } = options;
  const { adminFiles = ADMIN_FILES, run = runProgram, readInput = () => readFileSync(0, "utf8") } = options;
  const goal = { virtual: virtual.value, servers: servers.value, port: port.value, output, context };
  return {
    aim: { ...goal, makeCurrent, replace, limit: seconds(timeout.value) },
    source: { from, ssh, sudo, sourceContext, output, context, adminFiles, run, readInput },
    interval: interval.value * 1_000,
  };
};

type Printing = { readonly tell: (line: string) => void; readonly complain: (line: string) => void };

/** Says each thing when it is new, and not again while it stays. */
const whenNew = (say: (line: string) => void) => {
  let last = "";
  return (lines: readonly string[]): void => {
    const text = lines.join("\n");
    if (text === last) return;
    last = text;
    for (const line of lines) say(printable(line));
  };
};

const choiceLine = (
  aim: Aim,
  source: Source,
  { choice, target }: { choice: Candidate; target: string },
): string => `${target}: context ${contextOf(aim, source)} leads to ${formatEndpoint(choice.endpoint)}`;

/** What one run, or one round, came to. */
type Round = {
  readonly choice: Candidate | undefined;
  readonly memory: Memory;
  readonly tries: readonly Try[];
};

const statusOf = (choice: Candidate | undefined): number => {
  if (choice === undefined) return NOTHING_GOOD;
  return choice.kind === "virtual" ? VIRTUAL_CHOSEN : NODE_CHOSEN;
};

/** Tries once, writes or prints once. */
const runOnce = async (
  plan: Plan,
  options: KubeconfigOptions,
  { tell, complain }: Printing,
): Promise<number> => {
  const { aim } = plan;
  const read = await readSource(plan.source);
  if (!read.ok) {
    complain(printable(read.problem));
    return WRONG;
  }
  const source = read.value;
  if (source.note !== undefined) complain(printable(source.note));
  const { tries, choice } = await tryServers(aim, source, { memory: NOTHING_CHOSEN, learnt: [] });
  for (const each of tries) tell(printable(describeTry(each)));
  if (choice === undefined) {
    const untouched = options.toOutput ? "nothing is printed" : `${aim.output} stays as it is`;
    complain(`no server is good: ${untouched}. --server names further ones.`);
    return NOTHING_GOOD;
  }
  const learnt = options.toOutput || aim.servers.length > 0 ? [] : await learnFrom(source, choice);
  const merge = mergeFor(aim, source, { choice, learnt });
  if (!merge.ok) {
    complain(printable(merge.problem));
    return WRONG;
  }
  if (options.toOutput) {
    const merged = mergeKubeconfig("", merge.value);
    if (merged.ok) process.stdout.write(merged.value);
    return merged.ok ? statusOf(choice) : WRONG;
  }
  const written = await writeOutput(aim.output, merge.value);
  if (!written.ok) {
    complain(printable(written.problem));
    return WRONG;
  }
  for (const note of written.notes) tell(printable(note));
  const how = written.isChanged ? "" : ", as it did";
  tell(printable(`${choiceLine(aim, source, { choice, target: aim.output })}${how}`));
  return statusOf(choice);
};

/** Keeps the file right until it is told to end. */
const keepRight = async (
  plan: Plan,
  { tell, complain }: Printing,
  signal: AbortSignal | undefined,
): Promise<number> => {
  const { aim, interval } = plan;
  const [say, object] = [whenNew(tell), whenNew(complain)];
  let memory = NOTHING_CHOSEN;
  let source: Source | undefined;
  let learnt: readonly Endpoint[] = [];
  let learntAt = Number.NEGATIVE_INFINITY;
  const round = async (): Promise<Round> => {
    // A file may have been renewed since; another host is not asked again while its credentials are taken.
    const isKept = source !== undefined && plan.source.ssh !== undefined;
    const read = isKept ? undefined : await readSource(plan.source);
    if (read?.ok === true) source = read.value;
    if (read?.ok === false && source === undefined) {
      object([read.problem]);
      return { choice: undefined, memory, tries: [] };
    }
    const current = source as Source;
    const before = memory.chosen;
    const { tries, choice, memory: after } = await tryServers(aim, current, { memory, learnt });
    if (tries.some(({ outcome }) => outcome.type === "refused")) source = undefined;
    if (choice === undefined) {
      object([...tries.map(describeTry), `no server is good: ${aim.output} stays as it is`]);
      return { choice, memory: after, tries };
    }
    const isOld = performance.now() - learntAt > LEARN_EVERY || before === undefined;
    if (aim.servers.length === 0 && isOld) {
      learnt = await learnFrom(current, choice);
      learntAt = performance.now();
    }
    const merge = mergeFor(aim, current, { choice, learnt });
    const written = merge.ok ? await writeOutput(aim.output, merge.value) : merge;
    if (!written.ok) object([written.problem]);
    else {
      object([]);
      const line = choiceLine(aim, current, { choice, target: aim.output });
      say([...tries.map(describeTry), ...written.notes, line]);
    }
    return { choice, memory: after, tries };
  };
  while (signal?.aborted !== true) {
    const { choice, memory: after } = await round();
    memory = after;
    try {
      await pause(waitAfter(memory, choice, interval), undefined, { signal });
    } catch {
      break;
    }
  }
  return 0;
};

/**
 * Chooses a server and writes the file; gives the exit status: 0 it names the virtual address, 3 it names a node, 1 no server
 * was good and the file is as it was, 2 the command line or a file is wrong.
 */
export const kubeconfig = async (options: KubeconfigOptions): Promise<number> => {
  const { print = console.log, complain = console.error } = options;
  const plan = planOf(options);
  if (!("aim" in plan)) {
    for (const problem of plan) complain(printable(problem));
    return WRONG;
  }
  const printing = { tell: options.toOutput ? complain : print, complain };
  return options.watch ? keepRight(plan, printing, options.signal) : runOnce(plan, options, printing);
};
