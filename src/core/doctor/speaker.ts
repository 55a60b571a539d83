/** What a running speaker says of the others, as far as it is a finding. */
import { parseAddress } from "#base/address";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";
import type { Facts } from "./facts.ts";

/** A member that has been so for less may just be starting. */
const LASTING_MS = 60_000;
/** More of them are one fault, and nobody reads them all. */
const MOST = 64;

/**
 * Ready members that were never heard, from what a speaker answered as its status; `undefined` if that is no speaker's.
 *
 * Of those that do not speak while others do the speaker says that they were never heard. Where it hears nobody at all it
 * takes the API server's word for who is alive; with nobody heard, none of them was.
 */
export const neverHeardIn = (status: unknown): Facts["neverHeard"] => {
  const { role, now, company, members } = fieldsOf(status);
  if (role !== "speaker" || typeof now !== "number") return undefined;
  const found = listOf(members).flatMap((member) => {
    const { node, standing, since, cause, hearsUs, api, address: text } = fieldsOf(member);
    const address = parseAddress(textOf(text));
    const name = textOf(node);
    if (name === "" || name.length > 253 || address === undefined || api !== "ready") return [];
    if (typeof since !== "number" || now - since < LASTING_MS) return [];
    const isMissing = standing === "dead" && cause === "never-heard";
    const isUnheard = standing === "alive" && hearsUs === "unknown" && company !== "accompanied";
    return isMissing || isUnheard ? [{ node: name, address }] : [];
  });
  return found.slice(0, MOST);
};
