/** Who else is on the segment: machines that have an address already, and other VRRP routers. */
import { familyOf, type IpAddress } from "#base/address";
import type { Claim, Facts, Heard } from "./facts.ts";
import type { Finding } from "./finding.ts";

/** Whether advertisements are those of another host of ours: it says the same identifier and the same addresses. */
const isPeers = (facts: Facts, heard: Heard): boolean => {
  const { wanted } = facts;
  const known =
    wanted.peers.length === 0 || wanted.peers.includes(heard.source) || familyOf(heard.source) === "IPv6";
  return known && heard.vrid === wanted.vrid && sharesAddress(facts, heard);
};

const sharesAddress = ({ wanted }: Facts, { addresses }: Heard): boolean =>
  wanted.addresses.some(({ address }) => addresses.includes(address));

/** The host of ours that has an address, by the advertisements that come from the same MAC address. */
const holderOf = (facts: Facts, { mac, address }: Claim): Heard | undefined =>
  facts.heard?.find(
    (heard) => heard.mac === mac && heard.addresses.includes(address) && isPeers(facts, heard),
  );

const describe = ({ mac, others }: Claim): string =>
  others.length === 0 ? mac : `${mac} (${others.join(", ")})`;

/** Addresses that another machine has, but for the host of ours that holds them. */
const claimFindings = (facts: Facts): readonly Finding[] =>
  (facts.claims ?? [])
    .filter((claim) => holderOf(facts, claim) === undefined)
    .map((claim): Finding => {
      const peer = claim.others.find((other) => facts.wanted.peers.includes(other));
      const why =
        peer === undefined
          ? "Two machines with one address lose connections at random."
          : `${peer} is one of the peers: if steelyard runs there, its advertisements do not arrive here; else something else has bound the address there.`;
      return {
        ...{ code: "address-taken", severity: "error", subject: claim.address },
        message: `${describe(claim)} has ${claim.address} already. ${why}`,
        remedy:
          peer === undefined
            ? "Take a free address outside the DHCP range, or find the machine by its MAC address in the switch and give it another."
            : `On ${peer}: steelyard status, and ip address show to ${claim.address}`,
      };
    });

const boundFindings = ({ bound = [], wanted }: Facts): readonly Finding[] =>
  bound
    .filter(({ isOurs }) => !isOurs)
    .map(({ address, link }) => ({
      ...{ code: "address-here", severity: "error", subject: address },
      message: `${address} is on ${link} of this host already, and no steelyard has put it there: it would stay here whoever holds it.`,
      remedy: `Remove it, and from what sets it (netplan, ifupdown, keepalived, kube-vip): ip address del ${address}/${wanted.addresses.find((each) => each.address === address)?.prefixLength ?? 32} dev ${link}`,
    }));

const silentFindings = ({ silentPeers = [], wanted }: Facts): readonly Finding[] =>
  silentPeers.map((peer) => ({
    ...{ code: "peer-silent", severity: "warning", subject: peer },
    message: `It is one of the peers and does not answer on ${wanted.interface}: it is off, has another address, or is cut off from here.`,
    remedy: `ping -c 3 -I ${wanted.interface} ${peer}, and ip -br address on that host`,
  }));

/** The first identifier that nobody uses. */
const freeVrid = ({ heard = [], wanted }: Facts): number => {
  const taken = new Set([wanted.vrid, ...heard.map(({ vrid }) => vrid)]);
  for (let vrid = 53; vrid <= 255; vrid += 1) if (!taken.has(vrid)) return vrid;
  return 1;
};

const who = ({ source, mac, priority, version, addresses }: Heard): string =>
  `${source} (${mac}) advertises it with priority ${priority}, version ${version}, for ${addresses.join(", ") || "no address"}`;

const heardFindings = (facts: Facts): readonly Finding[] => {
  const { heard = [], wanted } = facts;
  return heard
    .filter(({ vrid }) => vrid === wanted.vrid)
    .flatMap((each): readonly Finding[] => {
      const subject = `vrid ${wanted.vrid}`;
      const families = wanted.addresses.map(({ address }) => familyOf(address));
      if (!families.includes(each.family)) return [];
      if (isPeers(facts, each)) return versionFindings(each);
      if (wanted.peers.includes(each.source)) {
        return [
          {
            ...{ code: "peer-differs", severity: "error", subject: each.source },
            message: `It is one of the peers and ${who(each).slice(each.source.length + 1)}, not for ${wanted.addresses.map(({ address }) => address).join(", ")}: the hosts are configured differently.`,
            remedy:
              "Give all hosts the same --address and --vrid; the same configuration file fits all of them.",
          },
        ];
      }
      return [
        {
          ...{ code: "vrid-taken", severity: "error", subject },
          message: `Another router uses it: ${who(each)}. Each would take the other for its peer.`,
          remedy: `Another identifier, the same on all hosts: --vrid ${freeVrid(facts)}`,
        },
      ];
    });
};

const versionFindings = ({ version, source }: Heard): readonly Finding[] =>
  version === 3
    ? []
    : [
        {
          ...{ code: "vrrp-version", severity: "error", subject: source },
          message: `It speaks version ${version} for these addresses; hosts of steelyard vip speak version 3 and do not hear it.`,
          remedy:
            "Move that host over too: stop what speaks there (keepalived?) before steelyard starts here.",
        },
      ];

/** All of it. */
export const segmentFindings = (facts: Facts): readonly Finding[] => [
  ...claimFindings(facts),
  ...boundFindings(facts),
  ...silentFindings(facts),
  ...heardFindings(facts),
];

/** What is well, in sentences: who holds the address now, and who else was heard. */
export const segmentNotes = (facts: Facts): readonly string[] =>
  (facts.heard ?? []).flatMap((heard) => {
    if (isPeers(facts, heard))
      return [
        `${heard.source} holds ${heldBy(facts, heard).join(", ")} now, with priority ${heard.priority}`,
      ];
    if (heard.vrid === facts.wanted.vrid) return [];
    return [
      `${heard.source} uses vrid ${heard.vrid}, with priority ${heard.priority}, which disturbs nobody`,
    ];
  });

const heldBy = ({ wanted }: Facts, { addresses }: Heard): readonly IpAddress[] =>
  wanted.addresses.map(({ address }) => address).filter((address) => addresses.includes(address));
