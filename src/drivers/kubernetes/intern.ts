/** Keeps one copy of text that many objects share, such as namespaces and label values. */

/** Longer texts are rarely equal. */
const LONGEST = 64;
/** Texts of a generation: those not met again while so many others came are forgotten. */
const GENERATION = 4_096;
/** What we keep of objects is shallower; anything deeper is left as it is. */
const DEEPEST = 8;

export type Interner = {
  /** Replaces, within plain objects and lists, each short text by the copy met first. Changes `value` in place. */
  intern(value: unknown): void;
};

const isPlain = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
};

/** An interner with two generations of texts, so that a stream of unique ones does not push out the shared. */
export const createInterner = (): Interner => {
  let young = new Map<string, string>();
  let old = new Map<string, string>();
  const shared = (text: string): string => {
    const known = young.get(text);
    if (known !== undefined) return known;
    const kept = old.get(text) ?? text;
    if (young.size >= GENERATION) {
      old = young;
      young = new Map();
    }
    young.set(kept, kept);
    return kept;
  };
  const walk = (value: Record<string, unknown>, depth: number): void => {
    for (const key of Object.keys(value)) {
      const field = value[key];
      if (typeof field === "string") {
        if (field.length <= LONGEST) value[key] = shared(field);
      } else if (depth < DEEPEST && isPlain(field)) walk(field, depth + 1);
    }
  };
  return {
    intern: (value) => {
      if (isPlain(value)) walk(value, 0);
    },
  };
};
