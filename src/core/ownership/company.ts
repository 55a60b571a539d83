/**
 * Whom this node hears: the question on which it depends whether it may hold addresses.
 *
 * ```
 *                   a session is up and packets come
 *      +---------------> accompanied <--------------+
 *      |                  |       ^                 |
 *      |       no session |       | a session is up |
 *      |       up         v       |                 |
 *      |                 doubtful                   |
 *      |    the gateway   |    |  no answer in time, |
 *      |    answers       |    |  or none to ask     |
 *      |                  v    v                    |
 *     alone <--------------- isolated --------------+
 *       |   gateway answers     ^
 *       +-----------------------+
 *           gateway falls silent
 * ```
 *
 * A node that hears nobody is cut off, or the last one. The gateway tells the difference, since it is what clients come
 * through. It is asked only in need: from when no packet has come for `quietAfter`, so that the answer is there, or has
 * failed to come, when the last session goes down. A thousand nodes that are well do not trouble their router.
 *
 * Peers that said that they leave are not missed. A node without any session to keep has nobody who could take over from it.
 */
import { unreachable } from "#base/assert";
import { after, earliest, type Instant } from "#base/time";
import type { SessionCounts } from "#core/liveness/liveness";
import type { OwnershipConfig } from "./config.ts";
import { detectionTime } from "./timing.ts";

/** Whom a node hears: peers; nobody yet known; the gateway only; nobody. Only in the last case it must hold nothing. */
export type Verdict = "accompanied" | "doubtful" | "alone" | "isolated";

export type CompanyState = {
  readonly verdict: Verdict;
  /** `undefined` until the members are known. */
  readonly sessions: SessionCounts | undefined;
  /** When a packet last came from any peer. */
  readonly heardAt: Instant;
  /** Whether there is an address on the link to ask; `undefined` until that is known. */
  readonly hasGateway: boolean | undefined;
  /** When the gateway was last heard; `undefined`: never. */
  readonly gatewayAt: Instant | undefined;
  /** Since when the gateway is asked, and when next; `undefined` while there is no need. */
  readonly asking: { readonly since: Instant; readonly nextAt: Instant } | undefined;
};

/** What happened. */
export type CompanyInput =
  | { readonly type: "timer" }
  /** How many sessions are in which condition. */
  | { readonly type: "sessions"; readonly counts: SessionCounts }
  /** A packet came from a peer. */
  | { readonly type: "peer-heard" }
  /** Whether there is a gateway on the link to ask; not that it answers now. */
  | { readonly type: "gateway"; readonly isKnown: boolean }
  /** Anything came from the gateway. */
  | { readonly type: "gateway-heard" };

export type CompanyStep = {
  readonly state: CompanyState;
  /** Whether the gateway is to be asked now. */
  readonly asksGateway: boolean;
};

/** A node that knows nothing yet. */
export const initialCompany = (now: Instant): CompanyState => ({
  verdict: "doubtful",
  sessions: undefined,
  heardAt: now,
  hasGateway: undefined,
  gatewayAt: undefined,
  asking: undefined,
});

/** The new state after an input. */
export const stepCompany = (
  config: OwnershipConfig,
  state: CompanyState,
  input: CompanyInput,
  now: Instant,
): CompanyStep => {
  switch (input.type) {
    case "timer":
      return look(config, state, now);
    case "sessions":
      return beforeReading(state, look(config, { ...state, sessions: input.counts }, now));
    case "peer-heard":
      return beforeReading(state, look(config, { ...state, heardAt: now }, now));
    case "gateway":
      return beforeReading(
        state,
        look(config, { ...state, hasGateway: input.isKnown, gatewayAt: undefined }, now),
      );
    case "gateway-heard":
      return beforeReading(state, look(config, { ...state, gatewayAt: now }, now));
    default:
      return unreachable(input);
  }
};

/**
 * Only a timer comes after all sockets were read. Whatever else comes may be the first of what has waited while this process stood still,
 * with the gateway's answer behind it: then nobody concludes that it is cut off, and the timer is due at once.
 */
const beforeReading = (
  { verdict: before }: CompanyState,
  { state, asksGateway }: CompanyStep,
): CompanyStep => {
  if (state.verdict !== "isolated" || before === "isolated") return { state, asksGateway };
  return { state: { ...state, verdict: before === "accompanied" ? "doubtful" : before }, asksGateway };
};

/** How much of company there is, by the sessions and by the time. */
const companyOf = (
  config: OwnershipConfig,
  { sessions, heardAt }: CompanyState,
  now: Instant,
): "unknown" | "enough" | "quiet" | "none" => {
  if (sessions === undefined) return "unknown";
  const { up, missing } = sessions;
  if (up === 0) return missing === 0 ? "enough" : "none";
  if (now >= after(heardAt, detectionTime(config))) return "none";
  return now >= after(heardAt, config.quietAfter) ? "quiet" : "enough";
};

const verdictOf = (
  config: OwnershipConfig,
  { hasGateway, gatewayAt }: CompanyState,
  askedSince: Instant,
  now: Instant,
): Verdict => {
  if (hasGateway === undefined) return "doubtful";
  if (!hasGateway) return config.withoutGateway === "go-on" ? "alone" : "isolated";
  const answers =
    gatewayAt !== undefined && gatewayAt >= askedSince && now < after(gatewayAt, config.gatewayTimeout);
  if (answers) return "alone";
  return now < after(askedSince, config.gatewayPatience) ? "doubtful" : "isolated";
};

const look = (config: OwnershipConfig, state: CompanyState, now: Instant): CompanyStep => {
  const company = companyOf(config, state, now);
  if (company === "unknown") return { state, asksGateway: false };
  if (company === "enough") {
    return { state: { ...state, verdict: "accompanied", asking: undefined }, asksGateway: false };
  }
  const asking = state.asking ?? { since: now, nextAt: now };
  const verdict = company === "quiet" ? "accompanied" : verdictOf(config, state, asking.since, now);
  const asksGateway = state.hasGateway === true && now >= asking.nextAt;
  const isDecided = verdict === "alone" || verdict === "isolated";
  const pause = isDecided ? config.gatewayWatch : config.gatewayInterval;
  const nextAt = now >= asking.nextAt ? after(now, pause) : asking.nextAt;
  return { state: { ...state, verdict, asking: { since: asking.since, nextAt } }, asksGateway };
};

/** When `timer` must be delivered at the latest; `undefined` means only other inputs matter. */
export const companyDeadline = (config: OwnershipConfig, state: CompanyState): Instant | undefined => {
  const { sessions, heardAt, asking, verdict, gatewayAt, hasGateway } = state;
  if (sessions === undefined || (sessions.up === 0 && sessions.missing === 0)) return undefined;
  if (asking === undefined) return after(heardAt, config.quietAfter);
  const silence = verdict === "accompanied" ? after(heardAt, detectionTime(config)) : undefined;
  // Whoever knows that there is none has nothing to wait for.
  if (hasGateway === false && verdict === "doubtful") return asking.since;
  if (hasGateway !== true) return silence;
  return earliest(
    silence,
    asking.nextAt,
    verdict === "doubtful" ? after(asking.since, config.gatewayPatience) : undefined,
    verdict === "alone" && gatewayAt !== undefined ? after(gatewayAt, config.gatewayTimeout) : undefined,
  );
};
