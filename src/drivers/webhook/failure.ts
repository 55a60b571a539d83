/** Sorts what Node.js and OpenSSL say about a connection that came to grief. */
import type { TroubleReason } from "./port.ts";

/**
 * How a client says that it does not take our certificate (RFC 8446 §6.2): Go sends `bad_certificate`; OpenSSL `unknown_ca`,
 * or `decrypt_error` if it knows an authority of that name with another key.
 */
const DISTRUST =
  /ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|DECRYPT_ERROR|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNSUPPORTED_CERTIFICATE)$/;
/** What is said of a client that has gone in the middle of something, as probes do. */
const GONE: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "HPE_INVALID_EOF_STATE"]);

const DISTRUSTED =
  "the client does not trust our certificate: is the caBundle of the webhook configuration the one of the Secret?";

/** What to tell; `undefined` for connections that merely went away. */
export const sortFailure = (
  error: NodeJS.ErrnoException,
): { readonly reason: TroubleReason; readonly detail: string } | undefined => {
  const { code = "", message } = error;
  if (GONE.has(code)) return undefined;
  if (DISTRUST.test(code)) return { reason: "untrusted", detail: DISTRUSTED };
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return { reason: "slow", detail: "the request did not arrive" };
  if (code === "ERR_TLS_HANDSHAKE_TIMEOUT")
    return { reason: "slow", detail: "the TLS handshake did not end" };
  if (code.startsWith("HPE_")) return { reason: "malformed", detail: code };
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_"))
    return { reason: "handshake", detail: code };
  return { reason: "handshake", detail: code === "" ? message : code };
};

/** The status line for a client whose request could not be read; `undefined` if nothing can be said to it. */
export const statusFor = ({ code = "" }: NodeJS.ErrnoException): string | undefined => {
  if (code === "HPE_HEADER_OVERFLOW") return "431 Request Header Fields Too Large";
  if (code.startsWith("HPE_")) return "400 Bad Request";
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? "408 Request Timeout" : undefined;
};
