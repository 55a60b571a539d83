/** Pools of addresses, with the advertisements that were part of them. */
import { readBlocks } from "../addresses.ts";
import type { Draft } from "../draft.ts";
import { given } from "../resource.ts";
import type { Section } from "../section.ts";

/** The keys of a pool in one of its two spellings. */
export type PoolSpelling = {
  readonly autoAssign: string;
  readonly avoidBuggyIps: string;
  readonly advertisements: string;
  readonly aggregationLength: string;
  readonly aggregationLengthV6: string;
  readonly localPref: string;
};

/** The spelling of the ConfigMap. */
export const DASHED_POOL: PoolSpelling = {
  autoAssign: "auto-assign",
  avoidBuggyIps: "avoid-buggy-ips",
  advertisements: "bgp-advertisements",
  aggregationLength: "aggregation-length",
  aggregationLengthV6: "aggregation-length-v6",
  localPref: "localpref",
};

/** The spelling of AddressPool. */
export const CAMEL_POOL: PoolSpelling = {
  autoAssign: "autoAssign",
  avoidBuggyIps: "avoidBuggyIPs",
  advertisements: "bgpAdvertisements",
  aggregationLength: "aggregationLength",
  aggregationLengthV6: "aggregationLengthV6",
  localPref: "localPref",
};

type Protocol = "layer2" | "bgp";

const protocolOf = (section: Section): Protocol | undefined => {
  const protocol = section.text("protocol");
  if (protocol === "layer2" || protocol === "bgp") return protocol;
  if (protocol === "arp" || protocol === "ndp") {
    section.changed("protocol", "layer2, as it is called now");
    return "layer2";
  }
  if (protocol === undefined)
    section.lost("protocol", "is missing; nothing announces the addresses of the pool");
  else section.lost("protocol", "is neither layer2 nor bgp; nothing announces the addresses of the pool");
  return undefined;
};

/** The addresses of a pool, as they are written; those that another pool has, or that are none, are noted. */
const addressesOf = (section: Section, draft: Draft, name: string): readonly string[] =>
  [...section.texts("cidr"), ...section.texts("addresses")].flatMap(({ text, about }) => {
    const blocks = readBlocks(text);
    if (typeof blocks === "string") {
      draft.report.lost(about, `${JSON.stringify(text.slice(0, 60))} ${blocks}`);
      return [];
    }
    const owner = blocks.map((block) => draft.taken.ownerOf(block)).find((by) => by !== undefined);
    if (owner !== undefined) {
      draft.report.lost(
        about,
        owner === name ? "overlaps with an entry above" : `overlaps with pool ${owner}`,
      );
      return [];
    }
    for (const block of blocks) draft.taken.add(block, name);
    return [text.trim()];
  });

const communitiesOf = (section: Section, draft: Draft): readonly string[] => {
  const seen = new Set<string>();
  return section.texts("communities").flatMap(({ text, about }) => {
    if (seen.has(text)) return [];
    seen.add(text);
    if (draft.isCommunity(text)) return [text];
    draft.report.lost(about, `${JSON.stringify(text.slice(0, 60))} is no community and no name of one`);
    return [];
  });
};

const advertise = (
  section: Section,
  {
    draft,
    pool,
    spelling,
  }: { readonly draft: Draft; readonly pool: string; readonly spelling: PoolSpelling },
): void => {
  const localPref = section.whole(spelling.localPref, { min: 0, max: 4_294_967_295 });
  const spec = given({
    aggregationLength: section.whole(spelling.aggregationLength, { min: 1, max: 32 }),
    aggregationLengthV6: section.whole(spelling.aggregationLengthV6, { min: 1, max: 128 }),
    // 0 is what a file that says nothing means.
    localPref: localPref === 0 ? undefined : localPref,
    communities: communitiesOf(section, draft),
    ipAddressPools: [pool],
  });
  section.close("a BGP advertisement");
  draft.add("BGPAdvertisement", { wanted: pool, fallback: "advertisement", origin: section.about, spec });
};

const announce = (
  section: Section,
  protocol: Protocol | undefined,
  {
    draft,
    pool,
    spelling,
  }: { readonly draft: Draft; readonly pool: string; readonly spelling: PoolSpelling },
): void => {
  const advertisements = section.sections(spelling.advertisements);
  if (protocol === "bgp") {
    for (const each of advertisements) advertise(each, { draft, pool, spelling });
    if (advertisements.length > 0) return;
    const spec = { ipAddressPools: [pool] };
    draft.add("BGPAdvertisement", { wanted: pool, fallback: "advertisement", origin: section.about, spec });
    return;
  }
  if (section.has(spelling.advertisements))
    section.lost(spelling.advertisements, "go with protocol bgp only, and MetalLB refuses them here");
  if (protocol === undefined) return;
  draft.add("L2Advertisement", {
    wanted: pool,
    fallback: "advertisement",
    origin: section.about,
    spec: { ipAddressPools: [pool] },
  });
};

/** Reads one pool, and adds it with what announces it. */
export const readPool = (
  section: Section,
  {
    draft,
    name,
    spelling,
  }: { readonly draft: Draft; readonly name: string | undefined; readonly spelling: PoolSpelling },
): void => {
  const protocol = protocolOf(section);
  section.dismiss(
    "lost",
    ["arp-network"],
    "addresses are announced on each interface; L2Advertisement.interfaces narrows that",
  );
  const addresses = name === undefined ? [] : addressesOf(section, draft, name.slice(0, 100));
  const autoAssign = section.flag(spelling.autoAssign);
  const avoidBuggyIps = section.flag(spelling.avoidBuggyIps);
  if (name === undefined || addresses.length === 0) {
    draft.report.lost(section.about, `is left out: it has no ${name === undefined ? "name" : "addresses"}`);
    return;
  }
  const spec = {
    addresses,
    ...(autoAssign === false ? { autoAssign } : {}),
    ...(avoidBuggyIps === true ? { avoidBuggyIPs: true } : {}),
  };
  const pool = draft.add("IPAddressPool", { wanted: name, fallback: "pool", origin: section.about, spec });
  if (pool !== name) {
    const was = JSON.stringify(name.slice(0, 60));
    draft.report.changed(
      section.about,
      `is named ${pool}; Services that ask for pool ${was} must name it so`,
    );
  }
  announce(section, protocol, { draft, pool, spelling });
  section.close("a pool");
};
