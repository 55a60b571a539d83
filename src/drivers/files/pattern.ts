/** File name patterns as glob(3) has them: `*`, `?`, `[...]`, and braces of csh. */

/** Most texts that the braces of one pattern may stand for. */
const MAX_EXPANSIONS = 1_000;

/** Where the brace that opens at `start` closes and where its commas are; `undefined` when it stays open. */
const braceAt = (
  text: string,
  start: number,
): { readonly commas: readonly number[]; readonly end: number } | undefined => {
  const commas: number[] = [];
  let depth = 0;
  for (let index = start; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === "{") depth += 1;
    else if (character === "}") depth -= 1;
    else if (character === "," && depth === 1) commas.push(index);
    if (depth === 0) return { commas, end: index };
  }
  return undefined;
};

/** The patterns without braces that one with braces stands for, at most a thousand: `a.{x,y}` gives `a.x` and `a.y`. */
export const expandBraces = (pattern: string): readonly string[] => {
  const done: string[] = [];
  const waiting = [pattern];
  while (waiting.length > 0 && done.length + waiting.length <= MAX_EXPANSIONS) {
    const text = waiting.shift() ?? "";
    const start = text.indexOf("{");
    const brace = start < 0 ? undefined : braceAt(text, start);
    if (brace === undefined) {
      done.push(text);
      continue;
    }
    const bounds = [start, ...brace.commas, brace.end];
    const choices = bounds.slice(0, -1).map((bound, index) => text.slice(bound + 1, bounds[index + 1]));
    waiting.unshift(...choices.map((choice) => text.slice(0, start) + choice + text.slice(brace.end + 1)));
  }
  return done;
};

/** Whether a name holds anything that stands for other characters. */
export const isPattern = (name: string): boolean => /[*?[]/.test(name);

/** A test for one character, or `undefined` for any run of characters. */
type Step = ((character: string) => boolean) | undefined;

const inSet = (set: string) => {
  const ranges = Array.from(set.matchAll(/([\s\S])-([\s\S])|([\s\S])/g), ([, from, to, single = ""]) => ({
    from: from ?? single,
    to: to ?? single,
  }));
  return (character: string): boolean => ranges.some(({ from, to }) => character >= from && character <= to);
};

const stepOf = (token: string): Step => {
  if (token === "*") return undefined;
  if (token === "?") return () => true;
  if (token.length < 3) return (character) => character === token;
  const not = token.charAt(1) === "!";
  const holds = inSet(token.slice(not ? 2 : 1, -1));
  return (character) => holds(character) !== not;
};

/** Whether a file's name, without slashes, is one that the pattern means. A leading dot must be written. */
export const matchesName = (name: string, pattern: string): boolean => {
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  const steps = (pattern.match(/\[!?[^\]]+\]|[\s\S]/g) ?? []).map(stepOf);
  let at = 0;
  let step = 0;
  // Where to go on when what follows the latest `*` does not fit: one character further. Earlier stars need no second try.
  let retry: { at: number; readonly step: number } | undefined;
  while (at < name.length || step < steps.length) {
    const test = steps[step];
    if (step < steps.length && test === undefined) {
      step += 1;
      retry = { at, step };
    } else if (at < name.length && test?.(name.charAt(at)) === true) {
      at += 1;
      step += 1;
    } else if (retry !== undefined && retry.at < name.length) {
      retry.at += 1;
      ({ at, step } = retry);
    } else {
      return false;
    }
  }
  return true;
};
