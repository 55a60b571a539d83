/** What a session lets in and out, in the words that FRR and IOS XE share. */
import { familyOf, type IpFamily } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import type { Accepted, Session } from "./model.ts";

/** What commands about a family begin with. */
export const IP = { IPv4: "ip", IPv6: "ipv6" } as const;

/** `ge 32 le 32` and the like; nothing where the prefix itself is meant. */
const lengthsOf = ({ network, length }: Accepted): string =>
  network.prefixLength === length ? "" : ` ge ${length} le ${length}`;

/** The map that what is heard of a family goes through. */
export const mapOf = (name: string, family: IpFamily): string => `${name}-in-${family.toLowerCase()}`;

/**
 * The filters of a session. One map for each family: FRR's list of IPv4 prefixes compares bits, whichever family they are of, and in IOS an
 * entry that matches on ip says nothing of IPv6 routes, and lets them pass.
 */
export const filterLines = (session: Session, name: string): readonly string[] => [
  ...session.families.flatMap((family) => {
    const accepted = session.accepted.filter(({ network }) => familyOf(network.address) === family);
    const map = mapOf(name, family);
    if (accepted.length === 0) return [`route-map ${map} deny 10`, "exit"];
    return [
      ...accepted.map(
        (each, index) =>
          `${IP[family]} prefix-list ${name} seq ${(index + 1) * 5} permit ${formatInterfaceAddress(each.network)}${lengthsOf(each)}`,
      ),
      `route-map ${map} permit 10`,
      ` match ${IP[family]} address prefix-list ${name}`,
      "exit",
    ];
  }),
  `route-map ${name}-out deny 10`,
  "exit",
];
