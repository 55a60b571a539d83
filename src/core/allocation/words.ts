/** Decisions in words: the condition on the Service, and the events about it. */

import { deprecatedAnnotations } from "#core/ipam/annotations";
import type { ConflictKept, Decision, Remark } from "#core/ipam/decide";
import type { Loss } from "#core/ipam/keep";
import { listText, REFUSAL_REASONS, type RefusalReason, triedText } from "#core/ipam/refusal";
import type { Service } from "#core/service/service";
import { ALLOCATED, type EventReason, type ServiceEvent, type WantedCondition } from "./outcome.ts";

/** Bytes of UTF-8 up to which a text is taken over; the API server takes up to 1,024 of an event. */
const LONGEST = 1_000;

const utf8Length = (codePoint: number): number => {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x1_0000 ? 3 : 4;
};

/** A unit of UTF-16 takes no more bytes of UTF-8. */
const MOST_BYTES_OF_UNIT = 3;

/**
 * Cut to what the API server takes, and without halves of characters: it would store something else, and we would write again.
 * Not put together again character by character: such a text stays a tree of its characters, at 32 bytes for each.
 */
const cut = (text: string): string => {
  const whole = text.toWellFormed();
  if (whole.length * MOST_BYTES_OF_UNIT <= LONGEST) return whole;
  let bytes = 0;
  let end = 0;
  for (const character of whole) {
    bytes += utf8Length(character.codePointAt(0) ?? 0);
    if (bytes > LONGEST) return `${whole.slice(0, end)}…`;
    end += character.length;
  }
  return whole;
};

/** `Pool a is full.` of `pool a is full`. */
const sentence = (text: string): string => {
  const capital = text.slice(0, 1).toUpperCase() + text.slice(1);
  return `${capital}.`;
};

const camelCase = (reason: string): string =>
  reason
    .split("-")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("");

const CONFLICT_KEPT: Readonly<Record<ConflictKept, string>> = {
  "asked-for": "the Service asks for this address and keeps it",
  announced: "the address is announced, so the Service keeps it",
  "no-other-address": "there is no other address for the Service, so it keeps this one",
};

const remarkText = (remark: Remark): string => {
  switch (remark.type) {
    case "shortage":
      return sentence(triedText(remark.shortage));
    case "conflict": {
      const { address, mac, reportedBy } = remark.conflict;
      const who = mac === undefined ? "Another machine" : `Another machine (${mac})`;
      return `${who} answers for ${address}, as ${reportedBy} reports; ${CONFLICT_KEPT[remark.because]}.`;
    }
    default:
      return `${sentence(remark.refusal.message)} ${sentence(remark.refusal.remedy)}`;
  }
};

/** The remark that gives the condition its reason: the first of these. */
const REMARK_REASONS: readonly (readonly [Remark["type"], string])[] = [
  ["conflict", "AddressConflict"],
  ["request-unreadable", "RequestUnreadable"],
  ["shortage", "AllocatedPartly"],
];

/** The reasons that the condition can have. */
export const CONDITION_REASONS: readonly string[] = [
  "Allocated",
  ...REMARK_REASONS.map(([, reason]) => reason),
  ...REFUSAL_REASONS.map(camelCase),
];

const addressesText = ({ addresses, pool }: Extract<Decision, { outcome: "allocated" }>): string =>
  `${addresses.join(", ")} from pool ${pool}`;

/** The condition that says what was decided. It says the same for the same state, however the state came about. */
export const conditionOf = (decision: Decision): WantedCondition => {
  if (decision.outcome === "refused") {
    const { reason, message, remedy } = decision.refusal;
    const text = cut(`${sentence(message)} ${sentence(remedy)}`);
    return { type: ALLOCATED, status: "False", reason: camelCase(reason), message: text };
  }
  const { remarks } = decision;
  const found = REMARK_REASONS.find(([type]) => remarks.some((remark) => remark.type === type));
  const message = [`${addressesText(decision)}.`, ...remarks.map(remarkText)].join(" ");
  return { type: ALLOCATED, status: "True", reason: found?.[1] ?? "Allocated", message: cut(message) };
};

const normal = (reason: EventReason, message: string): ServiceEvent => ({
  type: "Normal",
  reason,
  message: cut(message),
});

const warning = (reason: EventReason, message: string): ServiceEvent => ({
  type: "Warning",
  reason,
  message: cut(message),
});

const lossEvents = ({ addresses, reason, message }: Loss): readonly ServiceEvent[] => {
  const what = addresses.length === 0 ? "what could not be read" : listText(addresses);
  switch (reason) {
    case "status-unreadable":
      return [warning("nolbIPsIPFamily", sentence(message))];
    case "conflict":
      return [warning("AddressConflict", `Gave up ${what}: ${message}.`)];
    case "other-pool-asked":
    case "other-addresses-asked":
      return [];
    default:
      return [normal("ClearAssignment", `Gave up ${what}: ${message}.`)];
  }
};

const REFUSAL_EVENTS: Readonly<Partial<Record<RefusalReason, EventReason>>> = {
  "not-enough-cluster-ips": "not enough clusterips",
  "cluster-ips-unclear": "noclusterIPsIPFamily",
};
const REQUEST_REASONS: ReadonlySet<RefusalReason> = new Set([
  "asked-twice",
  "not-an-address",
  "too-many-addresses",
]);

const refusalEvents = (decision: Extract<Decision, { outcome: "refused" }>): readonly ServiceEvent[] => {
  const { reason, message, remedy } = decision.refusal;
  // A Service without a cluster address is on its way to one, or to not being a load balancer; MetalLB is silent as well.
  if (reason === "no-cluster-ips") return [];
  const fallback =
    decision.lost !== undefined && REQUEST_REASONS.has(reason) ? "LoadBalancerFailed" : "AllocationFailed";
  return [warning(REFUSAL_EVENTS[reason] ?? fallback, `${sentence(message)} ${sentence(remedy)}`)];
};

const remarkEvent = (remark: Remark): ServiceEvent => {
  const text = remarkText(remark);
  switch (remark.type) {
    case "shortage":
      return normal("AdditionalAssignFailed", text);
    case "conflict":
      return warning("AddressConflict", text);
    default:
      return warning("LoadBalancerFailed", text);
  }
};

/** The events about a decision that says something new. */
export const eventsOf = (service: Service, decision: Decision): readonly ServiceEvent[] => {
  const events = decision.lost === undefined ? [] : [...lossEvents(decision.lost)];
  if (decision.outcome === "refused") events.push(...refusalEvents(decision));
  else {
    if (decision.how !== "kept") events.push(normal("IPAllocated", `Assigned ${addressesText(decision)}.`));
    events.push(...decision.remarks.map(remarkEvent));
  }
  for (const key of deprecatedAnnotations(service)) {
    const newer = key.replace("metallb.universe.tf/", "metallb.io/");
    events.push(warning("deprecatedAnnotation", `The annotation ${key} is deprecated: use ${newer}.`));
  }
  return events;
};
