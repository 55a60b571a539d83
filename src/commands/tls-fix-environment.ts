/** What a unit's `EnvironmentFile=` say that decides where a server of k3s or RKE2 finds its configuration (systemd.exec(5)). */
import { globSync, readFileSync, statSync } from "node:fs";

const MOST_FILES = 64;
const MOST_BYTES = 262_144;

/** Where the words stand, or why that is not known. No word of a file is in it: tokens are kept there. */
export type Told =
  | { readonly type: "nothing" }
  | { readonly type: "names" | "configuration"; readonly file: string }
  | { readonly type: "unknown"; readonly problem: string };

type Named = { readonly path: string; readonly mayBeMissing: boolean };

/** The files in their order; an empty assignment forgets those before it. */
const namedIn = (unit: string): readonly Named[] => {
  let named: readonly Named[] = [];
  for (const line of unit.split("\n")) {
    const [, value] = /^\s*EnvironmentFile\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (value === undefined) continue;
    const mayBeMissing = value.startsWith("-");
    const path = mayBeMissing ? value.slice(1) : value;
    named = value === "" ? [] : [...named, { path, mayBeMissing }];
  }
  return named;
};

/** Fills in the specifiers that such paths have; `undefined` where there is another one. */
const filledIn = (path: string, service: string): string | undefined => {
  const values: Readonly<Record<string, string>> = {
    ...{ "%N": service, "%p": service, "%n": `${service}.service`, "%E": "/etc", "%%": "%" },
  };
  const filled = path.replaceAll(/%./g, (specifier) => values[specifier] ?? "\0");
  return filled.includes("\0") ? undefined : filled;
};

const matches = (path: string): readonly string[] => (/[*?[]/.test(path) ? globSync(path).sort() : [path]);

/** The assignments, each in one line, without comments. */
const assignmentsOf = (text: string): string =>
  text
    .replaceAll(/\\\r?\n/g, " ")
    .split("\n")
    .filter((line) => !/^\s*[#;]/.test(line))
    .join("\n");

const toldBy = (file: string, shown: string, mayBeMissing: boolean): Told => {
  let text: string;
  try {
    const stats = statSync(file);
    if (!stats.isFile() || stats.size > MOST_BYTES)
      return { type: "unknown", problem: `${shown} is no file of at most ${MOST_BYTES} bytes` };
    text = assignmentsOf(readFileSync(file, "utf8"));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT" && mayBeMissing) return { type: "nothing" };
    const why = code === "ENOENT" ? "is missing, without which the unit does not start" : "cannot be read";
    return { type: "unknown", problem: `${shown} ${why} (${code})` };
  }
  if (/--tls-san\b/.test(text)) return { type: "names", file: shown };
  return /^\s*(?:K3S|RKE2)_CONFIG_FILE\s*=|[\s'"=]--config[\s'"=]/m.test(text)
    ? { type: "configuration", file: shown }
    : { type: "nothing" };
};

/** Reads the files that the unit names below `root`, and stops at the first that has something to say. */
export const toldByEnvironment = (unit: string, service: string, root: string): Told => {
  let left = MOST_FILES;
  for (const { path, mayBeMissing } of namedIn(unit)) {
    const filled = filledIn(path, service);
    if (filled?.startsWith("/") !== true)
      return { type: "unknown", problem: `EnvironmentFile=${path} is not understood` };
    for (const file of matches(`${root === "/" ? "" : root}${filled}`)) {
      left -= 1;
      if (left < 0) return { type: "unknown", problem: `there are more than ${MOST_FILES} files` };
      const told = toldBy(file, root === "/" ? file : file.slice(root.length), mayBeMissing);
      if (told.type !== "nothing") return told;
    }
  }
  return { type: "nothing" };
};
