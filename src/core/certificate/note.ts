/** What an operator should know about the certificate: one closed list, with the sentence for each. */
import type { WallTime } from "#base/time";
import type { UnusableReason } from "./held.ts";

export type Note =
  /** The Secret held something that cannot be served with and is replaced. */
  | { readonly type: "secret-unusable"; readonly reason: UnusableReason }
  /** Our clock minus the API server's, in milliseconds. Its time is used. */
  | { readonly type: "clock-differs"; readonly by: number }
  /** The API server stamped a time that our clock has not reached; in milliseconds. Nothing is renewed. */
  | { readonly type: "clock-behind"; readonly by: number }
  /** The certificate was made at a time that has not come; in milliseconds. Nothing is renewed. */
  | { readonly type: "certificate-from-the-future"; readonly by: number }
  /** Somebody else keeps the Secret, and lets it run out. */
  | { readonly type: "foreign-expiring"; readonly notAfter: WallTime }
  | { readonly type: "foreign-expired"; readonly notAfter: WallTime }
  | { readonly type: "foreign-lacks-names"; readonly names: readonly string[] }
  | { readonly type: "foreign-authority-unknown" };

/** CamelCase, as reasons of events are. */
export const noteReason = (note: Note): string =>
  note.type.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

const UNUSABLE: Readonly<Record<UnusableReason, string>> = {
  "too-large": "a value is larger than any certificate or key",
  "not-base64": "a value is not base64",
  "certificate-unreadable": "tls.crt holds no certificate that can be read",
  "key-unreadable": "tls.key holds no private key that can be read",
  "key-of-another-certificate": "tls.key is not the key of tls.crt",
  "authority-unreadable": "ca.crt holds no certificate that can be read",
  "refused-by-tls": "TLS refuses tls.crt and tls.key",
};

/** In the largest unit that makes sense to people. */
const span = (milliseconds: number): string => {
  const hours = Math.round(Math.abs(milliseconds) / 3_600_000);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
};

const day = (at: WallTime): string => new Date(at).toISOString().slice(0, 10);

/** One sentence, with what to do where something can be done. */
export const noteSentence = (note: Note): string => {
  switch (note.type) {
    case "secret-unusable":
      return `the webhook's Secret could not be used and is replaced: ${UNUSABLE[note.reason]}`;
    case "clock-differs":
      return `this machine's clock is ${span(note.by)} ${note.by > 0 ? "ahead of" : "behind"} the API server's: set it; certificates are dated by the API server's until then`;
    case "clock-behind":
      return `the API server has written a time that lies ${span(note.by)} ahead of this machine's clock: set it; no certificate is renewed until then`;
    case "certificate-from-the-future":
      return `the webhook's certificate was made by a clock that is ${span(note.by)} ahead: set the clocks of the control plane; it is replaced once the API server's time is known`;
    case "foreign-expiring":
      return `the webhook's certificate, which somebody else keeps, ends on ${day(note.notAfter)} and has not been renewed; delete the Secret to let steelyard keep it`;
    case "foreign-expired":
      return `the webhook's certificate, which somebody else keeps, ended on ${day(note.notAfter)}: the API server refuses it; renew it, or delete the Secret to let steelyard keep it`;
    case "foreign-lacks-names":
      return `the webhook's certificate, which somebody else keeps, lacks ${note.names.join(" and ")}: the API server refuses it`;
    default:
      return "the webhook's certificate, which somebody else keeps, is not signed by its ca.crt: the API server refuses it unless the configuration's caBundle comes from elsewhere";
  }
};
