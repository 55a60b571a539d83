/** BFD sessions that an earlier run has left: each is gone on with once, between the same ends. */
import type { Instant } from "#base/time";
import type { Estate, LeftSession } from "#core/bfd/legacy-words";
import type { Legacy } from "#core/bfd/succession";

type Place = Omit<LeftSession, "legacy">;

const keyOf = ({ localAddress, peer, linkIndex, vrf }: Place): string =>
  JSON.stringify([localAddress, peer, linkIndex, vrf]);

export class LeftSessions {
  readonly #legacyByPlace: Map<string, Legacy>;
  readonly #until: Instant | undefined;

  constructor(left?: Pick<Estate, "sessions" | "until">) {
    this.#legacyByPlace = new Map(left?.sessions.map((session) => [keyOf(session), session.legacy]));
    this.#until = left?.until;
  }

  /** What is left of the session between these ends, which nobody gets twice. */
  take(place: Place, now: Instant): Legacy | undefined {
    const key = keyOf(place);
    const legacy = this.#legacyByPlace.get(key);
    this.#legacyByPlace.delete(key);
    return this.#until !== undefined && now < this.#until ? legacy : undefined;
  }
}
