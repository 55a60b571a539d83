/** Whether the kernel settings of the edges' hosts are what they must be. */
import { setTimeout as pause } from "node:timers/promises";
import type { LabHostHandle } from "#lab/host";
import { NEEDED } from "./config.ts";
import type { Scene } from "./inject.ts";
import { SETTINGS_WITHIN } from "./verdict.ts";

const ALL =
  "cd /proc/sys/net && grep -s . ipv4/ip_forward netfilter/nf_conntrack_tcp_loose netfilter/nf_conntrack_tcp_be_liberal; " +
  "grep -rs . ipv4/conf ipv6/conf || true";

/** All settings that an edge might change, as they are now. */
export const settingsOf = async (host: LabHostHandle): Promise<ReadonlySet<string>> =>
  new Set((await host.expect(["sh", "-c", ALL])).trim().split("\n"));

const wrongNow = async ({ edges }: Scene): Promise<readonly string[]> => {
  const wrong: string[] = [];
  for (const [name, { host }] of Object.entries(edges)) {
    const said = await host.expect(["sysctl", "-n", ...Object.keys(NEEDED)]);
    const values = said.trim().split("\n");
    for (const [index, [setting, needed]] of Object.entries(NEEDED).entries())
      if (values[index] !== needed) wrong.push(`${setting} of ${name} is ${values[index]}, not ${needed}`);
  }
  return wrong;
};

/** Those that are still wrong when they must be right. */
export const wrongSettings = async (scene: Scene): Promise<readonly string[]> => {
  const limit = Date.now() + SETTINGS_WITHIN;
  for (;;) {
    const wrong = await wrongNow(scene);
    if (wrong.length === 0 || Date.now() > limit) return wrong;
    await pause(50);
  }
};
