/** On which links which addresses are listened for: told when it changes, not for every change of many. */
import type { IpAddress, IpFamily } from "#base/address";
import { after, type Duration, type Instant, millis } from "#base/time";
import type { Effect } from "./effects.ts";
import type { Holding } from "./holding.ts";
import { LOOK_ADDRESS } from "./segments.ts";

type Ear = {
  readonly linkIndex: number;
  readonly family: IpFamily;
  readonly addresses: ReadonlySet<IpAddress>;
};

/** A socket for thousands of addresses costs milliseconds to tell. */
const PAUSE: Duration = millis(50);

const keyOf = (linkIndex: number, family: IpFamily): string => `${linkIndex} ${family}`;

const sameSet = (one: ReadonlySet<IpAddress>, other: ReadonlySet<IpAddress>): boolean => {
  if (one.size !== other.size) return false;
  for (const address of one) if (!other.has(address)) return false;
  return true;
};

export class Listening {
  #earByKey: ReadonlyMap<string, Ear> = new Map();
  #dueAt: Instant | undefined;
  #toldAt: Instant | undefined;

  /** Something has changed. `urgent`: there is no socket yet where something may be said, or something may be missed. */
  change(now: Instant, { urgent }: { readonly urgent: boolean }): void {
    const at = urgent || this.#toldAt === undefined ? now : after(this.#toldAt, PAUSE);
    if (this.#dueAt === undefined || at < this.#dueAt) this.#dueAt = at;
  }

  /** Whether there is a socket on this link. */
  hasEar(linkIndex: number, family: IpFamily): boolean {
    return this.#earByKey.has(keyOf(linkIndex, family));
  }

  deadline(): Instant | undefined {
    return this.#dueAt;
  }

  /** What sockets have to be told now. */
  tell(holdings: Iterable<Holding>, contested: Iterable<number>, now: Instant): readonly Effect[] {
    if (this.#dueAt === undefined || this.#dueAt > now) return [];
    this.#dueAt = undefined;
    this.#toldAt = now;
    const wanted = wantedEars(holdings, contested);
    const effects: Effect[] = [];
    for (const [key, { linkIndex, family }] of this.#earByKey) {
      if (!wanted.has(key)) effects.push({ type: "listen", linkIndex, family, addresses: new Set() });
    }
    for (const [key, ear] of wanted) {
      const before = this.#earByKey.get(key);
      if (before === undefined || !sameSet(before.addresses, ear.addresses)) {
        effects.push({ type: "listen", ...ear });
      }
    }
    this.#earByKey = wanted;
    return effects;
  }
}

const wantedEars = (holdings: Iterable<Holding>, contested: Iterable<number>): Map<string, Ear> => {
  const earByKey = new Map<string, Ear & { readonly addresses: Set<IpAddress> }>();
  const earFor = (linkIndex: number, family: IpFamily): Set<IpAddress> => {
    const key = keyOf(linkIndex, family);
    const known = earByKey.get(key);
    if (known !== undefined) return known.addresses;
    const ear = { linkIndex, family, addresses: new Set<IpAddress>() };
    earByKey.set(key, ear);
    return ear.addresses;
  };
  for (const { fit, family, address } of holdings) {
    for (const { index } of fit) earFor(index, family).add(address);
  }
  for (const linkIndex of contested) earFor(linkIndex, "IPv4").add(LOOK_ADDRESS);
  return earByKey;
};
