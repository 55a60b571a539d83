/** From the codes of Node.js, libuv and OpenSSL to our closed list of reasons. */
import type { ProbeFailure } from "#core/health/probe";
import type { Answer } from "./attempt.ts";

const REASON_BY_CODE: ReadonlyMap<string, ProbeFailure> = new Map([
  ["ECONNREFUSED", "refused"],
  ["ECONNRESET", "reset"],
  ["ECONNABORTED", "reset"],
  ["EPIPE", "reset"],
  ["ETIMEDOUT", "timeout"],
  ["EHOSTUNREACH", "unreachable"],
  ["EHOSTDOWN", "unreachable"],
  ["ENETUNREACH", "unreachable"],
  ["ENETDOWN", "unreachable"],
  ["EADDRNOTAVAIL", "unreachable"],
  // A firewall of this machine forbids the packet.
  ["EACCES", "unreachable"],
  ["EPERM", "unreachable"],
  // This machine has run out of something, which says nothing about the subject.
  ["EMFILE", "overloaded"],
  ["ENFILE", "overloaded"],
  ["ENOBUFS", "overloaded"],
  ["ENOMEM", "overloaded"],
  ["EAGAIN", "overloaded"],
  // OpenSSL found something that is not TLS.
  ["EPROTO", "tls"],
]);

/** OpenSSL's names of verification errors have no common prefix; these words are in all of them. */
const CERTIFICATE = /CERT|CRL|SIGNATURE|ISSUER|CA$|PATH_LENGTH|PURPOSE|UNTRUSTED|HOSTNAME|TRUST/;

const codeOf = (error: Error): string | undefined =>
  "code" in error && typeof error.code === "string" ? error.code : undefined;

const reasonOf = (code: string | undefined): ProbeFailure => {
  if (code === undefined) return "protocol";
  const known = REASON_BY_CODE.get(code);
  if (known !== undefined) return known;
  if (code.startsWith("HPE_")) return "protocol";
  return /^ERR_(?:TLS|SSL|OSSL)/.test(code) || CERTIFICATE.test(code) ? "tls" : "protocol";
};

/** The answer that an error of a socket or a request amounts to. */
export const answerFromError = (error: Error): Answer => {
  const code = codeOf(error);
  const named = code === undefined || error.message.includes(code);
  return {
    ok: false,
    reason: reasonOf(code),
    detail: named ? error.message : `${error.message} (${code})`,
  };
};
