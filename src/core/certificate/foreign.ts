/** A certificate that somebody else keeps: it is served with as it is, and what is wrong with it is said. */
import type { WallTime } from "#base/time";
import type { Contents } from "./held.ts";
import type { Note } from "./note.ts";

/** Keepers renew with a third of the life left; with less than a sixth left nobody seems to. */
const LATE = 6;

/** Whether a name of a certificate covers a host; `*` stands for the whole first label (RFC 9525 §6.3). */
const covers = (name: string, host: string): boolean =>
  name === host || (name.startsWith("*.") && name.slice(1) === host.slice(host.indexOf(".")));

/** What to say about a pair that is not ours. */
export const planForeign = (
  { serving, authorities }: Extract<Contents, { state: "usable" }>,
  names: readonly string[],
  now: WallTime,
): readonly Note[] => {
  const notes: Note[] = [];
  const { notBefore, notAfter } = serving;
  if (now >= notAfter) notes.push({ type: "foreign-expired", notAfter });
  else if (notAfter - now < (notAfter - notBefore) / LATE) notes.push({ type: "foreign-expiring", notAfter });
  const [asked] = names;
  // The API server asks for the first name only; the others are for people.
  if (asked !== undefined && !serving.names.some((name) => covers(name, asked))) {
    notes.push({ type: "foreign-lacks-names", names: [asked] });
  }
  if (authorities.length > 0 && serving.signedBy === undefined) {
    notes.push({ type: "foreign-authority-unknown" });
  }
  return notes;
};
