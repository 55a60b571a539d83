/** Names of path attributes, as the registry has them. */

/** Those that peers may send, whether or not we know what is in them. */
const NAMES: Readonly<Record<number, string>> = {
  1: "ORIGIN",
  2: "AS_PATH",
  3: "NEXT_HOP",
  4: "MULTI_EXIT_DISC",
  5: "LOCAL_PREF",
  6: "ATOMIC_AGGREGATE",
  7: "AGGREGATOR",
  8: "COMMUNITIES",
  9: "ORIGINATOR_ID",
  10: "CLUSTER_LIST",
  14: "MP_REACH_NLRI",
  15: "MP_UNREACH_NLRI",
  16: "EXTENDED COMMUNITIES",
  17: "AS4_PATH",
  18: "AS4_AGGREGATOR",
  22: "PMSI_TUNNEL",
  23: "Tunnel Encapsulation",
  24: "Traffic Engineering",
  25: "IPv6 EXTENDED COMMUNITIES",
  26: "AIGP",
  29: "BGP-LS",
  32: "LARGE_COMMUNITY",
  35: "ONLY_TO_CUSTOMER",
  40: "BGP Prefix-SID",
  128: "ATTR_SET",
};

/** The name of an attribute; its number where it has none here. */
export const attributeName = (code: number): string => NAMES[code] ?? `attribute ${code}`;
