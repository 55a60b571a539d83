/** A certificate authority for one test's control plane, made with openssl and gone with its folder. */
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A certificate and its key, as text and as files. */
export type Certified = {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
};

/** Whom a certificate names: a server by its addresses and names, or a user of Kubernetes with its groups. */
export type Subject =
  | {
      readonly type: "server";
      readonly addresses: readonly string[];
      readonly names?: readonly string[];
      /** Default: `kube-apiserver`. */
      readonly commonName?: string;
    }
  | { readonly type: "client"; readonly user: string; readonly groups: readonly string[] };

export type Authority = {
  /** The authority's own certificate. */
  readonly ca: string;
  readonly caFile: string;
  issue(name: string, subject: Subject): Promise<Certified>;
};

const EXTENSIONS = `
[req]
distinguished_name = nothing
prompt = no
[nothing]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
`;

const subjectName = (subject: Subject): string =>
  subject.type === "server"
    ? `/CN=${subject.commonName ?? "kube-apiserver"}`
    : `${subject.groups.map((group) => `/O=${group}`).join("")}/CN=${subject.user}`;

const alternatives = (subject: Subject): readonly string[] =>
  subject.type === "server"
    ? [
        "-addext",
        `subjectAltName=${[
          ...subject.addresses.map((address) => `IP:${address}`),
          ...["localhost", ...(subject.names ?? [])].map((name) => `DNS:${name}`),
        ].join(",")}`,
      ]
    : [];

/** Makes an authority whose files lie in `folder`; of two in one folder each has its own name. */
export const openAuthority = async (folder: string, authority = "ca"): Promise<Authority> => {
  const config = join(folder, "openssl.cnf");
  writeFileSync(config, EXTENSIONS);
  const make = async (name: string, args: readonly string[]): Promise<Certified> => {
    const [certFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", keyFile];
    await run(
      "openssl",
      ["req", "-x509", "-config", config, "-days", "2", ...key, "-out", certFile, ...args],
      { timeout: 20_000 },
    );
    return {
      cert: readFileSync(certFile, "utf8"),
      key: readFileSync(keyFile, "utf8"),
      certFile,
      keyFile,
    };
  };
  const root = await make(authority, ["-subj", "/CN=steelyard-test-ca", "-extensions", "authority"]);
  return {
    ca: root.cert,
    caFile: root.certFile,
    issue: (name, subject) =>
      make(name, [
        ...["-CA", root.certFile, "-CAkey", root.keyFile, "-subj", subjectName(subject)],
        ...["-extensions", subject.type, ...alternatives(subject)],
      ]),
  };
};

/** Writes a key with which an API server signs the tokens of service accounts; gives its file. */
export const writeSigningKey = (folder: string): string => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const file = join(folder, "service-accounts.key");
  writeFileSync(file, privateKey.export({ type: "pkcs1", format: "pem" }), { mode: 0o600 });
  return file;
};
