/** `steelyard explain service`: why a Service has the address that it has, or none. */
import { type Explained, explainService } from "#core/allocation-plan/explain";
import { explanationLines } from "#core/allocation-plan/sentence";
import type { ObjectKey } from "#core/kubernetes/meta";
import { formatObjectProblem } from "#core/metallb/problem";
import type { FilesPort } from "#drivers/files/port";
import { printable } from "./table.ts";
import { readWorldFrom } from "./world.ts";

export type ExplainOptions = {
  /** `NAMESPACE/NAME`, or a name in the namespace `default`. */
  readonly service: string;
  /** Files and directories with what is there now. */
  readonly state: readonly string[];
  /** The class that the controller serves; `undefined`: Services without one. */
  readonly lbClass: string | undefined;
  /** One JSON object instead of text. */
  readonly json: boolean;
  /** Where files are read; the real ones by default. */
  readonly files?: FilesPort;
  /** Takes each line of output; standard output by default. */
  readonly print?: (line: string) => void;
};

const EXPLAINED = 0;
const WRONG_INPUT = 2;

const keyOf = (text: string): ObjectKey => (text.includes("/") ? text : `default/${text}`) as ObjectKey;

const jsonOf = (explained: Explained): unknown => ({
  ...explained.explanation,
  cause: explained.cause,
  text: explanationLines(explained),
});

/** Prints why. Gives the exit status: 0 when the Service is there, 2 when it is not, or the files are wrong. */
export const explain = ({
  service,
  state,
  lbClass,
  json,
  print = console.log,
  ...rest
}: ExplainOptions): number => {
  const refuse = (lines: readonly string[]): number => {
    if (json) print(JSON.stringify({ problems: lines }, null, 2));
    else for (const line of lines) print(printable(line));
    return WRONG_INPUT;
  };
  const read = readWorldFrom({ state, ...rest });
  if (!read.ok) return refuse(read.problems);
  const key = keyOf(service);
  const found = explainService(read.world, { service: key, lbClass });
  if (!found.ok) {
    if (found.reason === "unknown") return refuse([`There is no Service ${key} in ${state.join(", ")}.`]);
    const problems = found.problems.map((problem) => `${formatObjectProblem(problem)}.`);
    return refuse([...problems, "Nothing is explained: the resources are no valid configuration."]);
  }
  if (json) print(JSON.stringify(jsonOf(found.explained), null, 2));
  else for (const line of explanationLines(found.explained)) print(printable(line));
  return EXPLAINED;
};
