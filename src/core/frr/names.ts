/** Names of ours in FRR, none of which anybody else gives. */

/** What every name of ours begins with. No BGPPeer's name has a colon, so that `router-config` makes none of these. */
export const OWN = "steelyard-node:";

/** FRR keeps 63 characters of the name of a BFD profile. */
const LONGEST = 40;

/** FNV-1a, 32 bits, of the text's UTF-16 units. */
export const hashOf = (text: string): number => {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0;
};

const hex = (number: number): string => number.toString(16).padStart(8, "0");

/** A word for the name of a peer: the name itself where it is short and plain, else what tells it apart from all others. */
export const wordOf = (peer: string): string => {
  const plain = peer.replaceAll(/[^A-Za-z0-9.-]/g, "-");
  return plain === peer && plain.length <= LONGEST && plain !== ""
    ? plain
    : `${plain.slice(0, LONGEST - 9)}-${hex(hashOf(peer))}`;
};

/** The view that sessions with this number of ours are in; FRR takes 35 characters. */
export const viewOf = (asn: number): string => `${OWN}${asn}`;

export const profileOf = (peer: string): string => `${OWN}${wordOf(peer)}`;
export const outMapOf = (peer: string): string => `${OWN}${wordOf(peer)}-out`;

/** Takes nothing; the map of everything that peers announce. */
export const IN_MAP = `${OWN}in`;

/** The map of a class; no peer's word is only hexadecimal digits after `class:`. */
export const classMapOf = (tag: number): string => `${OWN}class:${hex(tag)}`;
