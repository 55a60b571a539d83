/** The writes that put a certificate into its Secret. */
import type { HeldSecret } from "./held.ts";
import { encodeField } from "./pem.ts";

/**
 * What the Secret holds, as PEM.
 *
 * The authority's key lies beside the serving key, so that any replica can renew. It opens no further door: the authority
 * is trusted for our webhooks only, and who can read the Secret can already pass for them with the serving key.
 */
export type SecretContents = {
  readonly certificate: string;
  readonly key: string;
  /** Each alone; the newest first. */
  readonly authorities: readonly string[];
  /** `undefined` where none is held and none was made. */
  readonly authorityKey: string | undefined;
};

/** As the driver for the API server takes it. */
export type SecretWrite =
  | { readonly verb: "create"; readonly body: unknown }
  | { readonly verb: "patch"; readonly type: "merge"; readonly body: unknown };

/**
 * Creates the Secret, or changes our keys in it and nothing else. Both are refused with `conflict` if somebody was
 * faster. The type of a Secret cannot be changed, so a placeholder keeps its own.
 */
export const secretWrite = ({
  namespace,
  name,
  held,
  contents,
}: {
  readonly namespace: string;
  readonly name: string;
  readonly held: HeldSecret;
  readonly contents: SecretContents;
}): SecretWrite => {
  const data = {
    "tls.crt": encodeField(contents.certificate),
    "tls.key": encodeField(contents.key),
    "ca.crt": encodeField(contents.authorities.join("")),
    ...(contents.authorityKey === undefined ? {} : { "ca.key": encodeField(contents.authorityKey) }),
  };
  if (held.type === "present") {
    const { resourceVersion } = held;
    return { verb: "patch", type: "merge", body: { metadata: { resourceVersion }, data } };
  }
  return {
    verb: "create",
    body: {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace, name, labels: { "app.kubernetes.io/managed-by": "steelyard" } },
      type: "kubernetes.io/tls",
      data,
    },
  };
};
