/** Which links are reached another way when one is. */
import type { Link } from "./link.ts";

/** More than these are not stacked by anybody. */
const MOST = 64;

/**
 * The link itself, the bridge or team that it is a port of, and what stands on that. Of what stands on the link itself, such as its VLANs, the
 * kernel tells by itself; it tells nothing of a bridge when a bond that is its port changes the cable.
 */
export const reachedThrough = (index: number, links: Iterable<Link>): readonly number[] => {
  const all = [...links];
  const found = new Set([index]);
  for (const each of found) {
    if (found.size > MOST) break;
    const { master, masterKind } = all.find((link) => link.index === each) ?? {};
    if (master === undefined || masterKind === "vrf" || masterKind === "bond") continue;
    found.add(master);
    for (const { index: above, lower, kind } of all)
      if (lower === master && kind !== "veth") found.add(above);
  }
  return [...found];
};
