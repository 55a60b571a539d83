/** What a session has agreed on, as far as bytes depend on it. */

/** On what reading depends. */
export type DecodeContext = {
  /** Whether both speakers have four-octet AS numbers (RFC 6793), so that paths have them. */
  readonly hasFourOctetAsn: boolean;
  /** Whether the peer is in our own autonomous system; `undefined` before that is known, when no UPDATE may come. */
  readonly kind: "internal" | "external" | undefined;
};

/** On what writing depends. */
export type EncodeContext = {
  /** Whether both speakers have four-octet AS numbers (RFC 6793). */
  readonly hasFourOctetAsn: boolean;
  /** Whether families were agreed on (RFC 4760); otherwise IPv4 alone can be said. */
  readonly multiprotocol: boolean;
  /** Whether IPv4 routes may have IPv6 next hops (RFC 8950). */
  readonly hasExtendedNextHop: boolean;
};
