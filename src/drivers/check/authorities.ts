/**
 * The certificate authorities an HTTPS check trusts, read from PEM files and kept until the file changes.
 *
 * Making a context of the system's 140 authorities takes tens of milliseconds, far too long for every attempt.
 */
import { readFile, stat } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";

/** Where distributions keep their bundle: Debian and Alpine, Fedora and its kin, SUSE. */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
] as const;

export type Authorities = {
  /** The context that trusts the authorities in `caFile`, or the system's. Rejects when the file cannot be used. */
  trusting(caFile: string | undefined): Promise<SecureContext>;
  /** A context that trusts nobody, for checks that do not verify: it spares them reading any list. */
  readonly none: SecureContext;
};

type Loaded = { readonly version: string; readonly context: SecureContext };

/** The first bundle that exists; `undefined` leaves Node.js to its built-in list. */
const systemBundle = async (): Promise<string | undefined> => {
  for (const path of SYSTEM_BUNDLES) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return path;
  }
  return undefined;
};

/** A store of contexts, one for each file. */
export const createAuthorities = (): Authorities => {
  const loadedByPath = new Map<string, Loaded>();
  let builtIn: SecureContext | undefined;
  let none: SecureContext | undefined;
  const trusting = async (caFile: string | undefined): Promise<SecureContext> => {
    const path = caFile ?? (await systemBundle());
    if (path === undefined) {
      builtIn ??= createSecureContext();
      return builtIn;
    }
    const { mtimeMs, size, ino } = await stat(path);
    const version = `${mtimeMs}/${size}/${ino}`;
    const known = loadedByPath.get(path);
    if (known?.version === version) return known.context;
    const context = createSecureContext({ ca: await readFile(path) });
    loadedByPath.set(path, { version, context });
    return context;
  };
  return {
    trusting,
    get none() {
      none ??= createSecureContext({ ca: [] });
      return none;
    },
  };
};
