/** What the doctor finds. */

/** Every kind of finding; `docs/reference/doctor.md` lists them, and a test compares the two. */
export const FINDINGS = [
  "strict-arp",
  "kube-proxy-unknown",
  "answers-elsewhere",
  "arp-announce",
  "strict-reverse-path",
  "wireless",
  "multicast-snooping",
  "no-arp",
  "pool-outside",
  "other-balancer",
  "bfd-port-taken",
  "bfd-never-heard",
  "bgp-peer-refused",
  "bgp-wrong-asn",
  "bgp-hold-time",
  "bgp-connection-refused",
  "bgp-unreachable",
  "bgp-password",
  "bgp-down",
  "bgp-bfd-silent",
  "bgp-left-out",
  "bgp-no-ecmp",
  "bgp-port-taken",
  "bgp-trouble",
  "pool-unannounced",
  "bgp-peer-nowhere",
] as const;

export type FindingCode = (typeof FINDINGS)[number];

export type Finding = {
  readonly code: FindingCode;
  readonly severity: "error" | "warning";
  /** What it is about: an interface, a pool, a program, a node. */
  readonly subject: string;
  /** What is the matter and what users notice, as one or two sentences. */
  readonly message: string;
  /** The command that mends it, or what to do, as a sentence. */
  readonly remedy: string;
};

/** Errors first, then by subject. */
export const sorted = (findings: readonly Finding[]): readonly Finding[] => {
  const rank = ({ severity, code, subject }: Finding): string =>
    `${severity === "error" ? 0 : 1} ${FINDINGS.indexOf(code).toString().padStart(2, "0")} ${subject}`;
  return [...findings].sort((left, right) => (rank(left) < rank(right) ? -1 : 1));
};
