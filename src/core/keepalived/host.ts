/** `virtualhost`: the name that a check asks for. */
import { quoted, wordOf } from "./arguments.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";

/** Keeps the name when it can stand in a `Host` header. */
export const readHost = (into: { virtualhost?: string }, statement: Statement, report: Report): void => {
  const host = wordOf(statement, report);
  if (host === undefined) return;
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,250}[A-Za-z0-9])?(:\d{1,5})?$/.test(host)) into.virtualhost = host;
  else report.lost(statement, `${quoted(host)} is no host name`);
};
