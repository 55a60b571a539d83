/** On which links which addresses are listened for: told when it changes, not for every change of many. */
import type { IpAddress, IpFamily } from "#base/address";
import { after, type Duration, type Instant, millis, seconds } from "#base/time";
import type { Effect } from "./effects.ts";

type Ear = {
  readonly linkIndex: number;
  readonly family: IpFamily;
  readonly addresses: Set<IpAddress>;
  /** Whether there is a socket. */
  open: boolean;
  /** Since the socket was told. */
  added: IpAddress[];
  /** Since the socket was told: then it has to be told all. */
  isLess: boolean;
};

/** To tell a socket costs a system call or two. */
const PAUSE: Duration = millis(50);
/** To tell it of thousands of addresses costs it some milliseconds, and it may as well hear of some that it listens for no more. */
const MANY = 256;
const LONG_PAUSE: Duration = seconds(1);

export class Listening {
  readonly #earByKey = new Map<string, Ear>();
  #dueAt: Instant | undefined;
  #toldAt: Instant | undefined;

  /** Listens for an address on a link; at once if nothing is heard there yet, or if it must not be missed. */
  add(linkIndex: number, family: IpFamily, address: IpAddress, now: Instant, urgent = false): void {
    const ear = this.#earFor(linkIndex, family);
    if (ear.addresses.has(address)) return;
    ear.addresses.add(address);
    ear.added.push(address);
    this.#plan(urgent || !ear.open ? now : this.#pauseOver(PAUSE, now));
  }

  /** Listens for an address on a link no more. */
  remove(linkIndex: number, family: IpFamily, address: IpAddress, now: Instant): void {
    const ear = this.#earFor(linkIndex, family);
    if (!ear.addresses.delete(address)) return;
    ear.isLess = true;
    this.#plan(this.#pauseOver(ear.addresses.size > MANY ? LONG_PAUSE : PAUSE, now));
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
      const { linkIndex, family, addresses, added, isLess, open } = ear;
      if (addresses.size === 0) this.#earByKey.delete(key);
      if (isLess ? open || addresses.size > 0 : added.length > 0) {
        const more = open && !isLess ? { added } : {};
        effects.push({ type: "listen", linkIndex, family, addresses, ...more });
      }
      ear.added = [];
      ear.isLess = false;
      ear.open = true;
    }
    return effects;
  }

  #earFor(linkIndex: number, family: IpFamily): Ear {
    const key = `${linkIndex} ${family}`;
    const known = this.#earByKey.get(key);
    if (known !== undefined) return known;
    const ear: Ear = { linkIndex, family, addresses: new Set(), open: false, added: [], isLess: false };
    this.#earByKey.set(key, ear);
    return ear;
  }

  #pauseOver(pause: Duration, now: Instant): Instant {
    return this.#toldAt === undefined ? now : after(this.#toldAt, pause);
  }

  #plan(at: Instant): void {
    if (this.#dueAt === undefined || at < this.#dueAt) this.#dueAt = at;
  }
}
