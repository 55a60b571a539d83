/**
 * Advertisements as tcpdump reads them from a capture: a third opinion besides the two programs under test.
 */
import type { LabHostHandle } from "#lab/index";

/** One advertisement on the wire. */
export type Advertisement = {
  /** Milliseconds since 1970, with fractions. */
  readonly at: number;
  readonly source: string;
  readonly destination: string;
  /** TTL or hop limit. */
  readonly hopLimit: number;
  readonly version: number;
  readonly vrid: number;
  readonly priority: number;
  /** In milliseconds. */
  readonly interval: number;
  /** Whether tcpdump calls the checksum right; of version 3 it expects the pseudo-header to be covered. */
  readonly checksumRight: boolean;
  /** The line as tcpdump printed it. */
  readonly text: string;
};

const LINE = /^(\d+\.\d+) IP6? \(.*?(?:ttl|hlim) (\d+).*?\)\s+(\S+) > (\S+): (.*)$/;
const VRRP = /VRRPv(\d).*?vrid (\d+), prio (\d+).*?intvl (\d+)(cs|s)/;

/** Reads the text of `tcpdump -tt -v`, with lines that go on in the next one. */
const parseCapture = (text: string): readonly Advertisement[] =>
  text
    .replaceAll(/\n[ \t]+/g, " ")
    .split("\n")
    .flatMap((line) => {
      const [, at, hopLimit, source = "", destination = "", rest = ""] = LINE.exec(line) ?? [];
      const [, version, vrid, priority, interval, unit] = VRRP.exec(rest) ?? [];
      if (version === undefined) return [];
      return {
        at: Number(at) * 1_000,
        source,
        destination,
        hopLimit: Number(hopLimit),
        version: Number(version),
        vrid: Number(vrid),
        priority: Number(priority),
        interval: Number(interval) * (unit === "cs" ? 10 : 1_000),
        checksumRight: !rest.includes("bad vrrp cksum"),
        text: line,
      };
    });

/** Reads the advertisements in a capture file, which may still be growing. */
export const readCapture = async (host: LabHostHandle, file: string): Promise<readonly Advertisement[]> => {
  const command = ["tcpdump", "-r", file, "-nn", "-tt", "-v", "ip proto 112 or ip6 proto 112"];
  return parseCapture((await host.run(command)).stdout);
};
