/** Which claims were told of a moment ago: kept for that long only, since in a takeover thousands of addresses are claimed once each. */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { after, type Duration, type Instant, millis } from "#base/time";
import type { Claim, Evidence } from "./reading.ts";

/** Who claimed an address last, and when that was told. */
type Told = { readonly mac: MacAddress; readonly evidence: Evidence; readonly at: Instant };

/** A claim that is repeated is told of so often: what follows from a rival that goes on depends on its hearing it go on. */
const TELL_INTERVAL: Duration = millis(100);

const isLately = ({ at }: Told, now: Instant): boolean => now < after(at, TELL_INTERVAL);

export class ToldClaims {
  /** What was told first comes first. */
  readonly #toldByAddress = new Map<IpAddress, Told>();

  /** Takes note of a claim; gives whether it is news: the first of its kind from this one, or the first for a while. */
  note({ address, mac, evidence }: Claim, now: Instant): boolean {
    this.#forgetOld(now);
    const last = this.#toldByAddress.get(address);
    if (last?.mac === mac && last.evidence === evidence && isLately(last, now)) return false;
    // Last in order.
    this.#toldByAddress.delete(address);
    this.#toldByAddress.set(address, { mac, evidence, at: now });
    return true;
  }

  /** Whatever is said of an address next is news. */
  forget(address: IpAddress): void {
    this.#toldByAddress.delete(address);
  }

  #forgetOld(now: Instant): void {
    for (const [address, told] of this.#toldByAddress) {
      if (isLately(told, now)) return;
      this.#toldByAddress.delete(address);
    }
  }
}
