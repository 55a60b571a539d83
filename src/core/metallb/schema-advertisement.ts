/** The schemas of `L2Advertisement`, `BGPAdvertisement` and `Community`: how addresses are made known. */
import * as v from "valibot";
import { section } from "#core/config/fields";
import { listOf, names, number, plain, sectionWith, selectorField, selectors } from "./fields.ts";

const POOLS = {
  ipAddressPools: v.exactOptional(
    names("Pools by name. Without names and selectors, the addresses of all pools are meant."),
  ),
  ipAddressPoolSelectors: v.exactOptional(selectors("Selects further pools by their labels.")),
};

const SERVICES = {
  serviceSelectors: v.exactOptional(
    selectors("Selects Services by their labels; one selector must match. Default: all Services."),
  ),
};

/** `L2Advertisement.spec`. */
export const l2AdvertisementSpec = section(
  "Answers ARP and neighbour solicitations for addresses of pools.",
  {
    ...POOLS,
    nodeSelectors: v.exactOptional(
      selectors("Selects the nodes that may answer; one selector must match. Default: all nodes."),
    ),
    interfaces: v.exactOptional(names("Interfaces on which is answered, by name. Default: all of them.")),
    ...SERVICES,
    preferredNodeSelectors: v.exactOptional(
      listOf(
        "Nodes that are preferred among those that may answer; weights add up.",
        section("One preference.", {
          weight: number("How much it counts.", { min: 1, max: 100 }),
          preference: selectorField("Selects the nodes that it is for, by their labels."),
        }),
      ),
    ),
  },
);

/** A checked `L2Advertisement.spec`. */
export type L2AdvertisementSpec = v.InferOutput<typeof l2AdvertisementSpec>;

/** Bounded by itself: it looks at lengths and numbers only. */
const AGGREGATION_RULE = {
  rule: "!has(self.serviceSelectors) || size(self.serviceSelectors) == 0 || ((!has(self.aggregationLength) || self.aggregationLength == 32) && (!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))",
  message: "with serviceSelectors, aggregationLength must be 32 and aggregationLengthV6 must be 128",
};

/** `BGPAdvertisement.spec`. */
export const bgpAdvertisementSpec = sectionWith(
  "Announces addresses of pools to routers by BGP.",
  {
    ...POOLS,
    aggregationLength: v.exactOptional(
      number("Length of the IPv4 prefix that is announced for an address.", { min: 1, max: 32 }),
      32,
    ),
    aggregationLengthV6: v.exactOptional(
      number("Length of the IPv6 prefix that is announced for an address.", { min: 0, max: 128 }),
      128,
    ),
    localPref: v.exactOptional(
      number("Local preference, told to routers of the own autonomous system only. Default: 0.", {
        min: 0,
        max: 4_294_967_295,
      }),
    ),
    communities: v.exactOptional(
      names("Communities: `64500:1`, `large:64500:1:2`, or a name that a Community resource gives."),
    ),
    nodeSelectors: v.exactOptional(
      selectors("Selects the nodes that announce; one selector must match. Default: all nodes."),
    ),
    peers: v.exactOptional(names("BGPPeers that are told, by name. Default: all of them.")),
    ...SERVICES,
  },
  { "x-kubernetes-validations": [AGGREGATION_RULE] },
);

/** A checked `BGPAdvertisement.spec` with its defaults. */
export type BgpAdvertisementSpec = v.InferOutput<typeof bgpAdvertisementSpec>;

/** `Community.spec`. */
export const communitySpec = section("Names for BGP communities, for use in BGPAdvertisements.", {
  communities: v.exactOptional(
    listOf(
      "The names.",
      section("One name.", {
        name: v.exactOptional(plain("What BGPAdvertisements call it.")),
        value: v.exactOptional(plain("`64500:1` or `large:64500:1:2`.")),
      }),
    ),
  ),
});

/** A checked `Community.spec`. */
export type CommunitySpec = v.InferOutput<typeof communitySpec>;
