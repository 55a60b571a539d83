/** The record of what an installation wrote, so that its removal touches nothing else. */

export type InstalledFile = {
  /** Absolute, as it is on the installed system. */
  readonly path: string;
  /** SHA-256 of what was written, in hexadecimal: who changed it since should not lose that. */
  readonly digest: string;
};

export type Manifest = {
  readonly version: string;
  readonly files: readonly InstalledFile[];
};

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const readFileEntry = (value: unknown): InstalledFile | undefined => {
  if (!isFields(value)) return undefined;
  const { path, digest } = value;
  if (typeof path !== "string" || typeof digest !== "string") return undefined;
  // Files are removed by this record: it names none above where an installation writes.
  const isPlain =
    /^(\/[^/\0]+)+$/.test(path) && !path.split("/").some((part) => part === "." || part === "..");
  return isPlain && /^[0-9a-f]{64}$/.test(digest) ? { path, digest } : undefined;
};

/** Reads a manifest; `undefined` when it is none of ours, or damaged. */
export const decodeManifest = (text: string): Manifest | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isFields(value) || typeof value.version !== "string" || !Array.isArray(value.files)) return undefined;
  const files = value.files.map(readFileEntry);
  return files.every((file) => file !== undefined) ? { version: value.version, files } : undefined;
};

/** The text of a manifest. */
export const encodeManifest = (manifest: Manifest): string => `${JSON.stringify(manifest, undefined, 2)}\n`;
