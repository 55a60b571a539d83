/** BGP communities as they are written: `64500:1` (RFC 1997) and `large:64500:1:2` (RFC 8092). */

/** A community as it goes into an UPDATE. */
export type Community =
  /** Both numbers have 16 bits. */
  | { readonly type: "standard"; readonly high: number; readonly low: number }
  /** All numbers have 32 bits. */
  | {
      readonly type: "large";
      readonly administrator: number;
      readonly first: number;
      readonly second: number;
    };

/** What a text is: a community, something that tried to be one, or the name of one. */
export type CommunityText =
  | { readonly type: "community"; readonly community: Community }
  | { readonly type: "malformed" }
  | { readonly type: "name" };

/** Leading zeros count for nothing, and more of them than this are not meant. */
const DIGITS = /^\d{1,20}$/;

const numbers = (texts: readonly string[], bits: 16 | 32): readonly number[] | undefined => {
  const values = texts.map((text) => (DIGITS.test(text) ? Number(text) : Number.POSITIVE_INFINITY));
  return values.every((value) => value < 2 ** bits) ? values : undefined;
};

/** Reads a community; text without one or three colons can only be a name. */
export const parseCommunity = (text: string): CommunityText => {
  const [marker, ...rest] = text.split(":", 6);
  if (rest.length === 1) {
    const [high, low] = numbers([marker ?? "", ...rest], 16) ?? [];
    if (high === undefined || low === undefined) return { type: "malformed" };
    return { type: "community", community: { type: "standard", high, low } };
  }
  if (rest.length !== 3) return { type: "name" };
  const [administrator, first, second] = numbers(rest, 32) ?? [];
  if (marker !== "large" || administrator === undefined || first === undefined || second === undefined) {
    return { type: "malformed" };
  }
  return { type: "community", community: { type: "large", administrator, first, second } };
};

/** The text that stands for a community. */
export const formatCommunity = (community: Community): string =>
  community.type === "standard"
    ? `${community.high}:${community.low}`
    : `large:${community.administrator}:${community.first}:${community.second}`;
