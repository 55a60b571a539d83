/** What this machine's firewall keeps out, or does not let through. */
import { familyOf } from "#base/address";
import type { Answer, Place } from "#core/input-filter/walk";
import type { Facts, FirewallFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";

type Opening = { readonly ufw: string; readonly firewalld: string; readonly rule: string };

/** The commands that let something in. */
const remedyFor = (
  manager: FirewallFacts["manager"],
  base: Place | undefined,
  { ufw, firewalld, rule }: Opening,
): string => {
  if (manager === "ufw") return ufw;
  if (manager === "firewalld") return `${firewalld} && firewall-cmd --reload`;
  if (base === undefined) return `Let it in: ${rule}`;
  const { family, table, chain } = base;
  return `nft insert rule ${family} ${table} ${chain} ${rule}, and the same line where the rules are kept (/etc/nftables.conf)`;
};

const vrrpOpening = (link: string): Opening => ({
  ufw: `ufw allow in on ${link} proto vrrp from any`,
  firewalld: "firewall-cmd --permanent --add-protocol=vrrp",
  rule: `iifname "${link}" meta l4proto 112 accept`,
});

const apiOpening = (port: number): Opening => ({
  ufw: `ufw allow proto tcp to any port ${port}`,
  firewalld: `firewall-cmd --permanent --add-port=${port}/tcp`,
  rule: `tcp dport ${port} accept`,
});

/** By what was translated, answers of those connections are let through as well. */
const throughOpening = (link: string, port: number): Opening => ({
  ufw: `ufw route allow in on ${link} out on ${link} proto tcp from any to any port ${port}`,
  firewalld: "firewall-cmd --permanent --add-forward",
  rule: `iifname "${link}" oifname "${link}" ct status dnat accept`,
});

const whereText = ({ family, table, chain, by }: Place): string =>
  `${by} of the chain ${family} ${table} ${chain}`;

const droppedIn = (
  answers: readonly { readonly answer: Answer }[],
): Extract<Answer, { type: "dropped" }> | undefined => {
  for (const { answer } of answers) if (answer.type === "dropped") return answer;
  return undefined;
};

/** VRRP that arrives at the interface and not at programs was seen; else the rules are believed. */
const vrrpFindings = (facts: Facts): readonly Finding[] => {
  const { firewall, wanted, heard = [] } = facts;
  const opening = vrrpOpening(wanted.interface);
  const subject = wanted.interface;
  const families = new Set(wanted.addresses.map(({ address }) => familyOf(address)));
  const lost = heard.filter(({ delivered, family }) => !delivered && families.has(family));
  const dropped = droppedIn(firewall?.vrrp ?? []);
  const effect = "A host that hears no peer takes the address although another one has it.";
  const [first] = lost;
  if (first !== undefined) {
    const rule = dropped === undefined ? "" : ` (${whereText(dropped.place)})`;
    return [
      {
        ...{ code: "vrrp-filtered", severity: "error", subject },
        message: `Advertisements of ${first.source} arrive at ${wanted.interface}, and this machine's firewall drops them${rule}. ${effect}`,
        remedy: remedyFor(firewall?.manager, dropped?.base, opening),
      },
    ];
  }
  if (dropped === undefined) return [];
  return [
    {
      ...{ code: "vrrp-filtered", severity: "error", subject },
      message: `This machine's firewall drops VRRP, IP protocol 112 (${whereText(dropped.place)}). ${effect}`,
      remedy: remedyFor(firewall?.manager, dropped.base, opening),
    },
  ];
};

const apiFindings = ({ firewall, wanted }: Facts): readonly Finding[] => {
  const dropped = droppedIn(firewall?.api ?? []);
  if (dropped === undefined) return [];
  return [
    {
      ...{ code: "api-filtered", severity: "warning", subject: `port ${wanted.port}` },
      message: `This machine's firewall drops connections to it (${whereText(dropped.place)}), so clients would find the address and no API server.`,
      remedy: remedyFor(firewall?.manager, dropped.base, apiOpening(wanted.port)),
    },
  ];
};

/** What the holder passes on to the API servers of other hosts. */
const throughFindings = ({ firewall, wanted }: Facts): readonly Finding[] => {
  const dropped = droppedIn(firewall?.through ?? []);
  if (dropped === undefined) return [];
  return [
    {
      ...{ code: "balance-filtered", severity: "error", subject: `port ${wanted.port}` },
      message: `This machine's firewall does not forward connections to the API servers of other hosts (${whereText(dropped.place)}), which --balance needs: those that are spread there would get no answer.`,
      remedy: remedyFor(firewall?.manager, dropped.base, throughOpening(wanted.interface, wanted.port)),
    },
  ];
};

/** What is kept out. */
export const firewallFindings = (facts: Facts): readonly Finding[] => [
  ...vrrpFindings(facts),
  ...apiFindings(facts),
  ...throughFindings(facts),
];

/** What of the rules could not be judged, in a sentence. */
export const firewallBlind = ({ firewall }: Facts): readonly string[] => {
  const unknown = (what: string, answers: readonly { readonly answer: Answer }[] = []): readonly string[] => {
    const [first] = answers.flatMap(({ answer }) => (answer.type === "unknown" ? [answer.place] : []));
    return first === undefined
      ? []
      : [`whether the firewall ${what}: it depends on ${whereText(first)}, which cannot be judged from here`];
  };
  return [
    ...unknown("lets VRRP in", firewall?.vrrp),
    ...unknown("lets connections through to the API servers of other hosts", firewall?.through),
  ];
};
