/**
 * The watch for somebody else who claims an address that we hold (RFC 5227 §2.4, RFC 4862 §5.4).
 *
 * A claim is an ARP packet whose sender has the address, or a Neighbor Advertisement for it, with a MAC address that
 * is not ours. Around a takeover the previous holder's claims may still be on the wire, and so may the next one's
 * when we are about to step down: a single claim is therefore answered, but called a duplicate only when another
 * follows, no sooner than SETTLE after it.
 */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { after, type Duration, earliest, type Instant, seconds } from "#base/time";
import type { ArpPacket } from "#core/arp/packet";
import type { NdpMessage } from "#core/ndp/packet";

/** Somebody says that `mac` has `address`. */
export type Claim = { readonly address: IpAddress; readonly mac: MacAddress };

/** What is ours: the addresses we hold now, and every MAC address under which we may be heard. */
export type Ownership = {
  readonly addresses: ReadonlySet<IpAddress>;
  readonly macs: ReadonlySet<MacAddress>;
};

type Suspicion = {
  readonly since: Instant;
  readonly lastAt: Instant;
  /** Whether it was called a duplicate. */
  readonly reported: boolean;
};

/** At most one suspicion for each address that we hold, whatever is sent to us. */
export type State = ReadonlyMap<IpAddress, Suspicion>;

export type Effect =
  /** Say again who has the address (`other-speaker` in `machine.ts`, which limits the rate). */
  | { readonly type: "defend"; readonly claim: Claim }
  /** Tell the operator; once, until nobody else has claimed the address for QUIET. */
  | { readonly type: "duplicate-address"; readonly claim: Claim };

export type Step = { readonly state: State; readonly effects: readonly Effect[] };

/** Longer than a takeover may look like a duplicate. */
const SETTLE: Duration = seconds(1);
/** A host that is in use asks for its neighbours every minute or so; this one has left. */
const QUIET: Duration = seconds(300);

/** Nobody is suspected. */
export const INITIAL: State = new Map();

/**
 * The claim in an ARP packet. A probe is none, its sender has no address yet (RFC 5227 §2.1.1): 0.0.0.0 is never
 * among the addresses we hold.
 */
export const claimOfArp = ({ senderAddress, senderMac }: ArpPacket): Claim => ({
  address: senderAddress,
  mac: senderMac,
});

/**
 * The claim in a Neighbour Discovery message; `undefined` for solicitations, and for advertisements without a
 * link-layer address, which move nobody's traffic (RFC 4861 §7.2.5).
 */
export const claimOfNdp = (message: NdpMessage): Claim | undefined =>
  message.type === "advertisement" && message.mac !== undefined
    ? { address: message.target, mac: message.mac }
    : undefined;

/** Takes one claim. */
export const sight = (state: State, claim: Claim, ownership: Ownership, now: Instant): Step => {
  if (!ownership.addresses.has(claim.address) || ownership.macs.has(claim.mac)) return { state, effects: [] };
  const known = expire(state, ownership, now);
  const before = known.get(claim.address);
  const since = before?.since ?? now;
  const settled = now >= after(since, SETTLE);
  const suspicion: Suspicion = { since, lastAt: now, reported: before?.reported === true || settled };
  const effects: Effect[] = [{ type: "defend", claim }];
  if (settled && before?.reported !== true) effects.push({ type: "duplicate-address", claim });
  return { state: new Map(known).set(claim.address, suspicion), effects };
};

/**
 * Forgets those that have been quiet for long, and addresses that we do not hold any more. Call it when addresses
 * are given up, so that claims from before and after somebody else's term are not taken together.
 */
export const expire = (state: State, { addresses }: Ownership, now: Instant): State => {
  const kept = [...state].filter(
    ([address, { lastAt }]) => addresses.has(address) && now < after(lastAt, QUIET),
  );
  return kept.length === state.size ? state : new Map(kept);
};

/** When `expire` would next forget something. Being late is harmless: `sight` does it, too. */
export const deadline = (state: State): Instant | undefined =>
  earliest(...[...state.values()].map(({ lastAt }) => after(lastAt, QUIET)));
