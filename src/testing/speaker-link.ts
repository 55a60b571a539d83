/** What a simulated speaker and the world around it say to each other. */
import type { IpAddress } from "#base/address";
import { assert } from "#base/assert";
import { type MacAddress, parseMac } from "#base/mac";
import type { ApiWord } from "#core/liveness/standing";
import type { OwnershipConfig } from "#core/ownership/config";
import type { Placement } from "#core/ownership/input";
import type { Effect } from "#core/ownership/state";
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";
import type { SessionPacket } from "./simulated-session.ts";

/** What travels between speakers. */
export type Frame =
  | { readonly type: "bfd"; readonly packet: SessionPacket }
  /** An announcement, or an answer to a question. */
  | { readonly type: "claim"; readonly address: IpAddress }
  | { readonly type: "ask"; readonly address: IpAddress };

/** What a speaker needs of the world. */
export type Link = {
  readonly clock: Clock;
  readonly random: Random;
  send(from: string, to: string, frame: Frame): void;
  askGateway(from: string): void;
  /** Told after each step. */
  stepped(speaker: string, effects: readonly Effect[]): void;
};

/** What a speaker knows when it starts. */
export type Knowledge = {
  readonly members: readonly string[];
  readonly placements: readonly Placement[];
  readonly apiOf: (node: string) => ApiWord;
};

/** What a speaker is made of. */
export type SpeakerHost = {
  readonly name: string;
  readonly config: OwnershipConfig;
  readonly hasGateway: boolean;
  /** How fast its clock runs, and where it began. */
  readonly rate: number;
  readonly offset: number;
};

/** The MAC address of the `node-N` that is called `name`. */
export const macOf = (name: string): MacAddress => {
  const mac = parseMac(`02:00:00:00:00:${Number(name.slice(5)).toString(16).padStart(2, "0")}`);
  assert(mac !== undefined, "not a node", { name });
  return mac;
};
