/** `steelyard router-config`: prints what the routers that our resources name have to be told. */
import { parseAddress } from "#base/address";
import { type InterfaceAddress, networkOf, parseInterfaceAddress } from "#base/prefix";
import { flat } from "#core/allocation-plan/world";
import { fieldsOf } from "#core/kubernetes/read";
import { formatObjectProblem } from "#core/metallb/problem";
import { readConfiguration } from "#core/metallb/read";
import { readNode } from "#core/node/read";
import type { KnownNode, NodeSource } from "#core/router-config/neighbours";
import { renderRouter } from "#core/router-config/render";
import { routersOf } from "#core/router-config/routers";
import { VENDORS, type Vendor } from "#core/router-config/vendors";
import type { FilesPort } from "#drivers/files/port";
import { printable } from "./table.ts";
import { readWorldFrom, stateFiles, type WorldRead } from "./world.ts";

export type RouterConfigOptions = {
  readonly vendor: string;
  /** Files and directories with resources. */
  readonly paths: readonly string[];
  /** What is there, from elsewhere than files. */
  readonly now?: WorldRead;
  /** `NAME=ADDRESS` for each address of a node. */
  readonly node: readonly string[];
  /** Networks that nodes connect from, instead of nodes. */
  readonly nodes: readonly string[];
  /** Names of BGPPeers; none means all. */
  readonly peer: readonly string[];
  /** Number of the routers' autonomous system where the resources leave it open. */
  readonly routerAsn: string | undefined;
  /** Where files are read; the real ones by default. */
  readonly files?: FilesPort;
  /** Takes each line of output; standard output by default. */
  readonly print?: (line: string) => void;
  /** Takes each line about what is wrong; standard error by default. */
  readonly complain?: (line: string) => void;
};

const DONE = 0;
const UNREACHABLE = 1;
const WRONG_INPUT = 2;

type Parsed<Value> = { readonly value: Value; readonly problems: readonly string[] };

/** Addresses of nodes as they are given on the command line; a name may come several times. */
const parseNodes = (texts: readonly string[]): Parsed<readonly KnownNode[]> => {
  const problems: string[] = [];
  const byName = new Map<string, KnownNode>();
  for (const text of texts) {
    const cut = text.indexOf("=");
    const name = text.slice(0, Math.max(0, cut));
    const address = parseAddress(text.slice(cut + 1));
    if (name === "" || address === undefined) {
      problems.push(`--node ${text}: is not NAME=ADDRESS.`);
      continue;
    }
    const addresses = [...(byName.get(name)?.addresses ?? []), address];
    byName.set(name, { name, labels: undefined, addresses });
  }
  return { value: [...byName.values()], problems };
};

const parseRanges = (texts: readonly string[]): Parsed<readonly InterfaceAddress[]> => {
  const read = texts.map((text) => ({ text, range: parseInterfaceAddress(text) }));
  return {
    value: read.flatMap(({ range }) => (range === undefined ? [] : [networkOf(range)])),
    problems: read.flatMap(({ text, range }) =>
      range === undefined ? [`--nodes ${text}: is no network, such as 10.0.0.0/24.`] : [],
    ),
  };
};

const parseAsn = (text: string | undefined): Parsed<number | undefined> => {
  if (text === undefined) return { value: undefined, problems: [] };
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  return value >= 1 && value <= 4_294_967_295
    ? { value, problems: [] }
    : { value: undefined, problems: [`--router-asn ${text}: is not a number from 1 to 4294967295.`] };
};

/** Nodes of the cluster, each with the addresses that were given for it instead of its own. */
const nodesIn = (objects: readonly unknown[], given: readonly KnownNode[]): readonly KnownNode[] => {
  const read = flat(objects)
    .filter((object) => fieldsOf(object).kind === "Node")
    .flatMap((object) => readNode(object) ?? []);
  const known = new Set(read.map(({ name }) => name));
  const own = read.map(({ name, labels, internalIps }): KnownNode => {
    const said = given.find((node) => node.name === name);
    return { name, labels, addresses: said?.addresses ?? internalIps };
  });
  return [...own, ...given.filter(({ name }) => !known.has(name))];
};

const HOW_TO_NAME_NODES =
  "Name the nodes with --node NAME=ADDRESS, or the network that they connect from with --nodes CIDR.";

/** Prints the configuration of every router. Gives the exit status: 0 when done, 1 when the cluster does not answer, 2 when something is wrong. */
export const routerConfig = (options: RouterConfigOptions): number => {
  const { paths, files = stateFiles(), print = console.log, complain = console.error } = options;
  const refuse = (lines: readonly string[], status = WRONG_INPUT): number => {
    for (const line of lines) complain(printable(line));
    return status;
  };
  const vendor = VENDORS.find((each): each is Vendor => each === options.vendor);
  if (vendor === undefined) {
    return refuse([`--vendor ${options.vendor}: is none of ${VENDORS.join(", ")}.`]);
  }
  const [given, ranges, asn] = [
    parseNodes(options.node),
    parseRanges(options.nodes),
    parseAsn(options.routerAsn),
  ];
  const wrong = [...given.problems, ...ranges.problems, ...asn.problems];
  if (given.value.length > 0 && ranges.value.length > 0)
    wrong.push(
      "--node and --nodes are given both: routers know nodes by name, or a network that they are in.",
    );
  if (wrong.length > 0) return refuse(wrong);
  const now = options.now ?? readWorldFrom({ state: paths, files });
  if (!now.ok) return refuse(now.problems, options.now === undefined ? WRONG_INPUT : UNREACHABLE);
  const read = readConfiguration({ objects: now.world.objects, namespaces: now.world.namespaces });
  if (!read.ok) return refuse(read.problems.map((problem) => `${formatObjectProblem(problem)}.`));
  const nodes = nodesIn(now.objects, given.value);
  const source: NodeSource =
    ranges.value.length > 0 ? { type: "ranges", ranges: ranges.value } : { type: "nodes", nodes };
  const peers = options.peer.length === 0 ? undefined : new Set(options.peer);
  const { configuration } = read;
  const made = routersOf({ configuration, source, routerAsn: asn.value, peers });
  if (!made.ok) {
    const hints = source.type === "nodes" && nodes.length === 0 ? [HOW_TO_NAME_NODES] : [];
    return refuse([...now.missing.map(({ problem }) => `not read: ${problem}`), ...made.problems, ...hints]);
  }
  for (const router of made.routers) print(renderRouter(vendor, router));
  return DONE;
};
