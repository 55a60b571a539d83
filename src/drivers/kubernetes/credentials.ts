/** What it takes to reach an API server and to be let in. Nothing of it may appear in a message. */

/** A certificate or key: as text in PEM, or in a file that is read again at each connection. */
export type Material =
  | { readonly type: "inline"; readonly pem: string }
  | { readonly type: "file"; readonly path: string };

/** A program that prints credentials (client.authentication.k8s.io). */
export type ExecPlugin = {
  readonly apiVersion: "client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1";
  /** A path, or a name that is searched for in PATH. */
  readonly command: string;
  readonly args: readonly string[];
  /** On top of our own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What to tell who does not have the program; `""` when nothing. */
  readonly installHint: string;
  readonly providesClusterInfo: boolean;
};

/** Who we are to the API server. */
export type User =
  /** Nobody, or whoever the client certificate names. */
  | { readonly type: "certificate-only" }
  | { readonly type: "token"; readonly token: string }
  | { readonly type: "token-file"; readonly path: string }
  | { readonly type: "basic"; readonly username: string; readonly password: string }
  | { readonly type: "exec"; readonly plugin: ExecPlugin };

export type ClusterCredentials = {
  /** An https URL, perhaps with a path that goes before all others. */
  readonly server: string;
  /** The namespace of the context or of the pod; `default` when none is named. */
  readonly namespace: string;
  /** The name that the server's certificate must have; `undefined` means the URL's host. */
  readonly serverName: string | undefined;
  /** Whether the server's certificate is checked. */
  readonly verify: boolean;
  /** Who may have signed it; `undefined` means the authorities that Node.js trusts. */
  readonly authority: Material | undefined;
  readonly certificate: { readonly chain: Material; readonly key: Material } | undefined;
  readonly user: User;
};

/** What an operator should know of credentials that are used all the same. */
export const credentialWarnings = ({
  server,
  verify,
}: Pick<ClusterCredentials, "server" | "verify">): readonly string[] =>
  verify
    ? []
    : [
        `the certificate of ${server} is not checked (insecure-skip-tls-verify): whoever is in between reads and changes everything`,
      ];

/** A value, or a sentence for the operator that says why there is none. */
export type Found<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: string };

/** Shorthand for a problem. */
export const refused = (problem: string): { readonly ok: false; readonly problem: string } => ({
  ok: false,
  problem,
});

/** The server's URL if it is one that we can speak to. */
export const serverProblem = (server: string): string | undefined => {
  const url = URL.parse(server);
  if (url === null) return "the server is not a URL";
  if (url.protocol === "http:") return "plain http is not supported: give the https URL of the API server";
  if (url.protocol !== "https:") return `the server's URL begins with ${url.protocol}, not with https:`;
  if (url.username !== "" || url.password !== "") return "the server's URL must not hold credentials";
  return undefined;
};
