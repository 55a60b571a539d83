/** What is to be entered so that FRR has exactly our part. */
import { settingOf, undone } from "./settings.ts";
import { EMPTY, type Tree } from "./tree.ts";

const NEIGHBOUR = /^neighbor (\S+) /;

const neighbourOf = (line: string): string | undefined => NEIGHBOUR.exec(line)?.[1];

const isFamily = (line: string): boolean => line.startsWith("address-family ");
const isView = (line: string): boolean => line.startsWith("router bgp ");
const isProfile = (line: string): boolean => line.startsWith("profile ");

/** A block with lines in it; profiles lie in a block that is not ours alone. */
const block = (line: string, lines: readonly string[]): readonly string[] => {
  const inner = [line, ...lines.map((each) => ` ${each}`), isFamily(line) ? "exit-address-family" : "exit"];
  return isProfile(line) ? ["bfd", ...inner.map((each) => ` ${each}`), "exit"] : inner;
};

const without = (line: string): readonly string[] =>
  isProfile(line) ? ["bfd", ` no ${line}`, "exit"] : [`no ${line}`];

/** Lines without blocks that lead from what is there to what is wanted: first what goes, the last first; then what is new. */
const settingLines = (
  wanted: Tree,
  there: Tree,
  isGone: (line: string) => boolean = () => false,
): readonly string[] => {
  const added = [...wanted.keys()].filter((line) => !isFamily(line) && !there.has(line));
  const replaced = new Set(added.map(settingOf));
  const removed = [...there.keys()].filter(
    (line) => !isFamily(line) && !wanted.has(line) && !isGone(line) && !replaced.has(settingOf(line)),
  );
  return [...removed.reverse().map(undone), ...added];
};

/** A view: a neighbour that goes takes all of its lines along, those in families too. */
const viewLines = (wanted: Tree, there: Tree): readonly string[] => {
  const kept = new Set([...wanted.keys()].flatMap((line) => neighbourOf(line) ?? []));
  const leaving = new Set(
    [...there.keys()].flatMap((line) => neighbourOf(line) ?? []).filter((each) => !kept.has(each)),
  );
  const isGone = (line: string): boolean => leaving.has(neighbourOf(line) ?? "");
  const families = new Set([...there.keys(), ...wanted.keys()].filter(isFamily));
  const ofFamilies = [...families].flatMap((line) => {
    const lines = settingLines(wanted.get(line) ?? EMPTY, there.get(line) ?? EMPTY, isGone);
    return lines.length === 0 ? [] : block(line, lines);
  });
  return [
    ...[...leaving].map((each) => `no neighbor ${each}`),
    ...settingLines(wanted, there, isGone),
    ...ofFamilies,
  ];
};

/** The blocks that fit, made or changed. */
const changed = (wanted: Tree, there: Tree, fits: (line: string) => boolean): readonly string[] =>
  [...wanted]
    .filter(([line]) => fits(line))
    .flatMap(([line, children]) => {
      const before = there.get(line);
      const lines = (isView(line) ? viewLines : settingLines)(children, before ?? EMPTY);
      return lines.length === 0 && before !== undefined ? [] : block(line, lines);
    });

const removed = (wanted: Tree, there: Tree, fits: (line: string) => boolean): readonly string[] =>
  [...there.keys()].filter((line) => fits(line) && !wanted.has(line)).flatMap(without);

/**
 * Lines to enter as configuration, in order; none when FRR has exactly our part. `there` holds our part only, so that nothing of
 * anybody else is touched. Nothing refers to what is not there yet, or not any more.
 */
export const planLines = (wanted: Tree, there: Tree): readonly string[] => {
  const isOther = (line: string): boolean => !isView(line);
  return [
    ...changed(wanted, there, isOther),
    ...removed(wanted, there, isView),
    ...changed(wanted, there, isView),
    ...removed(wanted, there, isOther),
  ];
};
