/** Turns credentials into what a connection and a request need, reading again what changes: files, plugins. */
import { readFile } from "node:fs/promises";
import { after, type Instant, seconds } from "#base/time";
import { authorityProblem } from "./authority.ts";
import {
  type ClusterCredentials,
  type ExecPlugin,
  type Found,
  type Material,
  refused,
} from "./credentials.ts";
import { type PluginCredentials, runPlugin } from "./exec-plugin.ts";
import { fileProblem } from "./file-problem.ts";
import type { Time } from "./time.ts";

/** PEM texts for a TLS connection. */
export type TlsMaterial = {
  readonly authority: string | undefined;
  readonly certificate: { readonly chain: string; readonly key: string } | undefined;
};

export type Authenticator = {
  /** What to open a connection with. */
  tls(): Promise<Found<TlsMaterial>>;
  /** The `authorization` of a request; `undefined` when the certificate says who we are. */
  authorization(): Promise<Found<string | undefined>>;
  /** Forgets what was kept: the server has refused it. */
  renew(): void;
  /** Texts that must never be seen. */
  secrets(): readonly string[];
};

/** How long a token that was read from a file is used before the file is read again; tokens live for ten minutes at least. */
const TOKEN_KEPT = seconds(60);
/** Printed credentials are renewed so long before their end, in milliseconds. */
const EARLIER_MS = 10_000;
/** What a plugin printed is used for so long at least, in milliseconds. */
const SHORTEST_PRINTED_MS = 1_000;
const MOST_SECRETS = 8;
/** Most bytes of a token; headers have a limit too. */
const LONGEST_TOKEN = 64 * 1_024;

const TOKEN = /^[\x21-\x7e]+$/;

const readMaterial = async (material: Material): Promise<Found<string>> => {
  if (material.type === "inline") return { ok: true, value: material.pem };
  try {
    return { ok: true, value: await readFile(material.path, "utf8") };
  } catch (error) {
    return refused(fileProblem(material.path, error));
  }
};

/** `undefined` where none is named. Never an empty text: Node.js would trust its own authorities in its place. */
const readAuthority = async (material: Material | undefined): Promise<Found<string | undefined>> => {
  if (material === undefined) return { ok: true, value: undefined };
  const read = await readMaterial(material);
  if (!read.ok) return read;
  const problem = authorityProblem(read.value);
  const origin = material.type === "file" ? material.path : "certificate-authority-data of the kubeconfig";
  return problem === undefined ? read : refused(`${origin} ${problem}: nobody could be trusted by it`);
};

const bearer = (token: string, origin: string): Found<string> =>
  TOKEN.test(token) && token.length <= LONGEST_TOKEN
    ? { ok: true, value: `Bearer ${token}` }
    : refused(`${origin} holds no token`);

/** Shorter values of a plugin's environment are no secrets, and words such as `true` stand in many a message. */
const SHORTEST_VALUE = 6;

/** What a plugin is given in its environment is often the secret that it makes a token of. */
const secretsOf = ({ user }: ClusterCredentials): readonly string[] =>
  user.type === "exec"
    ? Object.values(user.plugin.env).filter((value) => value.length >= SHORTEST_VALUE)
    : [];

/**
 * Texts that were used lately: an answer to a request with an older one may still be on its way. `fixed` are never
 * forgotten.
 */
const createSecrets = (fixed: readonly string[]) => {
  let seen: readonly string[] = [];
  return {
    remember: (...secrets: readonly (string | undefined)[]): void => {
      const fresh = secrets.filter((each): each is string => each !== undefined && each !== "");
      seen = [...new Set([...fresh, ...seen])].slice(0, MOST_SECRETS);
    },
    all: (): readonly string[] => [...fixed, ...seen],
  };
};

type Secrets = ReturnType<typeof createSecrets>;

/** A token from a file, read again after a while and when it was refused. */
const createTokenFile = (path: string, time: Time, secrets: Secrets) => {
  let kept: { readonly token: string; readonly until: Instant } | undefined;
  return {
    token: async (): Promise<Found<string>> => {
      if (kept !== undefined && time.now() < kept.until) return { ok: true, value: kept.token };
      let token: string;
      try {
        token = (await readFile(path, "utf8")).trim();
      } catch (error) {
        return refused(fileProblem(path, error));
      }
      secrets.remember(token);
      kept = { token, until: after(time.now(), TOKEN_KEPT) };
      return { ok: true, value: token };
    },
    renew: () => {
      kept = undefined;
    },
  };
};

/** What a plugin printed last, or prints now; several who ask meanwhile wait for the same run. */
const createPluginSource = (
  plugin: ExecPlugin,
  credentials: ClusterCredentials,
  { time, secrets }: { readonly time: Time; readonly secrets: Secrets },
) => {
  let printed: Promise<Found<PluginCredentials>> | undefined;
  let until = Number.POSITIVE_INFINITY;
  const run = async (): Promise<Found<PluginCredentials>> => {
    const { server, serverName, verify } = credentials;
    const authority = plugin.providesClusterInfo ? await readAuthority(credentials.authority) : undefined;
    if (authority?.ok === false) return authority;
    const cluster = { server, serverName, verify, authorityPem: authority?.value };
    return runPlugin(plugin, cluster, { time, secrets: secrets.all() });
  };
  const keep = async (): Promise<Found<PluginCredentials>> => {
    const given = await run();
    if (!given.ok) {
      printed = undefined;
      return given;
    }
    const { token, certificate, expiresAt } = given.value;
    secrets.remember(token, certificate?.key);
    // What has ended already is used for a moment all the same, or each request would start the plugin.
    const soonest = time.wall() + SHORTEST_PRINTED_MS;
    until = expiresAt === undefined ? Number.POSITIVE_INFINITY : Math.max(expiresAt - EARLIER_MS, soonest);
    return given;
  };
  return {
    credentials: (): Promise<Found<PluginCredentials>> => {
      if (printed !== undefined && time.wall() < until) return printed;
      until = Number.POSITIVE_INFINITY;
      printed = keep();
      return printed;
    },
    renew: () => {
      printed = undefined;
    },
  };
};

const readCertificate = async (
  certificate: ClusterCredentials["certificate"],
): Promise<Found<TlsMaterial["certificate"]>> => {
  if (certificate === undefined) return { ok: true, value: undefined };
  const [chain, key] = await Promise.all([readMaterial(certificate.chain), readMaterial(certificate.key)]);
  if (!chain.ok) return chain;
  if (!key.ok) return key;
  return { ok: true, value: { chain: chain.value, key: key.value } };
};

/** The part that differs from user to user. */
type UserSource = {
  authorization(): Promise<Found<string | undefined>>;
  /** A certificate in place of the one in the kubeconfig. */
  certificate?(): Promise<Found<TlsMaterial["certificate"]>>;
  renew(): void;
};

const unchanging = (authorization: Found<string | undefined>): UserSource => ({
  authorization: async () => authorization,
  renew: () => undefined,
});

const sourceOf = (credentials: ClusterCredentials, time: Time, secrets: Secrets): UserSource => {
  const { user } = credentials;
  switch (user.type) {
    case "certificate-only":
      return unchanging({ ok: true, value: undefined });
    case "token":
      secrets.remember(user.token);
      return unchanging(bearer(user.token, "the kubeconfig"));
    case "basic": {
      const encoded = Buffer.from(`${user.username}:${user.password}`).toString("base64");
      secrets.remember(user.password, encoded);
      return unchanging({ ok: true, value: `Basic ${encoded}` });
    }
    case "token-file": {
      const file = createTokenFile(user.path, time, secrets);
      const authorization = async () => {
        const token = await file.token();
        return token.ok ? bearer(token.value, user.path) : token;
      };
      return { authorization, renew: file.renew };
    }
    default: {
      const source = createPluginSource(user.plugin, credentials, { time, secrets });
      return {
        authorization: async () => {
          const given = await source.credentials();
          if (!given.ok) return given;
          const { token } = given.value;
          if (token === undefined) return { ok: true, value: undefined };
          return bearer(token, `exec plugin ${user.plugin.command}`);
        },
        certificate: async () => {
          const given = await source.credentials();
          return given.ok ? { ok: true, value: given.value.certificate } : given;
        },
        renew: source.renew,
      };
    }
  }
};

/** A source of credentials for one API server. */
export const createAuthenticator = (credentials: ClusterCredentials, time: Time): Authenticator => {
  const secrets = createSecrets(secretsOf(credentials));
  const source = sourceOf(credentials, time, secrets);
  return {
    tls: async () => {
      const authority = await readAuthority(credentials.authority);
      if (!authority.ok) return authority;
      const printed = await source.certificate?.();
      if (printed?.ok === false) return printed;
      const certificate =
        printed?.value === undefined ? await readCertificate(credentials.certificate) : printed;
      if (!certificate.ok) return certificate;
      return { ok: true, value: { authority: authority.value, certificate: certificate.value } };
    },
    authorization: () => source.authorization(),
    renew: () => source.renew(),
    secrets: () => secrets.all(),
  };
};
