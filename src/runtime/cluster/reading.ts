/** From the resources as they are now to what is in force: the last configuration that could be used. */
import { isDeepStrictEqual } from "node:util";
import type { TextMap } from "#core/kubernetes/meta";
import type { Configuration } from "#core/metallb/model";
import { formatObjectProblem, type ObjectProblem } from "#core/metallb/problem";
import { readConfiguration } from "#core/metallb/read";
import type { RawObject } from "./configuration-mirror.ts";

/** What is in force, and what was refused since. */
export type Current = {
  readonly configuration: Configuration | undefined;
  readonly problems: readonly ObjectProblem[];
  /** What can be said against it although it is in force. */
  readonly warnings: readonly string[];
};

/** Nothing was read yet. */
export const NOTHING_READ: Current = { configuration: undefined, problems: [], warnings: [] };

export type Reading =
  | { readonly type: "unchanged" }
  /** The configuration before stays in force. */
  | { readonly type: "refused"; readonly current: Current }
  | { readonly type: "applied"; readonly current: Current; readonly configuration: Configuration };

/** How many problems of a refused configuration are told at a time. */
const TOLD = 10;

/** Problems in words, the first of many. */
export const problemTexts = (problems: readonly ObjectProblem[]): readonly string[] => [
  ...problems.slice(0, TOLD).map(formatObjectProblem),
  ...(problems.length > TOLD ? [`and ${problems.length - TOLD} more`] : []),
];

/** Reads all resources anew. What is wrong with kinds that are not `decisive` is a warning: somebody else's to refuse. */
export const readCurrent = (
  {
    objects,
    decisive,
    ...around
  }: {
    readonly objects: readonly RawObject[];
    readonly namespaces: ReadonlyMap<string, TextMap>;
    /** Labels of nodes, to tell whether peers meet on one; without them they do wherever some node could be. */
    readonly nodes?: ReadonlyMap<string, TextMap>;
    readonly decisive: ReadonlySet<string>;
  },
  before: Current,
): Reading => {
  const used = objects.filter(({ kind }) => decisive.has(kind)).map(({ object }) => object);
  const read = readConfiguration({ objects: used, ...around });
  if (!read.ok) {
    const { problems } = read;
    if (isDeepStrictEqual(problems, before.problems)) return { type: "unchanged" };
    return { type: "refused", current: { ...before, problems } };
  }
  const { configuration, warnings } = read;
  const whole = readConfiguration({ objects: objects.map(({ object }) => object), ...around });
  const others = whole.ok ? [] : whole.problems.filter(({ kind }) => !decisive.has(kind));
  const current = { configuration, problems: [], warnings: problemTexts([...warnings, ...others]) };
  // Most changes of namespaces change nothing here, and to decide about every Service again takes its time.
  if (isDeepStrictEqual(current, before)) return { type: "unchanged" };
  return { type: "applied", current, configuration };
};
