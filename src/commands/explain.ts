/** `steelyard explain service`: why a Service has the address that it has, or none, and who answers for it. */
import { type Explained, explainService } from "#core/allocation-plan/explain";
import { explanationLines } from "#core/allocation-plan/sentence";
import type { ObjectKey } from "#core/kubernetes/meta";
import { formatObjectProblem } from "#core/metallb/problem";
import type { FilesPort } from "#drivers/files/port";
import { type Answering, answeringLines, answeringOf } from "./explain-answering.ts";
import { printable } from "./table.ts";
import { readWorldFrom, type WorldRead } from "./world.ts";

export type ExplainOptions = {
  /** `NAMESPACE/NAME`, or a name in the namespace `default`. */
  readonly service: string;
  /** Files and directories with what is there now. */
  readonly state: readonly string[];
  /** What is there now, from elsewhere than files. */
  readonly now?: WorldRead;
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
const UNREACHABLE = 1;
const WRONG_INPUT = 2;

const keyOf = (text: string): ObjectKey => (text.includes("/") ? text : `default/${text}`) as ObjectKey;

const linesOf = (explained: Explained, answering: Answering | undefined): readonly string[] => [
  ...explanationLines(explained),
  ...(answering === undefined ? [] : answeringLines(answering)),
];

const jsonOf = (explained: Explained, answering: Answering | undefined): unknown => ({
  ...explained.explanation,
  cause: explained.cause,
  ...(answering === undefined ? {} : { answering }),
  text: linesOf(explained, answering),
});

/** Prints why. Gives the exit status: 0 when the Service is there, 1 without an answer from elsewhere, 2 when it is not there or the files are wrong. */
export const explain = ({
  service,
  state,
  now,
  lbClass,
  json,
  print = console.log,
  ...rest
}: ExplainOptions): number => {
  const refuse = (lines: readonly string[], exit = WRONG_INPUT): number => {
    if (json) print(JSON.stringify({ problems: lines }, null, 2));
    else for (const line of lines) print(printable(line));
    return exit;
  };
  const read = now ?? readWorldFrom({ state, ...rest });
  if (!read.ok) return refuse(read.problems, now === undefined ? WRONG_INPUT : UNREACHABLE);
  const key = keyOf(service);
  const found = explainService(read.world, { service: key, lbClass });
  if (!found.ok) {
    if (found.reason === "unknown")
      return refuse([
        `There is no Service ${key} in ${now === undefined ? state.join(", ") : "the cluster"}.`,
      ]);
    const problems = found.problems.map((problem) => `${formatObjectProblem(problem)}.`);
    return refuse([...problems, "Nothing is explained: the resources are no valid configuration."]);
  }
  const answering = answeringOf(read, { service: key, lbClass });
  if (json) print(JSON.stringify(jsonOf(found.explained, answering), null, 2));
  else for (const line of linesOf(found.explained, answering)) print(printable(line));
  return EXPLAINED;
};
