/** Turns what the schema library reports into findings. */
import type { BaseIssue, IssuePathItem } from "valibot";
import { error, type Finding, type Path } from "./problem.ts";
import { isSection } from "./unknown-keys.ts";

const step = (item: IssuePathItem): string | number => {
  const { key } = item;
  return typeof key === "number" ? key : String(key);
};

/**
 * The issues of the one option of a union that the operator meant: a section was written for the option that
 * takes sections, text for the one that takes text.
 */
const meant = (issue: BaseIssue<unknown>): readonly BaseIssue<unknown>[] => {
  if (issue.type !== "union" || issue.issues === undefined) return [];
  const wanted = isSection(issue.input) ? "section" : typeof issue.input;
  return issue.issues.filter((inner) => {
    if (inner.path !== undefined) return wanted === "section";
    return wanted === "string" && inner.type !== "object" && inner.type !== "string";
  });
};

/** The findings that one issue stands for. */
export const findingsOf = (issue: BaseIssue<unknown>, parent: Path = []): readonly Finding[] => {
  const path = [...parent, ...(issue.path ?? []).map(step)];
  const inner = meant(issue);
  if (inner.length > 0) return inner.flatMap((each) => findingsOf(each, path));
  const [message = "is not accepted", hint] = issue.message.split("\n");
  return [error(path, message, hint === "" ? undefined : hint)];
};
