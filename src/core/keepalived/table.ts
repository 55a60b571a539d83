/** Tables: what happens to each keyword of a block, so that none is forgotten. */
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";

/** What happens to a keyword: it is read into a draft, or the reason why it is not is noted. */
export type Rule<Draft> =
  | { readonly fate: "carried"; readonly read: (draft: Draft, statement: Statement, report: Report) => void }
  | { readonly fate: "lost" | "changed" | "needless"; readonly why: string };

/** The keywords of one block. */
export type Table<Draft> = ReadonlyMap<string, Rule<Draft>>;

/** A keyword that is read into the draft. */
export const carried = <Draft>(
  read: (draft: Draft, statement: Statement, report: Report) => void,
): Rule<Draft> => ({ fate: "carried", read });

/** A keyword that asks for something steelyard does not do. */
export const lost = (why: string): Rule<unknown> => ({ fate: "lost", why });

/** A keyword that steelyard follows in another way. */
export const changed = (why: string): Rule<unknown> => ({ fate: "changed", why });

/** A keyword that asks for nothing steelyard would have to be told. */
export const needless = (why: string): Rule<unknown> => ({ fate: "needless", why });

/** The same rule for several keywords. */
export const each = <Draft>(
  keywords: string,
  rule: Rule<Draft>,
): readonly (readonly [string, Rule<Draft>])[] =>
  keywords.split(" ").map((keyword) => [keyword, rule] as const);

const isOff = ({ args }: Statement): boolean => args.length === 1 && /^(off|false|no)$/.test(args[0] ?? "");

/** Reads the statements of a block into a draft; what the table does not know is lost. */
export const applyTable = <Draft>(
  table: Table<Draft>,
  statements: readonly Statement[],
  { draft, report, where }: { readonly draft: Draft; readonly report: Report; readonly where: string },
): void => {
  for (const statement of statements) {
    const rule = table.get(statement.keyword);
    if (rule === undefined) report.lost(statement, `is no keyword that the importer knows in ${where}`);
    else if (rule.fate === "carried") rule.read(draft, statement, report);
    else if (isOff(statement)) report.needless(statement, "is off");
    else report.add(rule.fate, statement, rule.why);
  }
};
