/** The real file system behind `FilesPort`. */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { expandBraces, isPattern, matchesName } from "./pattern.ts";
import type { FileProblem, FilesPort, FilesRead, SourceFile } from "./port.ts";
import { type WatchTiming, watchPaths } from "./watch.ts";

/** Largest file that is read, in bytes. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Most files that one directory may hold. */
const MAX_FILES = 1_000;

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : String(cause);

const problemOf = (path: string, cause: unknown): FileProblem => {
  const code = codeOf(cause);
  if (code === "ENOENT") return { path, message: "does not exist", hint: "Check the spelling of the path." };
  if (code === "EACCES" || code === "EPERM") {
    return { path, message: "may not be read by this user", hint: `Look at: namei -l ${path}` };
  }
  return { path, message: `cannot be read: ${code}` };
};

/** At most `limit` bytes from the start of a regular file; `undefined` when it holds more. */
const readBounded = (path: string, limit: number): Uint8Array | undefined => {
  const descriptor = openSync(path, "r");
  try {
    const buffer = new Uint8Array(Math.min(fstatSync(descriptor).size, limit) + 1);
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, null);
      length += count;
      if (count === 0) return buffer.subarray(0, length);
      if (length === buffer.length) return undefined;
    }
  } finally {
    closeSync(descriptor);
  }
};

const readText = (path: string, maxBytes: number): SourceFile | FileProblem => {
  try {
    // A pipe or a device could keep us waiting for ever.
    if (!statSync(path).isFile()) return { path, message: "is no regular file" };
    const bytes = readBounded(path, maxBytes);
    if (bytes === undefined) {
      return {
        path,
        message: `is larger than ${maxBytes / 1024 / 1024} MB, or is being written right now`,
        hint: "Split it into several files of a directory.",
      };
    }
    return { path, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (cause) {
    if (cause instanceof TypeError) return { path, message: "is not UTF-8 text" };
    return problemOf(path, cause);
  }
};

const isConfigurationName = (name: string): boolean => /^[^.].*\.ya?ml$/.test(name);

/** The files that a path stands for: itself, or what a directory holds. Throws what the file system throws. */
const listFiles = (path: string): readonly string[] => {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter(isConfigurationName)
    .sort()
    .map((name) => join(path, name));
};

const expand = (path: string): readonly (string | FileProblem)[] => {
  try {
    const files = listFiles(path);
    if (files.length === 0) {
      return [
        {
          path,
          message: "holds no *.yaml or *.yml",
          hint: "Put the configuration there, or name another path.",
        },
      ];
    }
    if (files.length > MAX_FILES)
      return [{ path, message: `holds ${files.length} files, more than ${MAX_FILES}` }];
    return files;
  } catch (cause) {
    return [problemOf(path, cause)];
  }
};

const realPath = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

const read = (paths: readonly string[], maxBytes = MAX_FILE_BYTES): FilesRead => {
  const files: SourceFile[] = [];
  const problems: FileProblem[] = [];
  const seen = new Set<string>();
  for (const found of paths.flatMap(expand)) {
    if (typeof found !== "string") {
      problems.push(found);
      continue;
    }
    const real = realPath(found);
    if (seen.has(real)) continue;
    seen.add(real);
    const outcome = readText(found, maxBytes);
    if ("text" in outcome) files.push(outcome);
    else problems.push(outcome);
  }
  return { files, problems };
};

const namesIn = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory === "" ? "." : directory);
  } catch {
    return [];
  }
};

/** The paths that a pattern without braces means; name by name from the left, so that only matching folders are read. */
const expandPattern = (pattern: string): readonly string[] => {
  const [first = "", ...rest] = pattern.split("/");
  const beginnings = first === "" ? [""] : isPattern(first) ? matching("", first) : [first];
  return rest
    .reduce<readonly string[]>(
      (folders, name) =>
        folders
          .flatMap((folder) => (isPattern(name) ? matching(`${folder}/`, name) : [`${folder}/${name}`]))
          .slice(0, MAX_FILES),
      beginnings,
    )
    .filter((path) => existsSync(path));
};

const matching = (folder: string, pattern: string): readonly string[] =>
  namesIn(folder)
    .filter((name) => matchesName(name, pattern))
    .map((name) => folder + name);

const find = (pattern: string): readonly string[] =>
  [...new Set(expandBraces(pattern).flatMap(expandPattern))].sort().slice(0, MAX_FILES);

/** Characters that are kept as they are: with a digest of so few, a program that starts would wait for OpenSSL to load. */
const SHORT = 16 * 1024;

const fingerprintOf = (paths: readonly string[]): string => {
  const text = JSON.stringify(read(paths));
  return text.length <= SHORT ? text : createHash("sha256").update(text).digest("base64");
};

/**
 * Files on this machine, none of them larger than `maxBytes` (configuration unless told otherwise); `timing` only differs in
 * tests.
 */
export const openFiles = (timing?: WatchTiming, maxBytes = MAX_FILE_BYTES): FilesPort => ({
  read: (paths) => read(paths, maxBytes),
  find,
  watch: (paths, onChange) =>
    watchPaths({
      paths,
      list: listFiles,
      fingerprint: () => fingerprintOf(paths),
      onChange,
      ...(timing === undefined ? {} : { timing }),
    }),
});
