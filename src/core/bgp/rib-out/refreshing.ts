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

  /** Takes note that the peer asked; says whether to begin. */
  ask(family: IpFamily): "begin" | "wait" {
    const isIdle = !this.#running.has(family);
    this.#running.set(family, isIdle ? "once" : "and-again");
    return isIdle ? "begin" : "wait";
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
