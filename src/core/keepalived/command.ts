/** Programs that keepalived runs, as our scripts: an absolute path and arguments, without a shell. */
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";
import { splitCommand } from "./words.ts";

/** Bare words to a shell: they mean themselves. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** A word so that a shell reads it as it is. */
export const shellQuoted = (word: string): string =>
  PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/**
 * The program and its arguments that the first argument of a statement asks for; `undefined` when there is none.
 *
 * keepalived looks for a program without a path in PATH, and hands what is no program to a shell: `env` and `sh` do the
 * same here.
 */
export const commandOf = (statement: Statement, report: Report): readonly string[] | undefined => {
  const [line = "", ...rest] = statement.args;
  const words = splitCommand(line);
  const [program] = words;
  if (program === undefined || program === "") {
    report.lost(statement, "names no program");
    return undefined;
  }
  if (rest.length > 0) {
    report.changed(
      statement,
      `only ${JSON.stringify(line)} is run, as keepalived does: arguments need quotes`,
    );
  }
  if (program.startsWith("/")) return words;
  if (PLAIN.test(program) && !program.includes("/")) {
    report.changed(statement, `${program} is looked for in PATH; its whole path is safer`);
    return ["/usr/bin/env", ...words];
  }
  report.changed(statement, "is no program, so a shell reads it, as keepalived does");
  return ["/bin/sh", "-c", line];
};
