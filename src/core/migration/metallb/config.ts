/** The text of the ConfigMap: peers, pools, communities, BFD profiles. */

import { type Draft, isCommunityValue } from "../draft.ts";
import type { Section } from "../section.ts";
import { readPeer, readProfiles } from "./peers.ts";
import { DASHED_POOL, readPool } from "./pools.ts";

const KEYS = ["peers", "address-pools", "bgp-communities", "bfd-profiles", "peer-autodiscovery"];

/** Whether a section is such a text by itself. */
export const isConfig = (keys: readonly string[]): boolean => keys.some((key) => KEYS.includes(key));

const readCommunities = (section: Section, draft: Draft): void => {
  const communities = section.keys.flatMap((name) => {
    const value = section.text(name);
    if (value === undefined) return [];
    if (!isCommunityValue(value)) {
      section.lost(name, `${JSON.stringify(value.slice(0, 60))} is no community such as 65000:100`);
      return [];
    }
    draft.nameCommunity(name);
    return [{ name, value }];
  });
  if (communities.length === 0) return;
  draft.add("Community", {
    wanted: "communities",
    fallback: "communities",
    origin: section.about,
    spec: { communities },
  });
};

/** Reads the whole text. */
export const readConfig = (section: Section, draft: Draft): void => {
  const profiles = readProfiles(section.sections("bfd-profiles"), draft);
  const communities = section.section("bgp-communities");
  if (communities !== undefined) readCommunities(communities, draft);
  for (const peer of section.sections("peers")) readPeer(peer, draft, profiles);
  for (const pool of section.sections("address-pools"))
    readPool(pool, { draft, name: pool.text("name"), spelling: DASHED_POOL });
  section.dismiss(
    "lost",
    ["peer-autodiscovery"],
    "peers are not read from labels and annotations of nodes; write a BGPPeer with nodeSelectors for each",
  );
  section.close("MetalLB's configuration");
};
