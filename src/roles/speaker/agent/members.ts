/** The speakers of the cluster as members: who takes part, where each is reached, and what the API server says of it. */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { ApiWord } from "#core/liveness/standing";
import type { Node } from "#core/node/node";
import type { SpeakerReport } from "#core/speaker-report/report";
import type { SpeakerPod } from "./speaker-pod.ts";

export type Member = {
  /** Of its node. */
  readonly name: string;
  /** Where its sessions go: the node's InternalIPs in the order in which they are listed; at least one. */
  readonly addresses: readonly [IpAddress, ...IpAddress[]];
  readonly macs: readonly MacAddress[];
  readonly api: ApiWord;
};

const wordOf = ({ readiness }: Node): ApiWord => (readiness.state === "ready" ? "ready" : "not-ready");

/** All members by name. A node without a speaker, or without an address, is none. */
export const membersOf = (seen: {
  readonly pods: Iterable<SpeakerPod>;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly reports: ReadonlyMap<string, SpeakerReport>;
}): readonly Member[] => {
  const names = [...new Set([...seen.pods].map(({ node }) => node))].sort();
  return names.flatMap((name): readonly Member[] => {
    const node = seen.nodes.get(name);
    const [first, ...rest] = node?.internalIps ?? [];
    if (node === undefined || first === undefined) return [];
    const macs = (seen.reports.get(name)?.links ?? []).map(({ mac }) => mac);
    return [{ name, addresses: [first, ...rest], macs: [...new Set(macs)].sort(), api: wordOf(node) }];
  });
};
