/** What becomes of an UPDATE whose attributes are not as they should be (RFC 7606 §3, §4, §5.2). */
import { checkAttribute } from "./attribute/rules.ts";
import type { Attribute, AttributeList, Fault } from "./attribute/shape.ts";
import { ATTRIBUTE } from "./constants.ts";
import type { DecodeContext } from "./context.ts";
import { type Heard, heard, messageError, wrong } from "./error.ts";
import type { SubcodeWord } from "./error-codes.ts";
import type { HeardUpdate, MessageError } from "./message.ts";

/** What was done to a message that the session survives; mostly nothing. */
export type Verdict = HeardUpdate["leniency"];

/** The routes that a message announces, if any. */
export type Routes = { readonly hasNlri: boolean; readonly hasReach: boolean };

/** A fault, and the attribute that has it. */
type Finding = Fault & { readonly code: number; readonly bytes: Uint8Array };

const NO_BYTES = new Uint8Array(0);

/** Errors whose NOTIFICATION carries the attribute (RFC 4271 §6.3). */
const WITH_ATTRIBUTE: ReadonlySet<SubcodeWord<"update">> = new Set<SubcodeWord<"update">>([
  "unrecognized-well-known-attribute",
  "attribute-flags-error",
  "attribute-length-error",
  "invalid-origin",
  "invalid-next-hop",
  "optional-attribute-error",
]);

const errorOf = ({ subcode, bytes }: Finding): MessageError =>
  messageError("update", subcode, WITH_ATTRIBUTE.has(subcode) ? bytes : NO_BYTES);

const isMultiprotocol = (code: number): boolean =>
  code === ATTRIBUTE.mpReachNlri || code === ATTRIBUTE.mpUnreachNlri;

/** RFC 7606 §3 (g): of two the first counts, except where both tell of routes. */
const repeated = ({ code, bytes }: Attribute): Finding => ({
  action: isMultiprotocol(code) ? "session-reset" : "attribute-discard",
  subcode: "malformed-attribute-list",
  ...{ code, bytes },
});

/** What is wrong with attributes that are there. */
const faults = ({ attributes, cutOff }: AttributeList, context: DecodeContext): readonly Finding[] => {
  const seen = new Set<number>();
  const findings: Finding[] = [];
  for (const attribute of attributes) {
    const { code, bytes } = attribute;
    if (seen.has(code)) {
      findings.push(repeated(attribute));
      continue;
    }
    seen.add(code);
    const fault = checkAttribute(attribute, context);
    if (fault !== undefined) findings.push({ ...fault, code, bytes });
  }
  // RFC 7606 §4: the list ends within an attribute.
  if (cutOff !== undefined) {
    findings.push({
      ...{ action: "treat-as-withdraw", subcode: "malformed-attribute-list" },
      ...{ code: cutOff, bytes: NO_BYTES },
    });
  }
  return findings;
};

/**
 * RFC 7606 §3 (d): attributes that routes cannot be without; LOCAL_PREF is required inside an autonomous system (RFC 4271 §5). What a list
 * that is cut off had in it nobody knows.
 */
const missing = (
  { attributes, cutOff }: AttributeList,
  { hasNlri, hasReach }: Routes,
  { kind }: DecodeContext,
): readonly Finding[] => {
  if (cutOff !== undefined || (!hasNlri && !hasReach)) return [];
  const wanted = [
    ...[ATTRIBUTE.origin, ATTRIBUTE.asPath],
    ...(hasNlri ? [ATTRIBUTE.nextHop] : []),
    ...(kind === "internal" ? [ATTRIBUTE.localPref] : []),
  ];
  return wanted
    .filter((code) => !attributes.some((attribute) => attribute.code === code))
    .map((code) => ({
      ...{ action: "treat-as-withdraw", subcode: "missing-well-known-attribute" },
      ...{ code, bytes: NO_BYTES },
    }));
};

/**
 * Decides what becomes of a message: the session ends, or goes on with routes taken as withdrawn, or without some attributes. The strongest
 * action counts (RFC 7606 §3 (h)).
 */
export const judge = (list: AttributeList, routes: Routes, context: DecodeContext): Heard<Verdict> => {
  const findings = [...faults(list, context), ...missing(list, routes, context)];
  const reset = findings.find(({ action }) => action === "session-reset");
  if (reset !== undefined) return wrong(errorOf(reset));
  const withdrawn = findings.find(({ action }) => action === "treat-as-withdraw");
  // RFC 7606 §5.2: without routes to take as withdrawn the message is not understood, and some may have been lost.
  if (withdrawn !== undefined && !routes.hasNlri && !routes.hasReach) return wrong(errorOf(withdrawn));
  return heard(distinct(findings));
};

/** Each action once for each attribute: a message of 4096 octets can have a thousand empty ones. */
const distinct = (findings: readonly Finding[]): Verdict => {
  const byKey = new Map<string, Verdict[number]>();
  for (const { action, code } of findings) {
    if (action !== "session-reset") byKey.set(`${action} ${code}`, { action, attribute: code });
  }
  return [...byKey.values()];
};
