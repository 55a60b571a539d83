/** What a preflight finds. */
import { type Finding as Shape, sortedBy } from "#core/finding/finding";

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
  "peers-unlisted",
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

export type Finding = Shape<FindingCode>;

/** Errors first, then in the order of the list. */
export const sorted = (findings: readonly Finding[]): readonly Finding[] => sortedBy(FINDINGS, findings);
