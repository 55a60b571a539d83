/** What the fast thread is told of the cluster: who takes part, and which addresses concern this node. */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { ApiWord } from "#core/liveness/standing";
import type { AllowedInterfaces } from "#core/responder/config";

/** A speaker of the cluster. */
export type MemberWord = {
  /** Of its node. */
  readonly name: string;
  /** Where its sessions go; the first is taken for which there is one of ours of the same family. */
  readonly addresses: readonly IpAddress[];
  /** Of its interfaces, so that it is no stranger when it answers. */
  readonly macs: readonly MacAddress[];
  readonly api: ApiWord;
};

/** An address that is announced. */
export type PlacementWord = {
  readonly address: IpAddress;
  /** Nodes that may answer, the first choice first. */
  readonly candidates: readonly string[];
  /** Where this node may answer; nothing to it where it is no candidate. */
  readonly interfaces: AllowedInterfaces;
};

/** Whether a machine is none of these speakers'; not as long as one of them has told of no interface. */
export const isStranger = (members: readonly MemberWord[], mac: MacAddress): boolean =>
  members.length > 0 && members.every(({ macs }) => macs.length > 0 && !macs.includes(mac));
