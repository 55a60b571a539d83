/** What the tests of this folder ask the server with: an authority, its certificates, and clients that trust it. */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { Agent, request } from "node:https";
import { connect, type TLSSocket } from "node:tls";
import { wallTime } from "#base/time";
import { encodePem } from "#core/certificate/pem";
import { encodeCertificate, encodeToBeSigned, type Profile } from "#core/certificate/x509";
import type { ServerIdentity } from "./port.ts";

/** The name under which the server is asked. */
export const NAME = "steelyard-webhook.metallb-system.svc";

const HOUR = 3_600_000;

const keyIdOf = (key: KeyObject): Uint8Array =>
  createHash("sha256")
    .update(createPublicKey(key).export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 20);

const make = (profile: Profile, key: KeyObject, signer: KeyObject): ServerIdentity => {
  const toBeSigned = encodeToBeSigned({
    profile,
    serial: randomBytes(16),
    publicKey: createPublicKey(key).export({ type: "spki", format: "der" }),
    keyId: keyIdOf(key),
    notBefore: wallTime(Date.now() - HOUR),
    notAfter: wallTime(Date.now() + HOUR),
  });
  const signature = sign("sha256", toBeSigned, signer);
  return {
    certificate: encodePem(encodeCertificate({ toBeSigned, signature })),
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
};

const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

/** A new authority as PEM, and a certificate from it for `NAME`. */
export const newIdentity = (): { readonly ca: string; readonly identity: ServerIdentity } => {
  const authority = newKey();
  const profile = { type: "serving", names: [NAME], authorityKeyId: keyIdOf(authority) } as const;
  return {
    ca: make({ type: "authority" }, authority, authority).certificate,
    identity: make(profile, newKey(), authority),
  };
};

export type ClientAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Tells connections apart. */
  readonly localPort: number;
};

export type ClientRequest = {
  readonly port: number;
  readonly ca: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly agent?: Agent;
};

/** Asks as the API server does, and verifies the name; rejects when the connection fails. */
export const ask = (options: ClientRequest): Promise<ClientAnswer> =>
  new Promise((resolve, reject) => {
    const { port, ca, path = "/validate?timeout=10s", method = "POST", body = "" } = options;
    const headers = { "content-type": "application/json", ...options.headers };
    const agent = options.agent ?? new Agent({ keepAlive: false });
    const asked = request(
      { host: "127.0.0.1", port, ca, servername: NAME, path, method, headers, agent },
      (response) => {
        let text = "";
        const { localPort = 0 } = response.socket;
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, localPort }),
        );
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });

/** An open TLS connection, for saying what no HTTP client would. */
export const connectRaw = async (port: number, ca: string): Promise<TLSSocket> => {
  const socket = connect({ host: "127.0.0.1", port, ca, servername: NAME });
  await once(socket, "secureConnect");
  // A server that has refused does not read the rest, and the kernel says so.
  socket.on("error", () => {});
  return socket;
};

/** Everything that comes until the other side closes. */
export const readToEnd = (socket: TLSSocket): Promise<string> =>
  new Promise((resolve) => {
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.once("close", () => resolve(text));
  });
