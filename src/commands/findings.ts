/** What commands print that look for what is wrong. */
import type { Finding } from "#core/finding/finding";
import { printable } from "./table.ts";

/** For people: two lines each, with nothing in them that a terminal would obey. */
export const findingLines = (findings: readonly Finding[]): readonly string[] =>
  findings.flatMap(({ code, severity, subject, message, remedy }) =>
    [`${severity.toUpperCase()}  ${code}  ${subject}  ${message}`, `  mend: ${remedy}`].map(printable),
  );

/** For people: what was left out, and why. */
export const blindLines = (blind: readonly string[]): readonly string[] =>
  blind.map((what) => printable(`not looked at: ${what}`));

/** The exit status: 1 when at least one finding is an error. */
export const statusOf = (findings: readonly Finding[]): number =>
  findings.some(({ severity }) => severity === "error") ? 1 : 0;
