/** What an API server showed when it was asked for its certificate, and reading the names in it. */
import { parseAddress } from "#base/address";
import type { WallTime } from "#base/time";

export type PresentedCertificate = {
  /** The alternative names: canonical addresses, DNS names in lower case. */
  readonly names: readonly string[];
  /** In one line. */
  readonly issuer: string;
  readonly notBefore: WallTime;
  readonly notAfter: WallTime;
  /** Whether one of the authorities that we know has signed it, dates aside; `unchecked` when we know none. */
  readonly signer: "known" | "other" | "unchecked";
  /** What a TLS library that knows these authorities said against it, names aside; `undefined` when nothing. */
  readonly objection: string | undefined;
};

/** What came of asking. */
export type Presented =
  | { readonly type: "certificate"; readonly certificate: PresentedCertificate }
  /** Something answers, and it is not TLS. */
  | { readonly type: "not-tls"; readonly detail: string }
  /** Nobody answers, or not enough to tell who it is. */
  | { readonly type: "no-answer"; readonly detail: string };

/** Far more names than a certificate of an API server has. */
const MOST_NAMES = 1_000;
const ALTERNATIVE = /(?:^|, )(DNS|IP Address):(?:"(?:[^"\\]|\\.)*"|([^,"]*))/g;

/**
 * The names in the text that Node.js makes of the alternative names (`DNS:a, IP Address:192.0.2.1`). A name that is quoted
 * there holds a character that no name may hold, and is passed over.
 */
export const alternativeNames = (text: string): readonly string[] => {
  const names: string[] = [];
  for (const [, kind, value] of text.matchAll(ALTERNATIVE)) {
    if (value === undefined || value === "") continue;
    const name = kind === "DNS" ? value.toLowerCase() : parseAddress(value);
    if (name !== undefined && names.length < MOST_NAMES) names.push(name);
  }
  return names;
};
