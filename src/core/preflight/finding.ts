/** What a preflight finds. */

/** Every kind of finding, in the order in which they are shown; `docs/reference/preflight.md` lists them, and a test compares the two. */
export const FINDINGS = [
  "capabilities",
  "interface-missing",
  "interface-down",
  "interface-no-carrier",
  "interface-enslaved",
  "interface-no-arp",
  "interface-wireless",
  "address-outside",
  "ipv6-disabled",
  "arp-ignored",
  "address-taken",
  "address-here",
  "peer-silent",
  "peer-differs",
  "vrid-taken",
  "vrrp-version",
  "vrrp-filtered",
  "api-filtered",
  "balance-filtered",
  "other-program",
  "api-server-bound",
  "api-server-port-taken",
  "api-server-answers",
  "ca-file",
  "balance-nft",
  "clock",
] as const;

export type FindingCode = (typeof FINDINGS)[number];

export type Finding = {
  readonly code: FindingCode;
  /** `error`: the address will not work; `warning`: it may not, or not always. */
  readonly severity: "error" | "warning";
  /** What it is about: an interface, an address, a file, a program. */
  readonly subject: string;
  /** What is the matter and what comes of it, as one or two sentences. */
  readonly message: string;
  /** The command that mends it, or what to do, as a sentence. */
  readonly remedy: string;
};

/** Errors first, then in the order of the list. */
export const sorted = (findings: readonly Finding[]): readonly Finding[] => {
  const rank = ({ severity, code }: Finding): number =>
    (severity === "error" ? 0 : FINDINGS.length) + FINDINGS.indexOf(code);
  return [...findings].sort((left, right) => rank(left) - rank(right));
};
