/**
 * The arguments of `steelyard edge`, for whichever parser reads them.
 *
 * An edge that starts has users waiting, and the parser for people takes longer to load than everything that an edge does before
 * it can start its agent. So arguments that are spelt plainly, as a service manager has them, are read here; whatever else they
 * may be is left to that parser, which knows every spelling and says what is wrong.
 */
import { parseDuration, seconds, toMillis } from "#base/time";
import { DEFAULT_ADMIN, DEFAULT_RUNTIME_DIRECTORY, type EdgeOptions, ENGINES } from "./options.ts";

/** What was asked for, by the names that options have on the command line. */
export type EdgeFlags = {
  config: string[];
  admin: string;
  runtimeDir: string;
  logFormat: EdgeOptions["logFormat"];
  logLevel: EdgeOptions["logLevel"];
  realtime?: boolean;
  engine: EdgeOptions["engine"];
  ipvsSync?: string;
  ipvsSyncId: number;
  /** Milliseconds. */
  bgpDrain: number;
};

export const LOG_FORMATS: readonly EdgeFlags["logFormat"][] = ["text", "json"];
export const LOG_LEVELS: readonly EdgeFlags["logLevel"][] = ["error", "warning", "info", "debug"];

/** What holds where nothing is said. */
export const EDGE_DEFAULTS = {
  admin: DEFAULT_ADMIN,
  runtimeDir: DEFAULT_RUNTIME_DIRECTORY,
  logFormat: "text",
  logLevel: "info",
  engine: "nftables",
  ipvsSyncId: 1,
  bgpDrain: 5_000,
} as const satisfies Partial<EdgeFlags>;

/** The number that both edges of a pair share, 1..255; `undefined` for anything else. */
export const parseSyncId = (text: string): number | undefined => {
  const id = Number(text);
  return Number.isInteger(id) && id >= 1 && id <= 255 ? id : undefined;
};

/** What the flags come to. */
export const edgeOptions = (flags: EdgeFlags): EdgeOptions => ({
  program: "edge",
  config: flags.config,
  admin: flags.admin,
  runtimeDirectory: flags.runtimeDir,
  logFormat: flags.logFormat,
  logLevel: flags.logLevel,
  realtime: flags.realtime === undefined ? "try" : flags.realtime ? "insist" : "never",
  engine: flags.engine,
  bgpDrain: flags.bgpDrain,
  ...(flags.ipvsSync === undefined ? {} : { ipvsSync: { interface: flags.ipvsSync, id: flags.ipvsSyncId } }),
});

const LONGEST_DRAIN = seconds(600);

/** How long routes are announced as going, 0s..10m, in milliseconds; `undefined` for anything else. */
export const parseDrain = (text: string): number | undefined => {
  const duration = parseDuration(text);
  return duration !== undefined && duration <= LONGEST_DRAIN ? toMillis(duration) : undefined;
};

const oneOf = <Choice extends string>(choices: readonly Choice[], text: string): Choice | undefined =>
  choices.find((choice) => choice === text);

type Reader = (value: string, before: Partial<EdgeFlags>) => Partial<EdgeFlags> | undefined;

/** One flag with its value, or nothing when there is no such value. */
const flag = <Name extends keyof EdgeFlags>(
  name: Name,
  value: EdgeFlags[Name] | undefined,
): Partial<EdgeFlags> | undefined => (value === undefined ? undefined : { [name]: value });

const readConfig: Reader = (value, { config = [] }) => ({ config: [...config, value] });

const READERS: Readonly<Record<string, Reader>> = {
  "-c": readConfig,
  "--config": readConfig,
  "--admin": (value) => flag("admin", value),
  "--runtime-dir": (value) => flag("runtimeDir", value),
  "--log-format": (value) => flag("logFormat", oneOf(LOG_FORMATS, value)),
  "--log-level": (value) => flag("logLevel", oneOf(LOG_LEVELS, value)),
  "--engine": (value) => flag("engine", oneOf(ENGINES, value)),
  "--ipvs-sync": (value) => flag("ipvsSync", value),
  "--bgp-drain": (value) => flag("bgpDrain", parseDrain(value)),
  "--ipvs-sync-id": (value) => flag("ipvsSyncId", parseSyncId(value)),
};

const SWITCHES: Readonly<Record<string, Partial<EdgeFlags>>> = {
  "--realtime": { realtime: true },
  "--no-realtime": { realtime: false },
};

/** The options that these words mean when each is spelt plainly, an option and its value apart; else `undefined`. */
export const plainOptions = (words: readonly string[]): EdgeOptions | undefined => {
  let flags: Partial<EdgeFlags> = {};
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    let said = Object.hasOwn(SWITCHES, word) ? SWITCHES[word] : undefined;
    if (said === undefined) {
      const read = Object.hasOwn(READERS, word) ? READERS[word] : undefined;
      index += 1;
      const value = words[index] ?? "";
      // What looks like an option may be a value that was forgotten.
      said = value === "" || value.startsWith("-") ? undefined : read?.(value, flags);
    }
    if (said === undefined) return undefined;
    flags = { ...flags, ...said };
  }
  const { config } = flags;
  return config === undefined ? undefined : edgeOptions({ ...EDGE_DEFAULTS, ...flags, config });
};
