/** `steelyard plan`: lists which Services would get, lose or change an address by a change, before anybody makes it. */
import { breaksSomething, type Plan, type Planned, planChange } from "#core/allocation-plan/plan";
import { moveText, pendingText, planLines } from "#core/allocation-plan/sentence";
import { applyDeletion, applyObjects, parseDeletion, type World } from "#core/allocation-plan/world";
import { formatObjectProblem, type ObjectProblem } from "#core/metallb/problem";
import type { FilesPort } from "#drivers/files/port";
import { readValues } from "./documents.ts";
import { printable } from "./table.ts";
import { readWorldFrom, stateFiles, type WorldRead } from "./world.ts";

export type PlanOptions = {
  /** Files and directories with what is there now. */
  readonly state: readonly string[];
  /** What is there now, from elsewhere than files. */
  readonly now?: WorldRead;
  /** Files and directories to be applied over it. */
  readonly changes: readonly string[];
  /** What is to be deleted, as `KIND/NAME` or `KIND/NAMESPACE/NAME`. */
  readonly deletions: readonly string[];
  /** The class that the controller serves; `undefined`: Services without one. */
  readonly lbClass: string | undefined;
  /** One JSON object instead of text. */
  readonly json: boolean;
  /** Where files are read; the real ones by default. */
  readonly files?: FilesPort;
  /** Takes each line of output; standard output by default. */
  readonly print?: (line: string) => void;
};

const NOTHING_BREAKS = 0;
const UNREACHABLE = 1;
const WRONG_INPUT = 2;
const SOMETHING_BREAKS = 3;

type Changed =
  | { readonly ok: true; readonly world: World }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The world after what is to be deleted is gone, and what is to be applied is there. */
const changed = (now: World, { changes, deletions }: PlanOptions, files: FilesPort): Changed => {
  if (changes.length === 0 && deletions.length === 0) return { ok: true, world: now };
  const problems: string[] = [];
  let world = now;
  for (const text of deletions) {
    const deletion = parseDeletion(text);
    const without = deletion === undefined ? undefined : applyDeletion(world, deletion);
    if (deletion === undefined)
      problems.push(`--delete ${text}: is neither KIND/NAME nor KIND/NAMESPACE/NAME.`);
    else if (without === undefined) problems.push(`--delete ${text}: there is no such object in the state.`);
    else world = without;
  }
  const read = readValues(files, changes);
  problems.push(...read.problems);
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, world: applyObjects(world, read.values) };
};

const PLACES = { now: "in the state", next: "with the change" } as const;

const problemLine = (problem: ObjectProblem): string =>
  `${problem.severity === "warning" ? "warning: " : ""}${formatObjectProblem(problem)}.`;

const refusedLines = ({ world, problems }: Extract<Planned, { ok: false }>): readonly string[] => [
  ...problems.map(problemLine),
  `Nothing is planned: the resources ${PLACES[world]} are no valid configuration.`,
];

const jsonOf = ({ moves, pending, unchanged, notOurs, warnings }: Plan): unknown => ({
  moves: moves.map(({ decisions: _, ...move }) => ({ ...move, text: moveText({ ...move, decisions: _ }) })),
  pending: pending.map(({ service, isNew, decision, ...rest }) => ({
    service,
    isNew,
    reason: decision.refusal.reason,
    message: decision.refusal.message,
    remedy: decision.refusal.remedy,
    text: pendingText({ service, isNew, decision, ...rest }),
  })),
  unchanged,
  notOurs,
  warnings: warnings.map(formatObjectProblem),
});

/**
 * Prints what would become of Services. Gives the exit status: 0 when none would lose or change an address, 1 when what is
 * there now could not be read elsewhere, 2 when the files or the command line are wrong, 3 when some would.
 */
export const plan = (options: PlanOptions): number => {
  const { state, lbClass, json, files = stateFiles(), print = console.log } = options;
  const refuse = (lines: readonly string[], exit = WRONG_INPUT): number => {
    if (json) print(JSON.stringify({ problems: lines }, null, 2));
    else for (const line of lines) print(printable(line));
    return exit;
  };
  const now = options.now ?? readWorldFrom({ state, files });
  if (!now.ok) return refuse(now.problems, options.now === undefined ? WRONG_INPUT : UNREACHABLE);
  const next = changed(now.world, options, files);
  if (!next.ok) return refuse(next.problems);
  const planned = planChange({ now: now.world, next: next.world, lbClass });
  if (!planned.ok) return refuse(refusedLines(planned));
  if (json) print(JSON.stringify(jsonOf(planned.plan), null, 2));
  else {
    for (const warning of planned.plan.warnings) print(printable(problemLine(warning)));
    for (const line of planLines(planned.plan)) print(printable(line));
  }
  return breaksSomething(planned.plan) ? SOMETHING_BREAKS : NOTHING_BREAKS;
};
