/** The `url` block of `HTTP_GET` and `SSL_GET`. */
import { quoted, wordOf } from "./arguments.ts";
import { readHost } from "./host.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";
import { applyTable, carried, each, lost, type Table } from "./table.ts";

/** What is asked for, and what counts as an answer. */
export type Url = {
  path?: string;
  virtualhost?: string;
  statuses?: readonly string[];
};

const BODY = lost("what the answer holds is not looked at, only its status");

const TABLE: Table<Url> = new Map([
  [
    "path",
    carried((url, statement, report) => {
      const path = wordOf(statement, report);
      if (path !== undefined && /^\/[!-~]{0,1023}$/.test(path)) url.path = path;
      else if (path !== undefined)
        report.lost(statement, `${quoted(path)} is no path that begins with a slash`);
    }),
  ],
  ["virtualhost", carried(readHost)],
  [
    "status_code",
    carried((url, statement, report) => {
      const ranges = statement.args.flatMap((word) => {
        const [, from = "", to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(word) ?? [];
        if (from !== "" && Number(from) <= Number(to)) return [word];
        report.lost(statement, `${quoted(word)} is no status in 100..599`);
        return [];
      });
      if (ranges.length > 0) url.statuses = [...(url.statuses ?? []), ...ranges];
    }),
  ],
  ...each("digest regex regex_no_match regex_options regex_stack regex_min_offset regex_max_offset", BODY),
]);

/** Reads a `url` block. */
export const readUrl = (statement: Statement, report: Report): Url => {
  const url: Url = {};
  applyTable(TABLE, statement.block ?? [], { draft: url, report, where: "url" });
  return url;
};
