/** What the Secret holds, as far as decisions need it: dates, names, who signed whom. No keys. */
import type { WallTime } from "#base/time";

/** How far certificates begin before they are made, in milliseconds: a clock that is behind by less takes them. */
export const BACKDATING = 3_600_000;

/** One certificate. */
export type CertificateFacts = {
  /** As `encodePem` writes it. */
  readonly pem: string;
  readonly notBefore: WallTime;
  readonly notAfter: WallTime;
};

/** The certificate that is shown to the API server. */
export type ServingFacts = CertificateFacts & {
  /** DNS names only. */
  readonly names: readonly string[];
  /** Place in `authorities` of the one whose key signed it. */
  readonly signedBy: number | undefined;
  /** Whether the name of the signer is the one that our authorities have. */
  readonly isOurs: boolean;
};

/** Why the contents of a Secret cannot be served with. Each is also the reason in the event that tells of it. */
export type UnusableReason =
  | "too-large"
  | "not-base64"
  | "certificate-unreadable"
  | "key-unreadable"
  | "key-of-another-certificate"
  | "authority-unreadable"
  | "refused-by-tls";

export type Contents =
  /** Nothing under any of our keys, as in the placeholder that an installation brings. */
  | { readonly state: "empty" }
  | {
      readonly state: "unusable";
      readonly reason: UnusableReason;
      /** Those that could be read all the same: servers may still show what they signed. */
      readonly authorities: readonly CertificateFacts[];
    }
  | {
      readonly state: "usable";
      readonly serving: ServingFacts;
      /** Of `ca.crt`, in its order: ours puts the newest first. */
      readonly authorities: readonly CertificateFacts[];
      /** Place in `authorities` of the one whose key is in `ca.key`. */
      readonly signer: number | undefined;
    };

/** The Secret. */
export type HeldSecret =
  | { readonly type: "absent" }
  | {
      readonly type: "present";
      readonly resourceVersion: string;
      /** The latest time that the API server stamped on it: it cannot be earlier than that now. */
      readonly stampedAt: WallTime | undefined;
      readonly contents: Contents;
    };
