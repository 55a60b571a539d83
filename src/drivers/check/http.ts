/**
 * HTTP and HTTPS checks: one GET on a connection of its own, judged by its status.
 *
 * Redirects are not followed: the status is the answer. A response counts when its body has ended, or after the first
 * 64 kB of it; a server that stops in the middle of a response has not answered.
 */
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { checkServerIdentity, type SecureContext } from "node:tls";
import { familyOf, type IpAddress } from "#base/address";
import type { ProbeKind } from "#core/health/config";
import type { Start } from "./attempt.ts";
import { answerFromError } from "./failure.ts";

type HttpProbe = Extract<ProbeKind, { type: "http" | "https" }>;
type Target = { readonly address: IpAddress; readonly port: number };

const MAX_HEADER_BYTES = 16_384;
const MAX_BODY_BYTES = 65_536;
/** Responses before the response (RFC 9110 §15.2): nobody needs more, and reading them without end keeps us busy. */
const MAX_INTERIM_RESPONSES = 16;

/** The `Host` header (RFC 9110 §7.2): brackets around IPv6, the port unless it is the scheme's own. */
const hostHeader = (probe: HttpProbe, { address, port }: Target): string => {
  if (probe.host !== undefined) return probe.host;
  const name = familyOf(address) === "IPv6" ? `[${address}]` : address;
  return port === (probe.type === "https" ? 443 : 80) ? name : `${name}:${port}`;
};

/** The name that the certificate must carry: `serverName`, else `host` without its port, else the address asked. */
const certificateName = (probe: HttpProbe, { address }: Target): string => {
  if (probe.serverName !== undefined) return probe.serverName;
  const host = probe.host?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return host === undefined || host === "" ? address : host;
};

const isAccepted = (probe: HttpProbe, status: number): boolean =>
  probe.statuses.some(({ from, to }) => status >= from && status <= to);

const acceptedText = (probe: HttpProbe): string =>
  probe.statuses.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");

const openRequest = (probe: HttpProbe, target: Target, secureContext?: SecureContext): ClientRequest => {
  const options: RequestOptions = {
    host: target.address,
    port: target.port,
    path: probe.path,
    agent: false,
    setHost: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    headers: { host: hostHeader(probe, target), "user-agent": "steelyard-health-check", accept: "*/*" },
  };
  if (probe.type === "http") return httpRequest(options);
  const name = certificateName(probe, target);
  return httpsRequest({
    ...options,
    ...(secureContext === undefined ? {} : { secureContext }),
    rejectUnauthorized: probe.verify,
    // SNI carries names only (RFC 6066 §3).
    servername: isIP(name) === 0 ? name : "",
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
  });
};

/** Statuses of a server that hides from us how it is; counted as a success only where the check accepts them. */
const MUTE: ReadonlySet<number> = new Set([401, 403]);

/** Judges the status, then reads on until the response has shown that it ends. */
const readResponse = (
  probe: HttpProbe,
  response: IncomingMessage,
  { answer }: Pick<Parameters<Start>[0], "answer">,
): void => {
  const status = response.statusCode ?? 0;
  if (!isAccepted(probe, status)) {
    const detail = `status ${status}, accepted: ${acceptedText(probe)}`;
    answer({ ok: false, reason: "status", detail });
    response.destroy();
    return;
  }
  const good = {
    ok: true,
    ...(MUTE.has(status) ? { note: `status ${status}: it tells nobody how it is` } : {}),
  } as const;
  let received = 0;
  response.on("data", (chunk: Uint8Array) => {
    received += chunk.length;
    if (received < MAX_BODY_BYTES) return;
    answer(good);
    response.destroy();
  });
  response.once("end", () => answer(good));
  response.on("error", (error) => answer(answerFromError(error)));
};

/** Asks `target`; `secureContext` holds the authorities of an HTTPS check that verifies. */
export const startHttp =
  (probe: HttpProbe, target: Target, secureContext?: SecureContext): Start =>
  ({ answer, gone }) => {
    let awaited = "the connection";
    const request = openRequest(probe, target, secureContext);
    request.once("close", gone);
    request.once("socket", (socket) => {
      socket.once("connect", () => {
        awaited = probe.type === "https" ? "the TLS handshake" : "the response";
      });
      socket.once("secureConnect", () => {
        awaited = "the response";
      });
    });
    request.on("error", (error) => answer(answerFromError(error)));
    let interim = 0;
    request.on("information", () => {
      interim += 1;
      if (interim <= MAX_INTERIM_RESPONSES) return;
      answer({
        ok: false,
        reason: "protocol",
        detail: `more than ${MAX_INTERIM_RESPONSES} interim responses`,
      });
      request.destroy();
    });
    request.once("response", (response) => {
      awaited = "the end of the response";
      readResponse(probe, response, { answer });
    });
    request.once("upgrade", (_, socket) => {
      answer({ ok: false, reason: "protocol", detail: "the server switched protocols unasked" });
      socket.destroy();
    });
    request.end();
    return {
      abandon() {
        request.destroy();
        return awaited;
      },
    };
  };
