/** What the doctor finds. */
import { type Finding as Shape, sortedBy } from "#core/finding/finding";

/** Every kind of finding; `docs/reference/doctor.md` lists them, and a test compares the two. */
export const FINDINGS = [
  "strict-arp",
  "kube-proxy-unknown",
  "answers-elsewhere",
  "arp-announce",
  "pool-address-taken",
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

export type Finding = Shape<FindingCode>;

/** Errors first, then in the order of the list and by subject. */
export const sorted = (findings: readonly Finding[]): readonly Finding[] =>
  sortedBy(
    FINDINGS,
    [...findings].sort(
      (left, right) => Number(left.subject > right.subject) - Number(left.subject < right.subject),
    ),
  );
