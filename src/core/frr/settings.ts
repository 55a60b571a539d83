/** What a line sets, so that a line with another value takes its place; and how a line is taken back. */

/** `neighbor A timers connect 5` sets `neighbor A timers connect`. */
const SETTINGS: readonly RegExp[] = [
  /^(?:no )?(neighbor \S+ (?:timers connect|bfd profile|capability \S+))(?: |$)/,
  /^(?:no )?(neighbor \S+ \S+)(?: |$)/,
  /^(?:no )?(network \S+)(?: |$)/,
  /^(?:no )?(bgp (?:graceful-restart \S+|default \S+|network import-check|\S+))(?: |$)/,
  /^(?:no )?(set extcommunity bandwidth|set \S+|match \S+)(?: |$)/,
  /^(?:no )?(echo transmit-interval|[a-z][a-z-]*)(?: |$)/,
];

const MAP = /^(?:no )?neighbor (\S+) route-map \S+ (in|out)$/;

/** What a line sets: text that is the same for lines that replace each other. */
export const settingOf = (line: string): string => {
  const map = MAP.exec(line);
  if (map !== null) return `neighbor ${map[1]} route-map ${map[2]}`;
  for (const setting of SETTINGS) {
    const found = setting.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  return line;
};

/** Settings of a BFD profile that FRR knows no `no` for, with the value that it does not print. */
const PROFILE_DEFAULTS: ReadonlyMap<string, string> = new Map([
  ["detect-multiplier", "3"],
  ["receive-interval", "300"],
  ["transmit-interval", "300"],
  ["minimum-ttl", "254"],
  ["echo transmit-interval", "50"],
]);

/** The line that takes one back. */
export const undone = (line: string): string => {
  if (line.startsWith("no ")) return line.slice("no ".length);
  const setting = settingOf(line);
  const value = PROFILE_DEFAULTS.get(setting);
  if (value !== undefined) return `${setting} ${value}`;
  // `no description TEXT` and `no password TEXT` are not known to every version.
  return `no ${/^neighbor \S+ (?:description|password)$/.test(setting) ? setting : line}`;
};
