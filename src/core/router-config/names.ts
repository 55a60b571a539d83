/** Names and comments that no vendor's language takes for anything else, whatever the resources hold. */
import type { Session } from "./model.ts";

/** Routers take names of 63 characters and more; ours are shorter, with room for an ending. */
const LONGEST = 40;

/** A word of letters, digits and dashes. */
export const wordOf = (text: string): string => text.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, LONGEST);

/** Text for a comment: one line, nothing that would end it, of bounded length. */
export const commentOf = (text: string): string =>
  text
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .replaceAll("*/", "* /")
    .slice(0, 400);

/** `steelyard-PEER` for each session: different ones for different peers, the same whenever the same peers are there. */
export const namesOf = (sessions: readonly Session[]): ReadonlyMap<Session, string> => {
  const taken = new Set<string>();
  return new Map(
    sessions.map((session) => {
      const wanted = `steelyard-${wordOf(session.peer)}`;
      let name = wanted;
      for (let count = 2; taken.has(name); count += 1) name = `${wanted}-${count}`;
      taken.add(name);
      return [session, name];
    }),
  );
};

/** What stands where the password of a BGPPeer belongs: one word, since not every router takes more. */
export const passwordOf = ({ peer }: Session): string =>
  `<password-of-BGPPeer-${peer.replaceAll(/[^A-Za-z0-9.-]+/g, "-").slice(0, 253)}>`;
