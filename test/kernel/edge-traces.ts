/** What an edge may change or leave behind in its host: addresses, routes, rules, files, kernel settings. */
import type { Edge } from "./edge-bed.ts";

const COMMANDS = [
  "ip -o addr",
  "ip route",
  "nft list ruleset",
  "find /run -xdev \\( -path /run/lab -o -path /run/edge \\) -prune -o ! -type d -print",
  "cd /proc/sys/net",
  "grep -rs . ipv4/conf ipv6/conf ipv4/ip_forward ipv4/vs || true",
  "grep -s . netfilter/nf_conntrack_tcp_* netfilter/nf_conntrack_udp_* || true",
].join("; ");

/** All of it, line by line, as it is now. */
export const tracesOf = async ({ host }: Edge): Promise<ReadonlySet<string>> =>
  new Set((await host.expect(["sh", "-c", COMMANDS])).split("\n"));

/** The lines that were not there `before`, and those that are there no more. */
export const changesSince = async (edge: Edge, before: ReadonlySet<string>): Promise<readonly string[]> => {
  const now = await tracesOf(edge);
  return [...[...now].filter((line) => !before.has(line)), ...[...before].filter((line) => !now.has(line))];
};
