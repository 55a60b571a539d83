/** The serving certificate of an API server and its key, as files of kubeadm's. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { alternativeNames } from "#core/api-server/presented";

export type ServingPair = {
  readonly names: readonly string[];
  /** Whether the key is the certificate's: not so between two moves of which only one took place. */
  readonly isPair: boolean;
  readonly certificate: string;
  readonly key: string;
};

/** Reads `apiserver.crt` and `apiserver.key` in a directory; `undefined` when either is not there or cannot be read. */
export const readServingPair = (directory: string): ServingPair | undefined => {
  try {
    const certificate = readFileSync(join(directory, "apiserver.crt"), "utf8");
    const key = readFileSync(join(directory, "apiserver.key"), "utf8");
    const parsed = new X509Certificate(certificate);
    return {
      names: alternativeNames(parsed.subjectAltName ?? ""),
      isPair: parsed.checkPrivateKey(createPrivateKey(key)),
      ...{ certificate, key },
    };
  } catch {
    return undefined;
  }
};

/** Whether the authority in a directory has signed the certificate. */
export const isSignedByDirectory = (directory: string, certificate: string): boolean => {
  try {
    const authority = new X509Certificate(readFileSync(join(directory, "ca.crt")));
    const leaf = new X509Certificate(certificate);
    return leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
  } catch {
    return false;
  }
};
