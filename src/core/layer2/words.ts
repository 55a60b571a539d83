/** An explanation in words, a sentence a line, the same for the same state. */
import { listText } from "#core/ipam/refusal";
import type { Explanation, Silent, Standing } from "./explain.ts";
import { LEFT_OUT_REMEDIES, type LeftOut, leftOutSentence, silentSentence } from "./reason.ts";

/** One line for each thing that is wrong with some nodes, however many they are. */
export const leftOutLines = (leftOut: readonly LeftOut[]): readonly string[] => {
  const byText = new Map<string, LeftOut[]>();
  for (const one of leftOut) {
    const same = byText.get(one.text);
    if (same === undefined) byText.set(one.text, [one]);
    else same.push(one);
  }
  return [...byText].flatMap(([text, same]) => {
    const [first] = same;
    if (first === undefined) return [];
    if (same.length === 1) return [leftOutSentence(first)];
    const nodes = listText(same.map(({ node }) => node));
    return [`Each of ${nodes} ${text}: ${LEFT_OUT_REMEDIES[first.reason]}.`];
  });
};

const silentLines = ({ service, reason, leftOut }: Silent): readonly string[] => [
  `${service} is not announced. ${silentSentence(reason)}`,
  ...leftOutLines(leftOut),
];

/** `Node a` with what is worth saying of it: `, preferred by 60`, `, behind the others (is cordoned)`. */
const standingText = ({ node, interfaces, preference, place, noticed, lacks }: Standing): string => {
  const texts = noticed.map(({ text }) => text).join(" and ");
  const where = interfaces === "all" ? "" : ` on ${listText(interfaces)}`;
  const preferred = preference === 0 ? "" : `, preferred by ${preference}`;
  const lacking = lacks === 0 ? "" : `, and cannot serve ${lacks} of the Services`;
  const behind = place === "behind" ? ", behind the others" : "";
  const why = texts === "" ? "" : ` (${texts})`;
  return `${node}${where}${preferred}${behind}${why}${lacking}.`;
};

/** Who may answer for an address, in order, and why the others may not. */
export const explanationLines = (explanation: Explanation): readonly string[] => {
  const { address, services, candidates, leftOut, silent } = explanation;
  const lines: string[] = [];
  if (services.length > 0) {
    lines.push(`${address} is announced for ${listText(services)}.`);
    if (candidates.length === 0) lines.push(silentSentence("no-candidates"));
  }
  for (const [index, candidate] of candidates.entries())
    lines.push(`${index + 1}. ${standingText(candidate)}`);
  return [...lines, ...leftOutLines(leftOut), ...silent.flatMap(silentLines)];
};
