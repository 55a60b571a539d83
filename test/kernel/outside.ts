/** What a lab could leave behind on the machine that holds it, as seen from there. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { standardTopology } from "#lab/topology";

const { hosts, switches } = standardTopology();
const LAB_NAMES: readonly string[] = [...hosts.map(({ name }) => name), ...switches, "br0"];

/** Links, named network namespaces and mounts of the outside that look like a lab's, and how many mounts there are. */
export const outside = (): readonly string[] => {
  const named = LAB_NAMES.join("|");
  const links = execFileSync("ip", ["-oneline", "link"], { encoding: "utf8" }).split("\n");
  const networks = execFileSync("ip", ["netns", "list"], { encoding: "utf8" }).split("\n");
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return [
    ...links.filter((line) => new RegExp(`^\\d+: (${named})[:@]`).test(line)),
    ...networks.filter((line) => new RegExp(`^(${named})\\b`).test(line)),
    // Whoever works on this machine meanwhile may name network namespaces of their own.
    ...mounts.filter(
      (line) => !line.includes("/run/netns/") || new RegExp(`/run/netns/(${named}) `).test(line),
    ),
  ];
};

/**
 * The command that runs another one as an ordinary user, who is root's `nobody` if we are root. The checkout may lie
 * where only root can read, so that one right stays.
 */
export const asOrdinaryUser = (): readonly string[] => {
  const rights = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"];
  const user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", ...rights, "--"];
  return process.getuid?.() === 0 ? user : [];
};
