/** FRR as a peer of a station, and what its own table shows. */
import { AT } from "./bfd-bed.ts";
import { ASN, type BgpBed } from "./bgp-bed.ts";
import { type FrrDaemons, startFrrDaemons } from "./frr-daemons.ts";

/** One path as `show bgp ... json` has it. */
type Path = {
  readonly valid?: boolean;
  readonly stale?: boolean;
  readonly aspath?: { readonly string: string };
  readonly metric?: number;
  readonly locPrf?: number;
  readonly community?: { readonly string: string };
  readonly largeCommunity?: { readonly string: string };
  readonly nexthops: readonly { readonly ip: string; readonly scope?: string; readonly used?: boolean }[];
};

type Neighbor = {
  readonly remoteRouterId?: string;
  readonly remoteAs?: number;
  readonly neighborCapabilities?: Readonly<Record<string, unknown>>;
  readonly bgpState: string;
  readonly lastNotificationReason?: string;
  readonly lastShutdownDescription?: string;
  readonly connectionsEstablished: number;
  readonly messageStats: { readonly routeRefreshSent: number };
};

/** What it says. */
export class Frr {
  readonly daemons: FrrDaemons;

  constructor(daemons: FrrDaemons) {
    this.daemons = daemons;
  }

  async neighbor(of: string): Promise<Neighbor> {
    const all = JSON.parse(await this.daemons.vtysh(`show bgp neighbors ${of} json`));
    return all[of];
  }

  /** The best path of a prefix; `undefined` without one. */
  async path(family: "ipv4" | "ipv6", prefix: string): Promise<Path | undefined> {
    const text = await this.daemons.vtysh(`show bgp ${family} unicast ${prefix} json`);
    return JSON.parse(text === "" ? "{}" : text).paths?.[0];
  }

  /** How many prefixes of a family it has. */
  async count(family: "ipv4" | "ipv6"): Promise<number> {
    const { routes = {} } = JSON.parse(await this.daemons.vtysh(`show bgp ${family} unicast json`));
    return Object.keys(routes).length;
  }

  /** Whether the kernel routes a prefix by BGP. */
  async routes(prefix: string): Promise<boolean> {
    return (await this.daemons.vtysh(`show ip route ${prefix} json`)).includes('"protocol":"bgp"');
  }
}

/** How it is configured besides. */
export type FrrChoice = {
  readonly host?: "e2" | "cl";
  readonly neighbor?: string;
  /** `interface`: the neighbour is whoever is at the other end of it. */
  readonly kind?: "interface";
  readonly asn?: number;
  readonly local?: number;
  readonly lines?: readonly string[];
  /** Lines outside of `router bgp`. */
  readonly globals?: readonly string[];
};

/** FRR on a host with us as its neighbour. */
export const startFrr = async (bed: BgpBed, choice: FrrChoice = {}): Promise<Frr> => {
  const {
    host = "e2",
    neighbor = AT.e1.IPv4,
    asn = ASN.ours,
    local = ASN.theirs,
    lines = [],
    globals = [],
  } = choice;
  const daemons = await startFrrDaemons(bed.lab, host, bed.remember);
  await daemons.load(
    [
      ...globals,
      `router bgp ${local}`,
      ` bgp router-id ${AT[host].IPv4}`,
      " no bgp ebgp-requires-policy",
      ` neighbor ${neighbor}${choice.kind === undefined ? "" : " interface"} remote-as ${asn}`,
      ` neighbor ${neighbor} timers 3 9`,
      ` neighbor ${neighbor} timers connect 2`,
      ...lines.map((line) => ` neighbor ${neighbor} ${line}`),
      " address-family ipv4 unicast",
      `  neighbor ${neighbor} activate`,
      `  neighbor ${neighbor} soft-reconfiguration inbound`,
      " exit-address-family",
      " address-family ipv6 unicast",
      `  neighbor ${neighbor} activate`,
      " exit-address-family",
      "exit",
      "",
    ].join("\n"),
  );
  return new Frr(daemons);
};
