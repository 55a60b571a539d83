/** Pools of the ConfigMap. */
import { formatBlock } from "#core/ipam/block";
import type { AddressBlock } from "#core/ipam/pool";
import { hasBuggyAddress, prefixesOf, readBlocks, type Taken, union, withoutEnds } from "../addresses.ts";
import type { Draft } from "../draft.ts";
import type { Report } from "../report.ts";
import { given } from "../resource.ts";
import type { Section } from "../section.ts";
import type { Announcing } from "./announcing.ts";
import { GLOBAL, type Keys, type Source } from "./keys.ts";

/** Most entries that all pools together may have; a ConfigMap has no room for many more. */
const MOST_ENTRIES = 10_000;
/** How kube-vip is told to ask for an address by DHCP. */
const DHCP = "0.0.0.0/32";

/** The blocks of a key; `undefined` when it stands for no pool. */
const blocksOf = (
  data: Section,
  key: string,
  {
    report,
    most,
    skipsEnds,
  }: { readonly report: Report; readonly most: number; readonly skipsEnds: boolean },
): readonly AddressBlock[] | undefined => {
  const text = data.text(key);
  if (text === undefined) return undefined;
  if (text === DHCP || text === "::/128") {
    data.lost(
      key,
      "asks for addresses by DHCP; steelyard gives them from pools, and until there is one from those for all namespaces",
    );
    return undefined;
  }
  const entries = text.split(",", most + 1);
  if (entries.length > most) {
    data.lost(key, `is left out: there are more than ${MOST_ENTRIES} entries in all`);
    return undefined;
  }
  const about = data.at(key);
  const blocks = union(
    entries.flatMap((entry) => {
      const read = readBlocks(entry);
      if (typeof read !== "string") return read;
      report.lost(about, `${JSON.stringify(entry.slice(0, 60))} ${read}`);
      return [];
    }),
  );
  const isCidr = text.includes("/");
  if (!isCidr || !skipsEnds) return blocks;
  return blocks.flatMap((block) => (block.family === "IPv4" ? prefixesOf(block).map(withoutEnds) : [block]));
};

/** What nobody else has of the blocks; what another pool has is said. */
const leftOf = (
  blocks: readonly AddressBlock[],
  { taken, data, key }: { readonly taken: Taken; readonly data: Section; readonly key: string },
): readonly AddressBlock[] => {
  const owners = new Set<string>();
  const left = blocks.flatMap((block) => {
    const found = taken.freeOf(block);
    for (const owner of found.owners) owners.add(owner);
    return found.free;
  });
  if (owners.size > 0) {
    const [first = ""] = owners;
    const more = owners.size > 1 ? ` and ${owners.size - 1} more` : "";
    data.changed(key, `without what ${first}${more} has as well: an address belongs to one pool`);
  }
  return left;
};

const announce = (
  draft: Draft,
  {
    pool,
    source,
    keys,
    data,
    announcing,
  }: {
    readonly pool: string;
    readonly source: Source;
    readonly keys: Keys;
    readonly data: Section;
    readonly announcing: Announcing;
  },
): void => {
  const { interfaceByNamespace } = keys;
  const own = interfaceByNamespace.get(source.namespace ?? GLOBAL) ?? interfaceByNamespace.get(GLOBAL);
  const device = own ?? announcing.interface;
  const made = { wanted: pool, fallback: "advertisement", origin: data.at(source.key) };
  const ipAddressPools = [pool];
  const { nodeSelectors, peers } = announcing;
  const interfaces = device === undefined ? [] : [device];
  if (announcing.l2)
    draft.add("L2Advertisement", { ...made, spec: given({ ipAddressPools, interfaces, nodeSelectors }) });
  if (peers.length > 0) draft.add("BGPAdvertisement", { ...made, spec: { ipAddressPools, peers } });
};

const noteSpillOver = (draft: Draft, data: Section, sources: readonly Source[]): void => {
  const global = sources.find(({ namespace }) => namespace === undefined);
  if (global === undefined || sources.length === 1) return;
  draft.report.changed(
    data.at(global.key),
    "a namespace whose own pool is used up takes from it; with kube-vip its Services wait",
  );
};

/** Reads the pools, and adds them with what announces them. */
export const readPools = (
  data: Section,
  {
    keys,
    draft,
    announcing,
  }: { readonly keys: Keys; readonly draft: Draft; readonly announcing: Announcing },
): void => {
  const skipsEnds = data.text("skip-end-ips-in-cidr") === "true";
  const taken = draft.taken;
  const made: Source[] = [];
  let most = MOST_ENTRIES;
  for (const source of keys.sources) {
    const { key, namespace } = source;
    const blocks = blocksOf(data, key, { report: draft.report, most, skipsEnds });
    if (blocks === undefined) continue;
    most -= blocks.length;
    const left = leftOf(blocks, { taken, data, key });
    for (const block of left) taken.add(block, key);
    if (left.length === 0) {
      draft.report.lost(data.at(key), "is left out: it has no addresses of its own");
      continue;
    }
    const spec = {
      addresses: left.map(formatBlock),
      // kube-vip never gives those, whatever its pools say.
      ...(hasBuggyAddress(left) ? { avoidBuggyIPs: true } : {}),
      ...(namespace === undefined ? {} : { serviceAllocation: { namespaces: [namespace] } }),
    };
    const wanted = namespace ?? GLOBAL;
    const pool = draft.add("IPAddressPool", { wanted, fallback: "pool", origin: data.at(key), spec });
    announce(draft, { pool, source, keys, data, announcing });
    made.push(source);
  }
  noteSpillOver(draft, data, made);
  noteInterfaces(data, { keys, made, announcing });
};

/** Interfaces that come to nothing: BGP has none, and a namespace without a pool draws from the one for all. */
const noteInterfaces = (
  data: Section,
  {
    keys,
    made,
    announcing,
  }: { readonly keys: Keys; readonly made: readonly Source[]; readonly announcing: Announcing },
): void => {
  const namespaces = new Set(made.map(({ namespace }) => namespace ?? GLOBAL));
  for (const namespace of keys.interfaceByNamespace.keys()) {
    const key = `interface-${namespace}`;
    if (!announcing.l2) data.needless(key, "goes with ARP and NDP, by which nothing is announced");
    else if (!namespaces.has(namespace) && namespace !== GLOBAL)
      data.lost(key, "the namespace has no pool of its own, and interfaces go by pools");
  }
};
