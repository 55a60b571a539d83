/** What a bench gives, and how it is shown: as text, as JSON, and between markers in a page. */

export type Table = {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** How to read it, or what disturbed it. */
  readonly notes?: readonly string[];
};

/** A figure that was promised. */
export type Bar = {
  readonly what: string;
  readonly limit: string;
  readonly measured: string;
  readonly met: boolean;
};

export type Result = {
  readonly bench: string;
  readonly tables: readonly Table[];
  readonly bars: readonly Bar[];
  /** Every single measurement, for whoever wants to look closer. */
  readonly measurements: unknown;
};

/** A number with one decimal below 100, whole above; a dash when there is none. */
export const figure = (value: number): string => {
  if (!Number.isFinite(value)) return "-";
  return Math.abs(value) < 99.95 ? value.toFixed(1) : value.toFixed(0);
};

const row = (cells: readonly string[], widths: readonly number[]): string =>
  `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(" | ")} |`;

/** A Markdown table whose columns are aligned, so that it reads well in a terminal, too. */
const renderTable = ({ title, header, rows, notes = [] }: Table): string => {
  const widths = header.map((cell, index) =>
    Math.max(cell.length, ...rows.map((cells) => cells[index]?.length ?? 0)),
  );
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  const lines = [row(header, widths), rule, ...rows.map((cells) => row(cells, widths))];
  return [`${title}`, "", ...lines, ...notes.flatMap((note) => ["", note])].join("\n");
};

const barTable = (bars: readonly Bar[]): Table => ({
  title: "**Bars**",
  header: ["what", "bar", "measured", ""],
  rows: bars.map(({ what, limit, measured, met }) => [what, limit, measured, met ? "met" : "**missed**"]),
});

/** The tables and bars of one bench. */
export const renderResult = ({ tables, bars }: Result): string =>
  [...tables, ...(bars.length > 0 ? [barTable(bars)] : [])].map(renderTable).join("\n\n");

const begin = (section: string): string => `<!-- begin ${section} -->`;
const end = (section: string): string => `<!-- end ${section} -->`;

/** Replaces what is between the section's markers; `undefined` when the page has none. */
export const replaceSection = (page: string, section: string, text: string): string | undefined => {
  const from = page.indexOf(begin(section));
  const to = page.indexOf(end(section));
  if (from < 0 || to < from) return undefined;
  return `${page.slice(0, from)}${begin(section)}\n\n${text}\n\n${page.slice(to)}`;
};
