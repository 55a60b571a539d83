/** `vrrp_sync_group`: instances that change state together, and what counts against all of them. */
import { INNER, MAIL, NOTIFY } from "./reasons.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";
import { applyTable, carried, each, lost, type Rule, type Table } from "./table.ts";
import { readTracked, type Tracked } from "./tracking.ts";

/** A `vrrp_sync_group` as it was written. */
export type Group = {
  readonly name: string;
  readonly statement: Statement;
  members: readonly string[];
  tracked: readonly Tracked[];
};

const track = (kind: Tracked["kind"]): Rule<Group> =>
  carried((group, statement, report) => {
    group.tracked = [...group.tracked, ...readTracked(kind, statement, report)];
  });

const TABLE: Table<Group> = new Map([
  [
    "group",
    carried((group, { block = [] }) => {
      group.members = [...group.members, ...block.flatMap(({ keyword, args }) => [keyword, ...args])];
    }),
  ],
  ["track_interface", track("interface")],
  ["track_script", track("script")],
  ...each(
    "track_file track_process track_bfd",
    lost("steelyard watches no files, processes or BFD sessions; a TrackedCheck with a script can"),
  ),
  ...each(
    "notify notify_master notify_backup notify_fault notify_stop notify_deleted notify_priority_changes",
    NOTIFY,
  ),
  ...each("smtp_alert", MAIL),
  ...each("global_tracking", INNER),
  ...each(
    "sync_group_tracking_weight",
    lost("weights of a group's members stay ignored; give all members the same"),
  ),
]);

/** Reads a `vrrp_sync_group` block. */
export const readGroup = (statement: Statement, report: Report): Group => {
  const group: Group = { name: statement.args[0] ?? "", statement, members: [], tracked: [] };
  applyTable(TABLE, statement.block ?? [], { draft: group, report, where: "vrrp_sync_group" });
  return group;
};
