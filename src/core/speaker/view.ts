/** What is true of a speaker now, and how often what happened, made from its events alone. */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { Duration, WallTime } from "#base/time";
import type { DeathCause, Standing } from "#core/liveness/standing";
import type { Verdict as Company } from "#core/ownership/company";
import type { TransitionCause } from "#core/ownership/state";
import { type BgpView, emptyBgpView, isBgpEvent, projectBgp } from "./bgp.ts";
import type { Hearing, SpeakerEvent, SpeakerObservation, Tenure } from "./event.ts";

/** One address as this node sees it. */
export type AddressView = {
  readonly state: Tenure;
  readonly since: WallTime;
  readonly cause: TransitionCause;
  readonly peer: string | undefined;
  /** How long the node that it was taken from had been silent then; missing where it was not taken from a silent one. */
  readonly outage?: Duration;
};

export type SpeakerView = BgpView & {
  sequence: number;
  startedAt: WallTime | undefined;
  isSynced: boolean;
  company: Company | undefined;
  /** After what silence others take over, where that is longer than usual because this process stands still again and again. */
  patience: Duration | undefined;
  /** Those that this node has had to do with; one that is on standby again stays, with why, unless there are very many. */
  readonly addresses: Map<IpAddress, AddressView>;
  readonly members: Map<
    string,
    {
      readonly standing: Standing["name"];
      readonly since: WallTime;
      readonly cause: DeathCause | undefined;
      /** Of one that is alive. */
      readonly hearsUs: Hearing | undefined;
    }
  >;
  readonly duplicates: Map<IpAddress, MacAddress>;
  /** Those of them that nobody had used before, as far as is known: the Service may be given another address. */
  readonly unused: Set<IpAddress>;
  readonly flapping: Set<IpAddress>;
  readonly unreachable: Map<IpAddress, string>;
  readonly linksDown: Set<string>;
  refused: readonly string[];
  /** What cannot be read now, and why. */
  readonly trouble: Map<string, string>;
  /** How often addresses changed their state, by cause. */
  readonly transitions: Map<TransitionCause, number>;
  /** How often members died, by cause. */
  readonly deaths: Map<DeathCause, number>;
  /** How often writes failed, by reason. */
  readonly failedWrites: Map<string, number>;
};

/** Before anything happened. */
export const emptySpeakerView = (): SpeakerView => ({
  ...emptyBgpView(),
  ...{ sequence: 0, startedAt: undefined, isSynced: false, company: undefined, refused: [] },
  patience: undefined,
  ...{ addresses: new Map(), members: new Map(), duplicates: new Map(), unused: new Set() },
  ...{ flapping: new Set() },
  ...{ unreachable: new Map(), linksDown: new Set(), trouble: new Map(), transitions: new Map() },
  ...{ deaths: new Map(), failedWrites: new Map() },
});

const increase = <Key>(counts: Map<Key, number>, key: Key): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

const put = <Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void => {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
};

const toggle = <Key>(set: Set<Key>, key: Key, isIn: boolean): void => {
  if (isIn) set.add(key);
  else set.delete(key);
};

/** Addresses of a view; above that those are forgotten that this node has not had to do with for the longest time. */
const MOST_ADDRESSES = 20_000;
/** So many at once, so that it is seldom done. */
const FORGOTTEN_AT_ONCE = 2_000;

const putAddress = ({ addresses }: Pick<SpeakerView, "addresses">, address: IpAddress, seen: AddressView) => {
  // Last in order.
  addresses.delete(address);
  addresses.set(address, seen);
  if (addresses.size <= MOST_ADDRESSES) return;
  let left = FORGOTTEN_AT_ONCE;
  for (const [old, { state }] of addresses) {
    if (left === 0) return;
    if (state === "standby" && addresses.delete(old)) left -= 1;
  }
};

const projectAddress = (view: SpeakerView, event: SpeakerEvent, at: WallTime): void => {
  switch (event.type) {
    case "address-state": {
      const { address, to, cause, peer, outage } = event;
      const measured = outage === undefined ? {} : { outage };
      putAddress(view, address, { state: to, since: at, cause, peer, ...measured });
      increase(view.transitions, cause);
      break;
    }
    case "duplicate-address":
      view.duplicates.set(event.address, event.mac);
      toggle(view.unused, event.address, event.stage === "unused");
      break;
    case "duplicate-gone":
      view.duplicates.delete(event.address);
      view.unused.delete(event.address);
      break;
    case "flapping":
      toggle(view.flapping, event.address, event.state === "begun");
      break;
    case "reachability":
      put(view.unreachable, event.address, event.to === "unreachable" ? (event.obstacle ?? "") : undefined);
      break;
    default:
  }
};

const projectMember = (
  view: SpeakerView,
  event: Extract<SpeakerEvent, { type: "member" }>,
  at: WallTime,
): void => {
  const { node, to: standing, cause } = event;
  const hearsUs = standing === "alive" ? "unknown" : undefined;
  if (cause === "not-a-member") view.members.delete(node);
  else view.members.set(node, { standing, since: at, cause, hearsUs });
  if (standing === "dead" && cause !== undefined) increase(view.deaths, cause);
};

const projectHearing = (
  view: SpeakerView,
  { node, hearsUs }: Extract<SpeakerEvent, { type: "hearing" }>,
): void => {
  const member = view.members.get(node);
  if (member?.standing === "alive") view.members.set(node, { ...member, hearsUs });
};

const projectCluster = (view: SpeakerView, event: SpeakerEvent, at: WallTime): void => {
  switch (event.type) {
    case "member":
      projectMember(view, event, at);
      break;
    case "hearing":
      projectHearing(view, event);
      break;
    case "configuration-applied":
      view.refused = [];
      break;
    case "configuration-refused":
      view.refused = event.problems;
      break;
    case "api-trouble":
      put(view.trouble, event.resource, event.state === "begun" ? (event.detail ?? "") : undefined);
      break;
    case "write-failed":
      increase(view.failedWrites, event.reason);
      break;
    default:
  }
};

/** Brings the view up to date with one more observation. */
export const projectSpeaker = (view: SpeakerView, { sequence, at, event }: SpeakerObservation): void => {
  view.sequence = sequence;
  if (isBgpEvent(event)) projectBgp(view, event);
  if (event.type === "speaker" && event.change === "started") view.startedAt = at;
  if (event.type === "speaker" && event.change === "synced") view.isSynced = true;
  if (event.type === "company") view.company = event.to;
  if (event.type === "patience") view.patience = event.state === "begun" ? event.wait : undefined;
  if (event.type === "link") toggle(view.linksDown, event.link, event.state !== "up");
  projectAddress(view, event, at);
  projectCluster(view, event, at);
};
