/** One thing that is wrong, and the order in which several are shown. */

/** `Code` is one of a list that a page documents, and a test compares the two. */
export type Finding<Code extends string = string> = {
  readonly code: Code;
  /** `error`: it does not work; `warning`: it may not, or not always. */
  readonly severity: "error" | "warning";
  /** What it is about: an interface, an address, a pool, a file, a program, a node. */
  readonly subject: string;
  /** What is the matter and what users notice, as one or two sentences. */
  readonly message: string;
  /** The command that mends it, or what to do, as a sentence. */
  readonly remedy: string;
};

/** Errors first, then in the order of the list, then as they came. */
export const sortedBy = <Code extends string>(
  codes: readonly Code[],
  findings: readonly Finding<Code>[],
): readonly Finding<Code>[] => {
  const rank = ({ severity, code }: Finding<Code>): number =>
    (severity === "error" ? 0 : codes.length) + codes.indexOf(code);
  return [...findings].sort((left, right) => rank(left) - rank(right));
};
