/**
 * `steelyard import metallb`, `kube-vip` and `cilium`: turns what a cluster's load balancers are told into MetalLB's resources,
 * which steelyard takes as they are, and lists what it could not carry.
 */
import { type YamlValue, yaml } from "#core/metallb/yaml";
import { type Format, importDocuments } from "#core/migration/importers";
import { isObjectName } from "#core/migration/names";
import { originText, type Resource } from "#core/migration/resource";
import { openFiles } from "#drivers/files/linux";
import type { FilesPort } from "#drivers/files/port";
import { writeNewFile } from "#drivers/files/write";
import { readDocuments } from "./documents.ts";
import { counted, IMPORT_STATUS, noteLine } from "./import-report.ts";
import { printable } from "./table.ts";

export type ImportOptions = {
  readonly format: Format;
  /** Files and directories, read as one configuration. */
  readonly paths: readonly string[];
  /** Where the resources go: a file, or `-` for standard output. */
  readonly output: string;
  /** Whether an existing output file may be replaced. */
  readonly force: boolean;
  /** Where the resources are to lie; `undefined` leaves it to the files. */
  readonly namespace: string | undefined;
  /** Where files are read; the real ones by default. */
  readonly files?: FilesPort;
  /** Takes the resources when the output is `-`; standard output by default. */
  readonly print?: (text: string) => void;
  /** Takes each line of the report; standard error by default. */
  readonly tell?: (line: string) => void;
};

/** Text from outside on one line, by the rules of YAML 1.1 too: what follows a comment must not become a resource. */
const comment = (text: string): string => `# ${printable(text).replaceAll(/[\u2028\u2029]/g, "\ufffd")}\n`;

const yamlOf = ({ origin, value }: Resource): string => {
  const plain: YamlValue = JSON.parse(JSON.stringify(value));
  return comment(originText(origin)) + yaml(plain);
};

/** Commands as comments: kubectl does not read them, and a person does. */
const commandsOf = (commands: readonly string[]): string =>
  commands.length === 0
    ? ""
    : ["For Services, before steelyard takes over:", ...commands].map(comment).join("");

const NOUNS = [
  ["IPAddressPool", "pool"],
  ["L2Advertisement", "L2 advertisement"],
  ["BGPAdvertisement", "BGP advertisement"],
  ["BGPPeer", "BGP peer"],
  ["BFDProfile", "BFD profile"],
] as const;

const summary = (
  resources: readonly Resource[],
  { commands, lost }: { readonly commands: number; readonly lost: number },
): string => {
  const made = NOUNS.flatMap(([kind, noun]) => {
    const count = resources.filter(({ value }) => value.kind === kind).length;
    return count === 0 && kind !== "IPAddressPool" ? [] : [counted(count, noun)];
  });
  const told = commands === 0 ? "" : `, ${counted(commands, "command")} for Services`;
  return `written: ${made.join(", ")}${told}; ${lost === 0 ? "nothing is lost" : `${counted(lost, "thing")} could not be carried`}`;
};

/**
 * Prints the resources, and a report of everything that did not simply become part of one. Gives the exit status: 0 when
 * nothing is lost, 1 when something could not be carried, 2 when nothing was written.
 */
export const importResources = ({
  format,
  paths,
  output,
  force,
  namespace,
  files = openFiles(),
  print = (text) => process.stdout.write(text),
  tell = console.error,
}: ImportOptions): number => {
  const { documents, problems: unread } = readDocuments(files, paths);
  const isNamed = namespace === undefined || isObjectName(namespace);
  const problems = isNamed
    ? unread
    : [`--namespace ${namespace}: no namespace can have that name.`, ...unread];
  if (problems.length > 0) {
    for (const line of problems) tell(printable(line));
    return IMPORT_STATUS.nothingWritten;
  }
  const { resources, commands, notes } = importDocuments(documents, { format, namespace });
  for (const note of notes) tell(noteLine(note));
  if (resources.length === 0 && commands.length === 0) {
    tell(printable(`${paths.join(", ")}: holds nothing that steelyard could do; nothing is written.`));
    return IMPORT_STATUS.nothingWritten;
  }
  const text = [resources.map(yamlOf).join("---\n"), commandsOf(commands)].join("");
  if (output === "-") print(text);
  else {
    const refused = writeNewFile(output, text, { replace: force });
    if (refused !== undefined) {
      tell(refused);
      return IMPORT_STATUS.nothingWritten;
    }
  }
  const lost = notes.filter(({ fate }) => fate === "lost").length;
  tell(summary(resources, { commands: commands.length, lost }));
  return lost === 0 ? IMPORT_STATUS.allCarried : IMPORT_STATUS.someLost;
};
