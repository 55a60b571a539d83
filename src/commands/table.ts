/** Text tables for terminals: columns as wide as their widest cell, nothing wrapped, no trailing blanks. */
import { stripVTControlCharacters } from "node:util";

/** Text that came from elsewhere (a script's words, a server's answer) without what would command the terminal. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, "\ufffd");

const width = (text: string): number => stripVTControlCharacters(text).length;

/** Lines of a table with a header row; every row has as many cells as the header. */
export const table = (header: readonly string[], rows: readonly (readonly string[])[]): string[] => {
  const widths = header.map((title, column) =>
    Math.max(width(title), ...rows.map((row) => width(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - width(cell)))
      .join("  ")
      .trimEnd();
  return [header, ...rows].map(line);
};

/** How long ago, in the two largest units: `3m12s`. */
export const ago = (milliseconds: number): string => {
  const total = Math.max(0, Math.floor(milliseconds / 1000));
  const parts = [
    { size: 86_400, suffix: "d" },
    { size: 3_600, suffix: "h" },
    { size: 60, suffix: "m" },
    { size: 1, suffix: "s" },
  ];
  const first = parts.findIndex(({ size }) => total >= size);
  if (first < 0) return "0s";
  let rest = total;
  const texts = parts.slice(first, first + 2).map(({ size, suffix }) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? "" : `${count}${suffix}`;
  });
  return texts.join("");
};
