/**
 * What can go wrong in a lab, as a value, and the switch settings that make it so.
 *
 * Everything happens in the switches, where neither the host nor its programs can see or undo it. Delay is missing:
 * it needs the kernel's netem queue, which cannot be relied upon (many kernels are built without it).
 */
import { type IpAddress, parseAddress } from "#base/address";
import type { Topology } from "./topology.ts";

/** Signals that `lab fault` can send to everything that runs in a host. */
export type HostSignal = "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM";

export type Fault =
  /** Nothing gets in or out, and the carrier stays: a power cut, as the others see it. */
  | { readonly type: "silence"; readonly host: string }
  /** The cables are pulled: the host itself sees it too. */
  | { readonly type: "link-down"; readonly host: string }
  | { readonly type: "link-up"; readonly host: string }
  /** Frames from one host to another are dropped; `undefined` means any host; `percent` is 0..100, 0 ends it. */
  | { readonly type: "loss"; readonly from?: string; readonly to?: string; readonly percent: number }
  /** No frame passes between the two sides. */
  | { readonly type: "partition"; readonly sides: readonly [readonly string[], readonly string[]] }
  /** Another host claims an address. */
  | { readonly type: "duplicate-address"; readonly host: string; readonly address: IpAddress }
  | { readonly type: "signal"; readonly host: string; readonly signal: HostSignal }
  /** Ends silence, loss, partitions and pulled cables of one host, or of all. */
  | { readonly type: "restore"; readonly host?: string };

/** One rule of loss; `undefined` means any host. */
type Loss = { readonly from?: string; readonly to?: string; readonly percent: number };

/** The faults in force. */
export type FaultState = {
  readonly silent: readonly string[];
  readonly unplugged: readonly string[];
  readonly losses: readonly Loss[];
};

/** A network without faults. */
export const NO_FAULTS: FaultState = { silent: [], unplugged: [], losses: [] };

const including = (list: readonly string[], name: string): readonly string[] =>
  list.includes(name) ? list : [...list, name];
const excluding = (list: readonly string[], name: string): readonly string[] =>
  list.filter((each) => each !== name);

const withLoss = (losses: readonly Loss[], added: Loss): readonly Loss[] => [
  ...losses.filter((each) => each.from !== added.from || each.to !== added.to),
  ...(added.percent > 0 ? [added] : []),
];

/** The faults in force after one more. Signals and duplicate addresses leave the switches alone. */
export const addFault = (state: FaultState, fault: Fault): FaultState => {
  switch (fault.type) {
    case "silence":
      return { ...state, silent: including(state.silent, fault.host) };
    case "link-down":
      return { ...state, unplugged: including(state.unplugged, fault.host) };
    case "link-up":
      return { ...state, unplugged: excluding(state.unplugged, fault.host) };
    case "loss": {
      const { type: _, ...loss } = fault;
      return { ...state, losses: withLoss(state.losses, loss) };
    }
    case "partition": {
      const [left, right] = fault.sides;
      const cuts = left.flatMap((a) =>
        right.flatMap((b) => [
          { from: a, to: b, percent: 100 },
          { from: b, to: a, percent: 100 },
        ]),
      );
      return { ...state, losses: cuts.reduce(withLoss, state.losses) };
    }
    case "restore": {
      const { host } = fault;
      if (host === undefined) return NO_FAULTS;
      return {
        silent: excluding(state.silent, host),
        unplugged: excluding(state.unplugged, host),
        losses: state.losses.filter((each) => each.from !== host && each.to !== host),
      };
    }
    case "duplicate-address":
    case "signal":
      return state;
  }
};

const lossRule = ({ from, to, percent }: Loss): string =>
  [
    ...(from === undefined ? [] : [`iifname "${from}"`]),
    ...(to === undefined ? [] : [`oifname "${to}"`]),
    ...(percent >= 100 ? [] : [`numgen random mod 10000 < ${Math.round(percent * 100)}`]),
    "drop",
  ].join(" ");

const chain = (hook: string, rules: readonly string[]): readonly string[] => [
  `  chain ${hook} {`,
  `    type filter hook ${hook} priority 0; policy accept;`,
  ...rules.map((rule) => `    ${rule}`),
  "  }",
];

/**
 * The nftables file that puts silence and losses in force in a switch, replacing the ones before in one step.
 * A silent host is stopped before the bridge learns from its frames: it may share a virtual MAC with its peer.
 */
export const renderFaults = (state: FaultState): string =>
  [
    "table bridge faults",
    "delete table bridge faults",
    "table bridge faults {",
    ...chain(
      "prerouting",
      state.silent.map((host) => `iifname "${host}" drop`),
    ),
    ...chain("forward", [
      ...state.silent.map((host) => `oifname "${host}" drop`),
      ...state.losses.map(lossRule),
    ]),
    "}",
    "",
  ].join("\n");

/** A command to run in a switch. */
export type SwitchCommand = {
  readonly switch: string;
  readonly argv: readonly string[];
  readonly input?: string;
};

/** The commands that lead from one set of faults to another; none when they are the same. */
export const planFaults = (
  topology: Topology,
  change: { readonly before: FaultState; readonly after: FaultState },
): readonly SwitchCommand[] => {
  const { before, after } = change;
  const links = topology.hosts.flatMap(({ name, interfaces }) => {
    const pulled = after.unplugged.includes(name);
    if (pulled === before.unplugged.includes(name)) return [];
    const argv = ["ip", "link", "set", "dev", name, pulled ? "down" : "up"];
    return interfaces.map((port) => ({ switch: port.switch, argv }));
  });
  const input = renderFaults(after);
  const filters = topology.switches.map((each) => ({ switch: each, argv: ["nft", "-f", "-"], input }));
  return input === renderFaults(before) ? links : [...links, ...filters];
};

/** The hosts that a fault names. */
const hostsOf = (fault: Fault): readonly string[] => {
  if (fault.type === "partition") return fault.sides.flat();
  if (fault.type === "loss") return [fault.from, fault.to].filter((each) => each !== undefined);
  return fault.host === undefined ? [] : [fault.host];
};

/** Switches alone drop frames; who has no cable to one is out of their reach. */
const behindHosts = (topology: Topology, names: readonly string[]): readonly string[] =>
  topology.hosts
    .filter(({ name, interfaces }) => {
      const reached = interfaces.some((port) => topology.switches.includes(port.switch));
      return names.includes(name) && interfaces.length > 0 && !reached;
    })
    .map(({ name, interfaces }) => `${name} is behind ${interfaces[0]?.switch}, not in a switch`);

/** What is wrong with a fault in this topology; empty when it can be injected. */
export const faultProblems = (topology: Topology, fault: Fault): readonly string[] => {
  const known = topology.hosts.map((host) => host.name);
  const problems = hostsOf(fault)
    .filter((name) => !known.includes(name))
    .map((name) => `there is no host ${name}; the hosts are ${known.join(", ")}`);
  if (fault.type === "silence" || fault.type === "loss" || fault.type === "partition")
    problems.push(...behindHosts(topology, hostsOf(fault)));
  if (fault.type === "loss" && !(fault.percent >= 0 && fault.percent <= 100)) {
    problems.push("a loss is 0 to 100 percent");
  }
  return problems;
};

/** One line of help for each fault, in the words that `parseFault` reads. */
export const FAULT_USAGE: readonly string[] = [
  "silence HOST                     nothing gets in or out, carrier stays: a power cut as others see it",
  "link-down HOST                   its cables are pulled",
  "link-up HOST                     its cables are plugged in again",
  "loss PERCENT [FROM|any [TO|any]] that share of frames is dropped, one way; 0 ends it",
  "partition A,B C,D                no frame passes between the two sides",
  "duplicate-address HOST ADDRESS   HOST claims ADDRESS too",
  "kill|stop|continue|end HOST      SIGKILL, SIGSTOP, SIGCONT or SIGTERM to everything in HOST",
  "restore [HOST]                   ends silence, loss, partition and pulled cables",
];

const SIGNAL_BY_WORD: ReadonlyMap<string, HostSignal> = new Map([
  ["kill", "SIGKILL"],
  ["stop", "SIGSTOP"],
  ["continue", "SIGCONT"],
  ["end", "SIGTERM"],
]);

const anyHost = (word: string | undefined): string | undefined => (word === "any" ? undefined : word);

const parseLoss = (words: readonly string[]): Fault | undefined => {
  const [percent = "", first, second] = words;
  if (!/^\d+(?:\.\d+)?%?$/.test(percent) || words.length > 3) return undefined;
  const from = anyHost(first);
  const to = anyHost(second);
  return {
    type: "loss",
    percent: Number.parseFloat(percent),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
};

/** Reads a fault as typed at a shell; `undefined` when the words are none of `FAULT_USAGE`. */
export const parseFault = (words: readonly string[]): Fault | undefined => {
  const [verb = "", ...rest] = words;
  if (verb === "loss") return parseLoss(rest);
  const [first, second, ...more] = rest;
  if (verb === "restore" && rest.length <= 1)
    return first === undefined ? { type: "restore" } : { type: "restore", host: first };
  if (first === undefined || more.length > 0) return undefined;
  if (verb === "partition" && second !== undefined) {
    return { type: "partition", sides: [first.split(","), second.split(",")] };
  }
  if (verb === "duplicate-address") {
    const address = parseAddress(second ?? "");
    return address === undefined ? undefined : { type: "duplicate-address", host: first, address };
  }
  if (second !== undefined) return undefined;
  const signal = SIGNAL_BY_WORD.get(verb);
  if (signal !== undefined) return { type: "signal", host: first, signal };
  if (verb === "silence" || verb === "link-down" || verb === "link-up") return { type: verb, host: first };
  return undefined;
};
