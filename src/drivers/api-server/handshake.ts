/** Asks a server for its certificate. */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { type Duration, formatDuration, toMillis, wallTime } from "#base/time";
import { alternativeNames, type Presented, type PresentedCertificate } from "#core/api-server/presented";
import { splitPem } from "#core/certificate/pem";

export type Question = {
  /** An address, or a name that is looked up. */
  readonly host: string;
  readonly port: number;
  /** The name to ask for in SNI; `undefined` asks for none, as clients do that know an address only. */
  readonly sni: string | undefined;
  /** PEM of the authorities that may have signed; `undefined` when we know none. */
  readonly authority: string | undefined;
  /** From the first packet to the end of the handshake. */
  readonly limit: Duration;
};

/** Certificates that a server may send along with its own. */
const MOST_INTERMEDIATES = 8;

const chainOf = (socket: TLSSocket): readonly X509Certificate[] => {
  const chain: X509Certificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // An authority is its own issuer: the chain ends where it begins to repeat itself.
  while (next?.raw !== undefined && chain.length <= MOST_INTERMEDIATES) {
    const certificate = new X509Certificate(next.raw);
    if (chain.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256)) break;
    chain.push(certificate);
    next = next.issuerCertificate;
  }
  return chain;
};

const signs = (issuer: X509Certificate, certificate: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

const isSignedBy = (chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): boolean => {
  let [current] = chain;
  for (let depth = 0; current !== undefined && depth <= MOST_INTERMEDIATES; depth += 1) {
    const certificate: X509Certificate = current;
    const { fingerprint256 } = certificate;
    if (authorities.some((authority) => authority.fingerprint256 === fingerprint256)) return true;
    if (authorities.some((authority) => signs(authority, certificate))) return true;
    current = chain.find((each) => each.fingerprint256 !== fingerprint256 && signs(each, certificate));
  }
  return false;
};

const inOneLine = (name: string): string => name.split("\n").join(", ");

const factsOf = (socket: TLSSocket, authority: string | undefined): PresentedCertificate | undefined => {
  const chain = chainOf(socket);
  const [leaf] = chain;
  if (leaf === undefined) return undefined;
  const authorities =
    authority === undefined ? [] : splitPem(authority).map((pem) => new X509Certificate(pem));
  const known = isSignedBy(chain, authorities) ? "known" : "other";
  return {
    names: alternativeNames(leaf.subjectAltName ?? ""),
    issuer: inOneLine(leaf.issuer),
    notBefore: wallTime(leaf.validFromDate.getTime()),
    notAfter: wallTime(leaf.validToDate.getTime()),
    signer: authority === undefined ? "unchecked" : known,
    objection:
      authority === undefined || socket.authorized
        ? undefined
        : String(socket.authorizationError ?? "refused"),
  };
};

const codeOf = (error: Error): string => ("code" in error ? String(error.code) : error.message);

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  EHOSTUNREACH: "no route to it",
  ENETUNREACH: "no route to it",
  ENOTFOUND: "the name is not known",
  EAI_AGAIN: "the name could not be looked up",
  ECONNRESET: "it closed the connection",
};

/** What an error tells: bytes that are no TLS, or nothing about who is there. An alert (RFC 8446 §6) is TLS. */
const presentedBy = (error: Error): Presented => {
  const code = codeOf(error);
  const isTalk = code.startsWith("ERR_SSL_") || code === "EPROTO";
  if (isTalk && !/ALERT/i.test(`${code} ${error.message}`)) return { type: "not-tls", detail: code };
  return { type: "no-answer", detail: WORDS[code] ?? code };
};

/** Asks once. Never rejects, and takes no longer than the limit. */
export const askForCertificate = ({ host, port, sni, authority, limit }: Question): Promise<Presented> =>
  new Promise((resolve) => {
    let isConnected = false;
    let socket: TLSSocket | undefined;
    const finish = (presented: Presented): void => {
      clearTimeout(timer);
      socket?.destroy();
      resolve(presented);
    };
    const timer = setTimeout(() => {
      const what = isConnected ? "it takes connections and says nothing" : "no connection";
      finish({ type: "no-answer", detail: `${what} within ${formatDuration(limit)}` });
    }, toMillis(limit));
    try {
      socket = connect({
        ...{ host, port },
        servername: sni !== undefined && isIP(sni) === 0 ? sni : "",
        // Nothing is sent to it; who it is we find out ourselves.
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        ...(authority === undefined ? {} : { ca: authority }),
      });
    } catch (error) {
      finish({ type: "no-answer", detail: error instanceof Error ? codeOf(error) : String(error) });
      return;
    }
    const open = socket;
    open.on("connect", () => {
      isConnected = true;
    });
    open.on("error", (error) => finish(presentedBy(error)));
    open.on("close", () => finish({ type: "no-answer", detail: "it closed the connection" }));
    open.on("secureConnect", () => {
      try {
        const certificate = factsOf(open, authority);
        finish(
          certificate === undefined
            ? { type: "not-tls", detail: "TLS without a certificate" }
            : { type: "certificate", certificate },
        );
      } catch (error) {
        const detail = error instanceof Error ? codeOf(error) : String(error);
        finish({ type: "not-tls", detail: `a certificate that cannot be read: ${detail}` });
      }
    });
  });
