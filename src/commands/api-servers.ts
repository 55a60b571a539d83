/** What the commands about API servers share: reading names and servers off the command line, and learning servers from a cluster. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { serversIn } from "#core/api-server/learn";
import { type Endpoint, parseEndpoint, parseName, type ServerName } from "#core/api-server/name";
import { splitPem } from "#core/certificate/pem";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import type { ClusterCredentials } from "#drivers/kubernetes/credentials";
import type { ClusterPort } from "#drivers/kubernetes/port";
import { ENDPOINT_SLICES, NODES } from "#runtime/cluster/resources";

/** Where API servers listen unless told otherwise. */
export const API_PORT = 6443;

/** Values, or everything that is wrong with the command line. */
export type Given<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problems: readonly string[] };

const each = <Value>(
  texts: readonly string[],
  parse: (text: string) => Value | undefined,
  complaint: (text: string) => string,
): Given<readonly Value[]> => {
  const parsed = texts.map((text) => ({ text, value: parse(text) }));
  const problems = parsed.filter(({ value }) => value === undefined).map(({ text }) => complaint(text));
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, value: parsed.flatMap(({ value }) => value ?? []) };
};

/** The virtual addresses (or names) of `--address`, of which there must be one. */
export const namesGiven = (texts: readonly string[]): Given<readonly ServerName[]> =>
  texts.length === 0
    ? { ok: false, problems: ["--address is missing: the address, or the name, that clients use."] }
    : each(texts, parseName, (text) => `--address ${text}: is neither an address nor a name.`);

/** The servers of `--server`. */
export const serversGiven = (texts: readonly string[]): Given<readonly Endpoint[]> =>
  each(
    texts,
    (text) => parseEndpoint(text, { port: API_PORT }),
    (text) => `--server ${text}: is no HOST or HOST:PORT.`,
  );

/** A whole number from 1 on. */
export const numberGiven = (flag: string, text: string, most: number): Given<number> => {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return value >= 1 && value <= most
    ? { ok: true, value }
    : { ok: false, problems: [`${flag} ${text}: is no whole number from 1 to ${most}.`] };
};

/** What is wrong with all of them. */
export const problemsIn = (given: readonly Given<unknown>[]): readonly string[] =>
  given.flatMap((one) => (one.ok ? [] : one.problems));

/** Certificates of authorities, or what is wrong with the text. */
const authorityIn = (text: string, origin: string): Given<string> => {
  const certificates = splitPem(text);
  if (certificates.length === 0) return { ok: false, problems: [`${origin}: holds no certificate in PEM.`] };
  try {
    for (const pem of certificates) new X509Certificate(pem);
    return { ok: true, value: text };
  } catch {
    return { ok: false, problems: [`${origin}: holds a certificate that cannot be read.`] };
  }
};

/** The file of an authority, or of several. */
export const readAuthorityFile = (path: string, origin = `--ca ${path}`): Given<string> => {
  try {
    return authorityIn(readFileSync(path, "utf8"), origin);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { ok: false, problems: [`${origin}: cannot be read (${code}).`] };
  }
};

/** The authorities that credentials name; `undefined` when they name none. */
export const authorityOf = ({ authority }: ClusterCredentials): Given<string | undefined> => {
  if (authority === undefined) return { ok: true, value: undefined };
  return authority.type === "inline"
    ? authorityIn(authority.pem, "certificate-authority-data of the kubeconfig")
    : readAuthorityFile(authority.path, `certificate-authority ${authority.path} of the kubeconfig`);
};

/** All API servers that a cluster knows of; with the reason when it tells of none. */
export const learnServers = async (
  cluster: ClusterPort,
): Promise<{ readonly servers: readonly Endpoint[]; readonly problem: string | undefined }> => {
  const [slices, nodes] = await Promise.all([
    cluster.read({ resource: ENDPOINT_SLICES, namespace: "default" }),
    cluster.read({ resource: NODES }),
  ]);
  const servers = serversIn({
    slices: slices.ok ? listOf(fieldsOf(slices.body).items) : [],
    nodes: nodes.ok ? listOf(fieldsOf(nodes.body).items) : [],
  });
  const failure = [slices, nodes].flatMap((answer) => (answer.ok ? [] : [answer.failure.message]));
  return { servers, problem: servers.length > 0 ? undefined : (failure[0] ?? "it names no API server") };
};
