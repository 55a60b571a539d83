/**
 * Which server a kubeconfig is to name: the virtual address while it does all that a client needs, else a node that does.
 *
 *                 good                       no virtual address is good
 *   ┌─────────┐ ◀────── (nothing chosen) ─────────────────────────────▶ ┌──────┐
 *   │ virtual │ ──────────── it is not good ──────────────────────────▶ │ node │
 *   └─────────┘ ◀─────── it was good twice in a row ─────────────────── └──────┘
 *
 * Pure: `next` says whom to ask, the caller asks, `decide` says what that means. A node is kept while it is good, so that
 * a virtual address that comes and goes does not have the file rewritten each time.
 */
import { type Endpoint, formatEndpoint } from "./name.ts";

export type Candidate = { readonly kind: "virtual" | "node"; readonly endpoint: Endpoint };

/** What came of trying one; each `type` is explained in docs/api-server-access.md. */
export type Outcome =
  | { readonly type: "good" }
  | {
      readonly type: "no-answer" | "no-tls" | "wrong-name" | "untrusted" | "refused" | "not-ready" | "no-api";
      readonly detail: string;
    };

export type Try = { readonly candidate: Candidate; readonly outcome: Outcome };

/** What is remembered from one round to the next. */
export type Memory = {
  readonly chosen: Candidate | undefined;
  /** Rounds in a row in which a virtual address was good while a node was chosen. */
  readonly returning: number;
};

export const NOTHING_CHOSEN: Memory = { chosen: undefined, returning: 0 };

/** How often in a row the virtual address must be good before a node is left for it. */
const ROUNDS_TO_RETURN = 2;

const textOf = ({ endpoint }: Candidate): string => formatEndpoint(endpoint);

const isGood = ({ outcome }: Try): boolean => outcome.type === "good";

const goodOf = (kind: Candidate["kind"], tries: readonly Try[]): Candidate | undefined =>
  tries.find((each) => each.candidate.kind === kind && isGood(each))?.candidate;

/** The node that is chosen now stands before the others. */
const inOrder = (candidates: readonly Candidate[], { chosen }: Memory): readonly Candidate[] => {
  if (chosen === undefined) return candidates;
  const isChosen = (each: Candidate): boolean => textOf(each) === textOf(chosen);
  return [...candidates.filter(isChosen), ...candidates.filter((each) => !isChosen(each))];
};

const returnsIn = ({ chosen, returning }: Memory, virtual: Candidate | undefined): number =>
  chosen?.kind === "node" && virtual !== undefined ? returning + 1 : 0;

/** Whether the virtual address is to be chosen as things stand. */
const takesVirtual = (memory: Memory, virtual: Candidate | undefined): boolean =>
  virtual !== undefined && (memory.chosen?.kind !== "node" || returnsIn(memory, virtual) >= ROUNDS_TO_RETURN);

/** Whom to try next in this round; `undefined` when enough is known. */
export const next = (
  candidates: readonly Candidate[],
  memory: Memory,
  tries: readonly Try[],
): Candidate | undefined => {
  const tried = new Set(tries.map(({ candidate }) => `${candidate.kind} ${textOf(candidate)}`));
  const untried = (kind: Candidate["kind"]): Candidate | undefined =>
    inOrder(candidates, memory).find(
      (each) => each.kind === kind && !tried.has(`${each.kind} ${textOf(each)}`),
    );
  const virtual = goodOf("virtual", tries);
  if (virtual === undefined) {
    const another = untried("virtual");
    if (another !== undefined) return another;
  }
  if (takesVirtual(memory, virtual) || goodOf("node", tries) !== undefined) return undefined;
  return untried("node");
};

/** What the file is to name after a round; nothing when no server was good, and the memory then stays. */
export const decide = (
  memory: Memory,
  tries: readonly Try[],
): { readonly choice: Candidate | undefined; readonly memory: Memory } => {
  const virtual = goodOf("virtual", tries);
  const returning = returnsIn(memory, virtual);
  const node = goodOf("node", tries);
  // A virtual address that is good once is better than no node at all.
  const choice = takesVirtual(memory, virtual) ? virtual : (node ?? virtual);
  if (choice === undefined) return { choice, memory: { ...memory, returning: 0 } };
  return { choice, memory: { chosen: choice, returning: choice.kind === "virtual" ? 0 : returning } };
};

const WORDS: Readonly<Record<Outcome["type"], string>> = {
  good: "reachable, its certificate is right, the API answers",
  "no-answer": "no answer",
  "no-tls": "something answers that is no TLS",
  "wrong-name": "its certificate does not carry this name: `steelyard tls fix` adds it",
  untrusted: "its certificate is not one that the cluster's authority vouches for",
  refused: "it does not accept these credentials",
  "not-ready": "it is not ready",
  "no-api": "something else than an API server answers",
};

/** A try in one line. */
export const describeTry = ({ candidate, outcome }: Try): string => {
  const kind = candidate.kind === "virtual" ? "virtual address" : "node";
  const detail = outcome.type === "good" || outcome.detail === "" ? "" : ` (${outcome.detail})`;
  return `${textOf(candidate)} (${kind}): ${WORDS[outcome.type]}${detail}`;
};

/** How long to wait for the next round, in milliseconds: `interval` at the virtual address, less while away from it. */
export const waitAfter = (memory: Memory, choice: Candidate | undefined, interval: number): number =>
  choice?.kind === "virtual" && memory.chosen?.kind === "virtual" ? interval : Math.min(interval, 2_000);
