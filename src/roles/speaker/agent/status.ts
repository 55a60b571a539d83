/** What a speaker says of itself at `/v1/status`. */
import type { AddressStatus, MemberStatus, SpeakerStatus } from "#api/speaker";
import { compareAddresses, type IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { toMillis, type WallTime } from "#base/time";
import { VERSION } from "#base/version";
import { type BgpStatusSources, bgpStatus } from "./bgp/status.ts";
import type { Heard } from "./heard.ts";
import type { Member } from "./members.ts";
import { duplicatesOf } from "./reporter.ts";

/** What it is made from. */
export type StatusSources = {
  readonly heard: Heard;
  readonly now: WallTime;
  readonly node: string;
  readonly agent: { readonly pid: number; readonly startedAt: number };
  /** All speakers, as the cluster has them; none before it has been read. */
  readonly members: readonly Member[];
  readonly placements: number | undefined;
  /** Machines that are none of ours, by the address that they answer for. */
  readonly strangers: ReadonlyMap<IpAddress, MacAddress>;
  readonly waitingWrites: number;
  readonly bgp: Pick<BgpStatusSources, "engine" | "routes" | "plan">;
};

/** Where one address is with this node; `undefined` if it never had to do with it. */
export const addressStatus = ({ view, voices }: Heard, address: IpAddress): AddressStatus | undefined => {
  const known = view.addresses.get(address);
  if (known === undefined) return undefined;
  const { state, since, cause, peer, outage } = known;
  return {
    ...{ address, state, since, cause, interfaces: voices.get(address) ?? [] },
    ...(peer === undefined ? {} : { peer }),
    ...(outage === undefined ? {} : { outage: toMillis(outage) }),
  };
};

const pairsOf = <Key extends string, Value, Made>(
  map: ReadonlyMap<Key, Value>,
  make: (key: Key, value: Value) => Made,
): readonly Made[] =>
  [...map].sort(([left], [right]) => (left < right ? -1 : 1)).map(([key, value]) => make(key, value));

const wordOf = (member: Member | undefined): Pick<MemberStatus, "address" | "api"> =>
  member === undefined ? {} : { address: member.addresses[0], api: member.api };

/** The status as the admin socket gives it. */
export const speakerStatus = (sources: StatusSources): SpeakerStatus => {
  const { heard, now, node, agent, placements, waitingWrites } = sources;
  const { view, wire } = heard;
  const byName = new Map(sources.members.map((member) => [member.name, member]));
  const addresses = [...view.addresses.keys()].sort(compareAddresses);
  return {
    ...{ role: "speaker", version: VERSION, now, node, agent },
    wire: { pid: wire.pid, startedAt: wire.startedAt },
    isSynced: view.isSynced,
    company: view.company ?? "unknown",
    ...(view.patience === undefined ? {} : { patience: toMillis(view.patience) }),
    ...(placements === undefined ? {} : { placements }),
    addresses: addresses.flatMap((address) => addressStatus(heard, address) ?? []),
    members: pairsOf(view.members, (name, { standing, since, cause, hearsUs }) => ({
      ...{ node: name, standing, since },
      ...(cause === undefined ? {} : { cause }),
      ...(hearsUs === undefined ? {} : { hearsUs }),
      ...wordOf(byName.get(name)),
    })),
    duplicates: pairsOf(duplicatesOf(heard, sources.strangers), (address, found) => ({ address, ...found })),
    unreachable: pairsOf(view.unreachable, (address, obstacle) => ({ address, obstacle })),
    flapping: [...view.flapping].sort(),
    linksDown: [...view.linksDown].sort(),
    refused: view.refused,
    trouble: pairsOf(view.trouble, (resource, detail) => `${resource}: ${detail}`),
    waitingWrites,
    bgp: bgpStatus({ ...sources.bgp, view, facts: heard.bgp }),
  };
};
