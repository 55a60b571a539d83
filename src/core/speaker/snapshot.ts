/** The view as a message: another process goes on from it. */
import type { SpeakerView } from "./view.ts";

type Plain<Value> =
  Value extends Map<infer Key, infer Item>
    ? readonly (readonly [Key, Item])[]
    : Value extends Set<infer Item>
      ? readonly Item[]
      : Value;

/** A view without maps and sets, which JSON does not have. */
export type ViewSnapshot = { readonly [Key in keyof SpeakerView]: Plain<SpeakerView[Key]> };

/** What is sent. */
export const snapshotOf = (view: SpeakerView): ViewSnapshot => ({
  ...view,
  addresses: [...view.addresses],
  members: [...view.members],
  duplicates: [...view.duplicates],
  unused: [...view.unused],
  flapping: [...view.flapping],
  unreachable: [...view.unreachable],
  linksDown: [...view.linksDown],
  trouble: [...view.trouble],
  transitions: [...view.transitions],
  deaths: [...view.deaths],
  failedWrites: [...view.failedWrites],
  ...{ bgpDowns: [...view.bgpDowns], bgpAttempts: [...view.bgpAttempts] },
  ...{ bgpRefusals: [...view.bgpRefusals], bgpTroubles: [...view.bgpTroubles] },
  ...{ bgpLimits: [...view.bgpLimits], bgpDamped: [...view.bgpDamped] },
});

/** The view that was sent. */
export const viewOf = (snapshot: ViewSnapshot): SpeakerView => ({
  ...snapshot,
  addresses: new Map(snapshot.addresses),
  members: new Map(snapshot.members),
  duplicates: new Map(snapshot.duplicates),
  unused: new Set(snapshot.unused),
  flapping: new Set(snapshot.flapping),
  unreachable: new Map(snapshot.unreachable),
  linksDown: new Set(snapshot.linksDown),
  trouble: new Map(snapshot.trouble),
  transitions: new Map(snapshot.transitions),
  deaths: new Map(snapshot.deaths),
  failedWrites: new Map(snapshot.failedWrites),
  ...{ bgpDowns: new Map(snapshot.bgpDowns), bgpAttempts: new Map(snapshot.bgpAttempts) },
  ...{ bgpRefusals: new Map(snapshot.bgpRefusals), bgpTroubles: new Map(snapshot.bgpTroubles) },
  ...{ bgpLimits: new Map(snapshot.bgpLimits), bgpDamped: new Set(snapshot.bgpDamped) },
});
