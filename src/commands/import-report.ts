/** What the importers have in common: how they report, and how they end. */
import type { Note } from "#core/keepalived/report";
import { printable } from "./table.ts";

/** Exit statuses of every importer. */
export const IMPORT_STATUS = { allCarried: 0, someLost: 1, nothingWritten: 2 } as const;

/** Tells notes apart; what is lost needs no label. */
const LABELS = { lost: "", changed: "changed: ", needless: "not needed: " } as const;

/** One line: `keepalived.conf:31-33: virtual_routes: steelyard sets no routes or rules; ...`. */
export const noteLine = ({ place, lastLine, subject, fate, text }: Note): string =>
  printable(
    `${place.file}:${place.line}${lastLine === undefined ? "" : `-${lastLine}`}: ${LABELS[fate]}${subject}: ${text}.`,
  );

/** `1 line`, `2 lines`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
