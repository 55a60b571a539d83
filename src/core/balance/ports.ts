/** The ports of a virtual server: one, a range, or all of its protocol. */

/** Both ends count; 1..65535, `first` not above `last`. */
export type PortRange = { readonly first: number; readonly last: number };

const HIGHEST_PORT = 65_535;

/** Every port of a protocol; port 0 is none. */
export const ALL_PORTS: PortRange = { first: 1, last: HIGHEST_PORT };

/** One port. */
export const onePort = (port: number): PortRange => ({ first: port, last: port });

/**
 * How particular ports are. Where two servers of one address overlap, a packet belongs to the more particular: `one`
 * before `some` before `all`.
 */
export type Particularity = "one" | "some" | "all";

export const particularity = ({ first, last }: PortRange): Particularity => {
  if (first === last) return "one";
  return first === ALL_PORTS.first && last === ALL_PORTS.last ? "all" : "some";
};

export const samePorts = (left: PortRange, right: PortRange): boolean =>
  left.first === right.first && left.last === right.last;

/** Whether a port is in both. */
export const portsOverlap = (left: PortRange, right: PortRange): boolean =>
  left.first <= right.last && right.first <= left.last;

/** The same ports as intervals that do not overlap or touch, ascending. */
export const mergePorts = (ranges: readonly PortRange[]): readonly PortRange[] => {
  const merged: PortRange[] = [];
  for (const range of [...ranges].sort((left, right) => left.first - right.first)) {
    const before = merged.at(-1);
    if (before === undefined || before.last + 1 < range.first) merged.push(range);
    else merged[merged.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
  }
  return merged;
};

/** `80`, `8000-8099` or `all`, as configured. */
export const formatPorts = (ports: PortRange): string => {
  switch (particularity(ports)) {
    case "one":
      return `${ports.first}`;
    case "some":
      return `${ports.first}-${ports.last}`;
    case "all":
      return "all";
  }
};

/** Ports from `80`, `8000-8099` or `all`; `undefined` when the text is something else. */
export const parsePorts = (text: string): PortRange | undefined => {
  if (text === "all") return ALL_PORTS;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first >= 1 && first <= last && last <= HIGHEST_PORT ? { first, last } : undefined;
};
