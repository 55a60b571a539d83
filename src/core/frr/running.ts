/** What FRR runs with, as far as it concerns us: our part, and the neighbours of others. */
import { parseAddress } from "#base/address";
import { OWN } from "./names.ts";
import { EMPTY, type Growing, parseTree, type Tree } from "./tree.ts";

export type Running = {
  /** Blocks of ours. Those of BFD profiles lie in `bfd`, which is not ours alone, and here beside the others. */
  readonly own: Tree;
  /** Addresses of neighbours in the main table that are not ours. */
  readonly neighbours: ReadonlySet<string>;
  /** Whether bfdd runs: without it FRR takes lines about BFD, and forgets them. */
  readonly bfd: "runs" | "missing";
};

const OWN_VIEW = new RegExp(`^router bgp \\d+ view ${OWN}\\S+$`);
const OWN_BLOCK = new RegExp(`^(?:route-map|ip prefix-list|ipv6 prefix-list) ${OWN}\\S*(?: |$)`);
const OWN_PROFILE = new RegExp(`^profile ${OWN}\\S+$`);
/** The same address is another neighbour there. */
const OTHER_VRF = /^router bgp \d+ vrf (?!default$)/;
const NEIGHBOUR = /^neighbor (\S+) /;

/** Copies a tree, so that the result can grow. */
const copied = (tree: Tree): Growing =>
  new Map([...tree].map(([line, children]) => [line, copied(children)]));

/** What `show daemons` prints: one line of names. */
const DAEMONS = /^ *(?:[a-z0-9]+ +)*(?:zebra|bgpd)(?: +[a-z0-9]+)* *$/m;
const END = /^end$/m;

/** Reads what `show running-config` prints, and `show daemons` after it. Never throws. */
export const parseRunning = (text: string): Running => {
  const end = END.exec(text)?.index ?? text.length;
  const tree = parseTree(text.slice(0, end));
  const daemons = DAEMONS.exec(text.slice(end))?.[0].trim().split(/ +/);
  const own: Growing = new Map();
  const neighbours = new Set<string>();
  for (const [line, children] of tree) {
    if (OWN_VIEW.test(line) || OWN_BLOCK.test(line)) own.set(line, copied(children));
    else if (line.startsWith("router bgp ") && !OTHER_VRF.test(line)) {
      for (const each of children.keys()) {
        const address = parseAddress(NEIGHBOUR.exec(each)?.[1] ?? "");
        if (address !== undefined) neighbours.add(address);
      }
    } else if (line === "bfd") {
      for (const [profile, settings] of children) {
        if (OWN_PROFILE.test(profile)) own.set(profile, copied(settings));
      }
    }
  }
  const bfd = daemons === undefined || daemons.includes("bfdd") ? "runs" : "missing";
  return { own, neighbours, bfd };
};

/** Our part without anything that is announced. */
export const withoutNetworks = (own: Tree): Tree =>
  new Map(
    [...own].flatMap(([line, children]): readonly (readonly [string, Tree])[] =>
      line.startsWith("network ") ? [] : [[line, withoutNetworks(children)]],
    ),
  );

/** Nothing of ours. */
export const NOTHING_RUNNING: Running = { own: EMPTY, neighbours: new Set(), bfd: "runs" };
