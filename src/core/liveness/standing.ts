/** The rules by which a member's standing follows from what is known of it. */
import type { Instant } from "#base/time";

/** What a BFD session says of its peer. `report.ts` makes it from the session's state. */
export type SessionReport =
  | { readonly state: "up" }
  /** It says that it leaves on purpose (AdminDown, RFC 5880 §6.8.16), or said so before it fell silent. */
  | { readonly state: "leaving" }
  | { readonly state: "down"; readonly cause: DownCause }
  /** The session has never been up. */
  | { readonly state: "unknown" };

/** Why a session that was up is not any more. */
export type DownCause =
  /** Nothing comes from the peer. */
  | "detected"
  /** The peer is heard, and says that it does not hear us. */
  | "signalled"
  /** The peer is heard, and says that it holds nothing: it has just started, or is cut off and has withdrawn. */
  | "vacated";

/** What the API server said last of a node. It stays when the API server is away, and is kept on disk. */
export type ApiWord =
  | "ready"
  | "not-ready"
  /** Nothing was ever said, as with a member list from a file. */
  | "unheard";

/** Why a member counts as dead. */
export type DeathCause =
  /** Its session was up and went silent. */
  | "silent"
  | "vacated"
  /** Its session never came up, though it had its time. */
  | "never-heard"
  /** Nobody here watches it, and the API server says that it is not ready. */
  | "not-ready"
  /** It is no member, or none any more. */
  | "not-a-member";

/** What this node believes of a member. */
export type Standing =
  | {
      readonly name: "alive";
      /** Whether it hears us: `unknown` without a session that is or was up. */
      readonly hearsUs: "yes" | "no" | "unknown";
    }
  | { readonly name: "leaving"; readonly since: Instant }
  | { readonly name: "dead"; readonly since: Instant; readonly cause: DeathCause };

/** Everything that a standing depends on. */
export type Evidence = {
  /** `undefined`: this node keeps no session with it. */
  readonly session: SessionReport | undefined;
  readonly api: ApiWord;
  /** Whether the session has had its time to come up. */
  readonly isGraceOver: boolean;
  /** Whether any session of this node was ever up, so that BFD is known to pass here. */
  readonly isBfdProven: boolean;
};

const ALIVE: Standing = { name: "alive", hearsUs: "unknown" };
const dead = (cause: DeathCause, since: Instant): Standing => ({ name: "dead", since, cause });

const byApi = (api: ApiWord, now: Instant): Standing =>
  api === "not-ready" ? dead("not-ready", now) : ALIVE;

/**
 * A session that was never up says little. A node that has just started must not believe everybody dead, so in its grace a
 * member is alive unless the API server says otherwise. After it, one that does not speak while others do is dead: the API
 * server takes 40 seconds and more to notice. Where BFD has never passed at all, something may be blocking it, and the API
 * server's word is the better one; without any word the member is dead, and what this node must know before it claims an
 * address (a gateway that answers, and nobody who answers for the address) is all that guards against two holders.
 */
const neverUp = ({ api, isGraceOver, isBfdProven }: Evidence, now: Instant): Standing => {
  if (!isGraceOver) return byApi(api, now);
  return isBfdProven || api === "unheard" ? dead("never-heard", now) : byApi(api, now);
};

/** The standing that follows from the evidence; `since` is `now`. */
export const judge = (evidence: Evidence, now: Instant): Standing => {
  const { session, api } = evidence;
  if (session === undefined) return byApi(api, now);
  switch (session.state) {
    case "up":
      return { name: "alive", hearsUs: "yes" };
    case "leaving":
      return { name: "leaving", since: now };
    case "unknown":
      return neverUp(evidence, now);
    case "down":
      // It lives, and it is for itself to judge whether it is cut off; it will say so, or fall silent.
      if (session.cause === "signalled") return { name: "alive", hearsUs: "no" };
      return dead(session.cause === "detected" ? "silent" : "vacated", now);
  }
};

/** Whether two standings differ in more than the time. */
export const isSameStanding = (one: Standing, other: Standing): boolean => {
  if (one.name === "alive") return other.name === "alive" && one.hearsUs === other.hearsUs;
  if (one.name === "dead") return other.name === "dead" && one.cause === other.cause;
  return other.name === "leaving";
};
