/** Communities as Cilium writes them. */
import { type Draft, isCommunityValue } from "../draft.ts";
import type { Section } from "../section.ts";

/** Names of RFC 1997, RFC 7999 and others with their values. */
const WELL_KNOWN: ReadonlyMap<string, string> = new Map([
  ["internet", "0:0"],
  ["planned-shut", "65535:0"],
  ["accept-own", "65535:1"],
  ["route-filter-translated-v4", "65535:2"],
  ["route-filter-v4", "65535:3"],
  ["route-filter-translated-v6", "65535:4"],
  ["route-filter-v6", "65535:5"],
  ["llgr-stale", "65535:6"],
  ["no-llgr", "65535:7"],
  ["blackhole", "65535:666"],
  ["no-export", "65535:65281"],
  ["no-advertise", "65535:65282"],
  ["no-export-subconfed", "65535:65283"],
  ["no-peer", "65535:65284"],
]);

/** `100` and `65000:100` are both ways to write 32 bits. */
const standard = (text: string): string => {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return number <= 4_294_967_295 ? `${Math.floor(number / 65_536)}:${number % 65_536}` : text;
};

/** The communities of an advertisement, in MetalLB's spelling, each once. */
export const readCommunities = (section: Section | undefined, draft: Draft): readonly string[] => {
  if (section === undefined) return [];
  const read = (key: string, spell: (text: string) => string): readonly string[] =>
    section.texts(key).flatMap(({ text, about }) => {
      const value = spell(text);
      if (isCommunityValue(value)) return [value];
      draft.report.lost(about, `${JSON.stringify(text.slice(0, 60))} is no community`);
      return [];
    });
  const all = [
    ...read("standard", standard),
    ...read("wellKnown", (name) => WELL_KNOWN.get(name) ?? name),
    ...read("large", (text) => `large:${text}`),
  ];
  section.close("communities");
  return [...new Set(all)];
};
