/** `steelyard.dev/Reachable`: whether another node of the link gets an answer from each address of a Service. */
import type { IpAddress } from "#base/address";
import { unreachable } from "#base/assert";
import type { WantedCondition } from "#core/allocation/outcome";
import type { Obstacle, Verdict } from "#core/reachability/machine";

/** The type of the condition. */
export const REACHABLE = "steelyard.dev/Reachable";

/** What was found out about one address. */
export type ProbedAddress = {
  readonly address: IpAddress;
  /** Who asked; `undefined` where the holder is the only node. */
  readonly prober: string | undefined;
  readonly verdict: Verdict;
};

type Finding = { readonly rank: number; readonly reason: string; readonly text: string };

const obstacleFinding = (address: IpAddress, prober: string, obstacle: Obstacle): Finding => {
  switch (obstacle.type) {
    case "not-resolved":
      return {
        ...{ rank: 3, reason: "NotResolved" },
        text: `node ${prober} asked who has ${address}, and nobody answered: look for a switch or a firewall that drops ARP or neighbour solicitations`,
      };
    case "other-machine":
      return {
        ...{ rank: 4, reason: "OtherMachine" },
        text: `node ${prober} asked who has ${address}, and nobody but ${obstacle.mac} answered: find that machine, which is not a node of this cluster`,
      };
    case "answered-twice":
      return {
        ...{ rank: 5, reason: "AnsweredTwice" },
        text: `node ${prober} asked who has ${address}, and ${obstacle.macs.join(" and ")} answered: find the machine that is not a node of this cluster`,
      };
    case "silent":
      return {
        ...{ rank: 2, reason: "Silent" },
        text: `node ${prober} found ${address} at ${obstacle.mac}, and nothing came back from its port: look for a firewall, a source range or kube-proxy on that node`,
      };
    case "refused":
      return {
        ...{ rank: 1, reason: "Refused" },
        text: `node ${prober} found ${address} at ${obstacle.mac}, and its port refused the connection: look at the endpoints of the Service`,
      };
    default:
      return unreachable(obstacle);
  }
};

const findingOf = ({ address, prober, verdict }: ProbedAddress): Finding => {
  if (prober === undefined)
    return { rank: 0, reason: "NoProber", text: `there is no other node that could ask for ${address}` };
  switch (verdict.type) {
    case "unknown":
      return { rank: 0, reason: "NotProbedYet", text: `no other node has asked for ${address} yet` };
    case "reachable":
      return { rank: -1, reason: "Answered", text: `node ${prober} got an answer from ${address}` };
    case "unreachable":
      return obstacleFinding(address, prober, verdict.obstacle);
    default:
      return unreachable(verdict);
  }
};

/** Whether a condition with this message says what that node found out by itself. */
export const isWordOf = (node: string, message: string): boolean => message.startsWith(`Node ${node} `);

/** What is true of a Service with these addresses, of which there is at least one; the worst of them decides. */
export const reachableCondition = (
  addresses: readonly [ProbedAddress, ...ProbedAddress[]],
): WantedCondition => {
  const findings = addresses.map(findingOf);
  const worst = findings.reduce((left, right) => (right.rank > left.rank ? right : left));
  const text = findings.map((finding) => finding.text).join("; ");
  return {
    type: REACHABLE,
    status: worst.rank < 0 ? "True" : worst.rank === 0 ? "Unknown" : "False",
    reason: worst.reason,
    message: `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`,
  };
};
