/** `steelyard import keepalived`: turns what a machine runs today into our resources, and lists what it could not carry. */
import { dirname, join } from "node:path";
import { Document } from "yaml";
import type { Include } from "#core/keepalived/lines";
import { type Resource, type Translated, translate } from "#core/keepalived/translate";
import { openFiles } from "#drivers/files/linux";
import type { FilesPort } from "#drivers/files/port";
import { writeNewFile } from "#drivers/files/write";
import { counted, IMPORT_STATUS, noteLine } from "./import-report.ts";
import { printable } from "./table.ts";

export type ImportOptions = {
  /** keepalived's files, read as one configuration. */
  readonly paths: readonly string[];
  /** Where the resources go: a file, or `-` for standard output. */
  readonly output: string;
  /** Whether an existing output file may be replaced. */
  readonly force: boolean;
  /** Name of the box, which decides about lines that start with `@`. */
  readonly configId: string;
  /** Where files are read; the real ones by default. */
  readonly files?: FilesPort;
  /** Takes the resources when the output is `-`; standard output by default. */
  readonly print?: (text: string) => void;
  /** Takes each line of the report; standard error by default. */
  readonly tell?: (line: string) => void;
};

const yamlOf = ({ origin, value }: Resource): string => {
  const name = [origin.keyword, ...origin.args].join(" ").slice(0, 200);
  const comment = printable(`${name}, ${origin.place.file}:${origin.place.line}`);
  return `# ${comment}\n${new Document(value).toString({ lineWidth: 110 })}`;
};

/** Files named by an `include` line. What cannot be read is said, and the others are still read. */
const includeFrom =
  (files: FilesPort): Include =>
  (pattern, from) => {
    const found = files.find(pattern.startsWith("/") ? pattern : join(dirname(from), pattern));
    const read = files.read(found);
    return { files: read.files, problems: read.problems.map(({ path, message }) => `${path} ${message}`) };
  };

const read = (
  paths: readonly string[],
  configId: string,
  files: FilesPort,
): Translated | readonly string[] => {
  const { files: sources, problems } = files.read(paths);
  const refused = problems.map(({ path, message, hint = "" }) => `${path}: ${message}. ${hint}`.trim());
  const directories = sources.filter(({ path }) => !paths.includes(path));
  if (directories.length > 0)
    refused.push("a directory was named. Name keepalived's files, such as keepalived.conf");
  return refused.length > 0 ? refused : translate(sources, { configId, include: includeFrom(files) });
};

const summary = (resources: readonly Resource[], lost: number): string => {
  const of = (kind: string): number => resources.filter(({ value }) => value.kind === kind).length;
  const made = [
    counted(of("VirtualRouter"), "virtual router"),
    counted(of("VirtualServer"), "virtual server"),
    counted(of("TrackedCheck"), "tracked check"),
  ];
  return `written: ${made.join(", ")}; ${lost === 0 ? "nothing is lost" : `${counted(lost, "line")} could not be carried`}`;
};

/**
 * Prints the resources, and a report of every line that did not simply become part of one. Gives the exit status: 0
 * when nothing is lost, 1 when some lines could not be carried, 2 when nothing was written.
 */
export const importKeepalived = ({
  paths,
  output,
  force,
  configId,
  files = openFiles(),
  print = (text) => process.stdout.write(text),
  tell = console.error,
}: ImportOptions): number => {
  const translated = read(paths, configId, files);
  if (!("ok" in translated)) {
    for (const line of translated) tell(printable(line));
    return IMPORT_STATUS.nothingWritten;
  }
  if (!translated.ok) {
    const { place, message } = translated.why;
    tell(printable(`${place.file}:${place.line}: ${message}.`));
    return IMPORT_STATUS.nothingWritten;
  }
  const { resources, notes } = translated;
  for (const note of notes) tell(noteLine(note));
  if (resources.length === 0) {
    tell(printable(`${paths.join(", ")}: holds nothing that steelyard could do; nothing is written.`));
    return IMPORT_STATUS.nothingWritten;
  }
  const text = resources.map(yamlOf).join("---\n");
  if (output === "-") print(text);
  else {
    const refused = writeNewFile(output, text, { replace: force });
    if (refused !== undefined) {
      tell(refused);
      return IMPORT_STATUS.nothingWritten;
    }
  }
  const lost = notes.filter(({ fate }) => fate === "lost").length;
  tell(summary(resources, lost));
  return lost === 0 ? IMPORT_STATUS.allCarried : IMPORT_STATUS.someLost;
};
