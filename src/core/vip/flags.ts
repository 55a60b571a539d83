/** The flags of `steelyard vip` as the resource that they spell, so that both are checked by the same schema. */
import type { Path } from "#core/config/problem";
import { formatPath } from "#core/config/problem";

/** What the command line says; what it does not say is left out. */
export type VipFlags = {
  readonly name: string;
  readonly address?: readonly string[];
  readonly interface?: string;
  readonly peers?: readonly string[];
  readonly vrid?: string;
  readonly priority?: string;
  readonly preempt?: boolean;
  readonly advertisementInterval?: string;
  readonly balance?: boolean;
  readonly apiServer?: string;
  readonly port?: string;
  readonly check?: string;
  readonly path?: string;
  readonly ca?: string;
  readonly serverName?: string;
  readonly checkInterval?: string;
  readonly checkTimeout?: string;
  readonly rise?: string;
  readonly fall?: string;
};

type Kind = "text" | "number" | "list" | "switch";

/** Every flag, the key that it stands for, and how its value is written there. */
const FLAGS: readonly {
  readonly flag: Exclude<keyof VipFlags, "name">;
  readonly option: string;
  readonly key: readonly string[];
  readonly kind: Kind;
}[] = [
  { flag: "address", option: "--address", key: ["addresses"], kind: "list" },
  { flag: "interface", option: "--interface", key: ["interface"], kind: "text" },
  { flag: "peers", option: "--peers", key: ["peers"], kind: "list" },
  { flag: "vrid", option: "--vrid", key: ["vrid"], kind: "number" },
  { flag: "priority", option: "--priority", key: ["priority"], kind: "number" },
  { flag: "preempt", option: "--preempt", key: ["preempt"], kind: "switch" },
  {
    flag: "advertisementInterval",
    option: "--advertisement-interval",
    key: ["advertisementInterval"],
    kind: "text",
  },
  { flag: "balance", option: "--balance", key: ["balance"], kind: "switch" },
  { flag: "apiServer", option: "--api-server", key: ["apiServer", "address"], kind: "text" },
  { flag: "port", option: "--port", key: ["apiServer", "port"], kind: "number" },
  { flag: "check", option: "--check", key: ["apiServer", "check"], kind: "text" },
  { flag: "path", option: "--path", key: ["apiServer", "path"], kind: "text" },
  { flag: "ca", option: "--ca", key: ["apiServer", "caFile"], kind: "text" },
  { flag: "serverName", option: "--server-name", key: ["apiServer", "serverName"], kind: "text" },
  { flag: "checkInterval", option: "--check-interval", key: ["apiServer", "interval"], kind: "text" },
  { flag: "checkTimeout", option: "--check-timeout", key: ["apiServer", "timeout"], kind: "text" },
  { flag: "rise", option: "--rise", key: ["apiServer", "rise"], kind: "number" },
  { flag: "fall", option: "--fall", key: ["apiServer", "fall"], kind: "number" },
];

/** A word that is no number stays one, and the schema says so. */
const numberOf = (text: unknown): unknown =>
  typeof text === "string" && /^-?\d{1,9}$/.test(text) ? Number(text) : text;

/** Addresses may be given one by one, or with commas between them. */
const listOf = (words: unknown): readonly string[] =>
  (Array.isArray(words) ? words : []).flatMap((word) =>
    String(word)
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  );

/** The document that these flags spell. */
export const endpointDocument = (flags: VipFlags): unknown => {
  const spec: Record<string, unknown> = {};
  const apiServer: Record<string, unknown> = {};
  for (const { flag, key, kind } of FLAGS) {
    const said = flags[flag];
    if (said === undefined) continue;
    const value = kind === "number" ? numberOf(said) : kind === "list" ? listOf(said) : said;
    const [first = "", second] = key;
    if (second === undefined) spec[first] = value;
    else apiServer[second] = value;
  }
  return {
    apiVersion: "steelyard.dev/v1alpha1",
    kind: "ControlPlaneEndpoint",
    metadata: { name: flags.name },
    spec: { ...spec, apiServer },
  };
};

const sectionOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

/** The words of the command line that spell such a document, which was found to be right; the contrary of `endpointDocument`. */
export const endpointWords = (document: unknown): readonly string[] => {
  const { metadata, spec } = sectionOf(document);
  const name = sectionOf(metadata).name;
  const words = FLAGS.flatMap(({ option, key, kind }): readonly string[] => {
    const value = key.reduce((section, step) => sectionOf(section)[step], spec);
    if (value === undefined || (kind === "switch" && value !== true)) return [];
    if (kind === "switch") return [option];
    return kind === "list" ? listWords(option, value) : [option, String(value)];
  });
  return name === "api" ? words : ["--name", String(name), ...words];
};

const listWords = (option: string, value: unknown): readonly string[] =>
  Array.isArray(value) && value.length > 0 ? [option, value.join(",")] : [];

/** The flag that a problem in such a document is about, such as `--vrid`; a path where no flag is. */
export const flagOf = (path: Path): string => {
  const [top, ...rest] = path;
  if (top === "metadata") return "--name";
  const found = FLAGS.find(({ key }) => key.every((word, index) => rest[index] === word));
  return found?.option ?? formatPath(path);
};
