/** On which links which addresses are listened for: told when it changes, not for every change of many. */
import type { IpAddress, IpFamily } from "#base/address";
import { after, type Duration, type Instant, millis } from "#base/time";
import type { Effect } from "./effects.ts";

type Ear = {
  readonly linkIndex: number;
  readonly family: IpFamily;
  readonly addresses: Set<IpAddress>;
  /** Whether there is a socket. */
  open: boolean;
  changed: boolean;
};

/** To tell a socket of thousands of addresses costs it a millisecond or more. */
const PAUSE: Duration = millis(50);

export class Listening {
  readonly #earByKey = new Map<string, Ear>();
  #dueAt: Instant | undefined;
  #toldAt: Instant | undefined;

  /** Listens for an address on a link; at once if nothing is heard there yet, or if it must not be missed. */
  add(linkIndex: number, family: IpFamily, address: IpAddress, now: Instant, urgent = false): void {
    const ear = this.#earFor(linkIndex, family);
    if (ear.addresses.has(address)) return;
    ear.addresses.add(address);
    this.#change(ear, now, urgent || !ear.open);
  }

  /** Listens for an address on a link no more. */
  remove(linkIndex: number, family: IpFamily, address: IpAddress, now: Instant): void {
    const ear = this.#earFor(linkIndex, family);
    if (ear.addresses.delete(address)) this.#change(ear, now, false);
  }

  /** Something is about to be asked: what sockets have to be told, they are told now; gives whether there is anything. */
  hurry(now: Instant): boolean {
    if (this.#dueAt === undefined) return false;
    this.#dueAt = now;
    return true;
  }

  /** When sockets must be told at the latest. */
  deadline(): Instant | undefined {
    return this.#dueAt;
  }

  /** What sockets have to be told now. */
  tell(now: Instant): readonly Effect[] {
    if (this.#dueAt === undefined || this.#dueAt > now) return [];
    this.#dueAt = undefined;
    this.#toldAt = now;
    const effects: Effect[] = [];
    for (const [key, ear] of [...this.#earByKey]) {
      const { linkIndex, family, addresses, changed, open } = ear;
      if (addresses.size === 0) this.#earByKey.delete(key);
      if (changed && (open || addresses.size > 0)) {
        effects.push({ type: "listen", linkIndex, family, addresses });
      }
      ear.changed = false;
      ear.open = true;
    }
    return effects;
  }

  #earFor(linkIndex: number, family: IpFamily): Ear {
    const key = `${linkIndex} ${family}`;
    const known = this.#earByKey.get(key);
    if (known !== undefined) return known;
    const ear: Ear = { linkIndex, family, addresses: new Set(), open: false, changed: false };
    this.#earByKey.set(key, ear);
    return ear;
  }

  #change(ear: Ear, now: Instant, urgent: boolean): void {
    ear.changed = true;
    const at = urgent || this.#toldAt === undefined ? now : after(this.#toldAt, PAUSE);
    if (this.#dueAt === undefined || at < this.#dueAt) this.#dueAt = at;
  }
}
