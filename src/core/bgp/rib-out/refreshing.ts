/** Which families are being told again, and what surrounds that. */
import type { IpFamily } from "#base/address";
import type { RouteRefresh } from "../message/message.ts";
import type { Marker } from "./queue.ts";

/** IANA's numbers of the families; SAFI 1 is unicast. */
const AFI: Readonly<Record<IpFamily, number>> = { IPv4: 1, IPv6: 2 };

const messageOf = (family: IpFamily, meaning: "begin" | "end"): RouteRefresh => ({
  type: "route-refresh",
  family: { afi: AFI[family], safi: 1 },
  meaning,
});

/** However often a peer asks, one refresh of a family runs at a time, and one more follows at most. */
export class Refreshing {
  readonly #running = new Map<IpFamily, "once" | "and-again">();
  /** Families whose table was told to its end, and those that are to be told again after that. */
  readonly #complete = new Set<IpFamily>();
  readonly #late = new Set<IpFamily>();

  /** Takes note that the peer asked; says whether to begin. BoRR must not come before End-of-RIB: it would be ignored (RFC 7313 §4). */
  ask(family: IpFamily, isEnhanced: boolean): "begin" | "wait" {
    if (isEnhanced && !this.#complete.has(family)) {
      this.#late.add(family);
      return "wait";
    }
    const isIdle = !this.#running.has(family);
    this.#running.set(family, isIdle ? "once" : "and-again");
    return isIdle ? "begin" : "wait";
  }

  /** Takes note that the table was told to its end; says whether to begin a refresh that was asked for meanwhile. */
  completed(family: IpFamily): "begin" | "rest" {
    this.#complete.add(family);
    if (!this.#late.delete(family)) return "rest";
    this.#running.set(family, "once");
    return "begin";
  }

  /** Takes note that everything was told again; says whether to begin anew. */
  ended(family: IpFamily): "begin" | "rest" {
    const wasAsked = this.#running.get(family) === "and-again";
    if (wasAsked) this.#running.set(family, "once");
    else this.#running.delete(family);
    return wasAsked ? "begin" : "rest";
  }

  clear(): void {
    this.#running.clear();
    this.#complete.clear();
    this.#late.clear();
  }

  /** BoRR and EoRR (RFC 7313 §4), silent where the peer does not know them. */
  markers(family: IpFamily, isEnhanced: boolean): { readonly begin: Marker; readonly end: Marker } {
    return {
      begin: {
        type: "begin-of-refresh",
        family,
        message: isEnhanced ? messageOf(family, "begin") : undefined,
      },
      end: { type: "end-of-refresh", family, message: isEnhanced ? messageOf(family, "end") : undefined },
    };
  }
}
