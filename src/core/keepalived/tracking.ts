/**
 * Tracking: keepalived adds a positive weight while something works; ours only take away while it has failed.
 *
 * The same priorities come out of it: the sum of the positive weights goes into the priority, and each is taken away
 * again when what it belongs to fails.
 */
import type { RouterInput } from "#core/config/schema-router";
import type { Report } from "./report.ts";
import type { Script } from "./script.ts";
import type { Statement } from "./statements.ts";
import { readWeight, type Weight } from "./weight.ts";

/** The highest priority of a router that does not own its addresses. */
const HIGHEST = 254;

/** Something that an instance or a group tracks, as it was written. */
export type Tracked = {
  readonly kind: "interface" | "script";
  readonly name: string;
  /** `undefined`: the script's own, or for an interface a fault. */
  readonly weight?: Weight;
  /** Tracked by a whole group, whose weights count; those of its members do not. */
  readonly byGroup?: true;
  readonly statement: Statement;
};

/** Reads the lines of `track_script` and `track_interface`. */
export const readTracked = (
  kind: Tracked["kind"],
  { block = [] }: Statement,
  report: Report,
): readonly Tracked[] =>
  block.flatMap((statement) => {
    const { keyword: name, args } = statement;
    if (args.length === 0) return [{ kind, name, statement }];
    const weight = readWeight(args, statement, report);
    return weight === undefined ? [] : [{ kind, name, weight, statement }];
  });

export type Tracking = {
  readonly track: NonNullable<RouterInput["track"]>;
  readonly priority: number;
  /** Scripts that are tracked, by their names in the file. */
  readonly scripts: readonly string[];
};

type Context = {
  readonly interfaceName: string;
  readonly priority: number;
  /** Whether the instance belongs to a group, where keepalived ignores weights. */
  readonly grouped: boolean;
  readonly scriptByName: ReadonlyMap<string, Script>;
  /** The name of the `TrackedCheck` made from a script. */
  readonly checkName: (script: string) => string | undefined;
};

/** How much this counts, or `undefined` when it does not; says why not. */
const effectOf = (tracked: Tracked, context: Context, report: Report): number | undefined => {
  const { kind, name, statement } = tracked;
  const script = context.scriptByName.get(name);
  if (kind === "script" && (script === undefined || context.checkName(name) === undefined)) {
    const why =
      script === undefined ? "there is no such vrrp_script" : "its vrrp_script could not be carried";
    report.lost(statement, why);
    return undefined;
  }
  if (kind === "interface" && name === context.interfaceName) {
    report.needless(statement, "the instance's own interface always counts");
    return undefined;
  }
  const { effect, reverse } = tracked.weight ?? script?.weight ?? { effect: 0, reverse: false };
  if (reverse) {
    report.lost(statement, "reverse: a failure cannot count in favour; turn the script's answer around");
    return undefined;
  }
  if (effect === 0) return 0;
  if (effect > 0 && context.priority === HIGHEST) {
    report.needless(statement, `nothing raises a priority above ${HIGHEST}`);
    return undefined;
  }
  const ignored =
    context.priority === 255 ? "of the owner of the addresses (priority 255)" : "in a sync group";
  if (context.priority === 255 || (context.grouped && tracked.byGroup !== true)) {
    report.needless(statement, `keepalived ignores weights ${ignored}`);
    return undefined;
  }
  return effect;
};

/** The sum of the positive weights moves into the priority; what does not fit below 255 is cut off. */
const raise = (
  effects: readonly { readonly tracked: Tracked; readonly effect: number }[],
  priority: number,
  report: Report,
): { readonly priority: number; readonly weights: readonly number[] } => {
  const positive = effects.filter(({ effect }) => effect > 0);
  const wanted = positive.reduce((sum, { effect }) => sum + effect, priority);
  if (wanted <= HIGHEST || positive.length === 0) {
    return { priority: wanted, weights: effects.map(({ effect }) => Math.abs(effect)) };
  }
  // keepalived stops at 254 too: with one weight the outcome is the same, with several it depends on which fail.
  const [only] = positive;
  if (positive.length === 1 && only !== undefined && effects.length === 1) {
    report.changed(only.tracked.statement, `raises the priority to ${HIGHEST}, as keepalived does`);
    return { priority: HIGHEST, weights: [HIGHEST - priority] };
  }
  for (const { tracked } of positive) {
    report.lost(
      tracked.statement,
      `weights would raise the priority to ${wanted}, above ${HIGHEST}; lower the priority of this box and of its peers`,
    );
  }
  return { priority: HIGHEST, weights: effects.map(({ effect }) => Math.abs(effect)) };
};

/** What a router tracks, and the priority that goes with it. */
export const trackingOf = (all: readonly Tracked[], context: Context, report: Report): Tracking => {
  const seen = new Set<string>();
  const effects = all.flatMap((tracked) => {
    const effect = effectOf(tracked, context, report);
    if (effect === undefined) return [];
    const key = `${tracked.kind} ${tracked.name}`;
    if (seen.has(key)) {
      report.lost(tracked.statement, `${tracked.name} is tracked twice; the first one counts`);
      return [];
    }
    seen.add(key);
    return [{ tracked, effect }];
  });
  const { priority, weights } = raise(effects, context.priority, report);
  const entries = effects.map(({ tracked, effect }, index) => ({
    tracked,
    entry: effect === 0 ? { fault: true } : { weight: weights[index] ?? effect },
  }));
  const interfaces = entries.flatMap(({ tracked, entry }) =>
    tracked.kind === "interface" ? [{ name: tracked.name, ...entry }] : [],
  );
  const checks = entries.flatMap(({ tracked, entry }) => {
    const name = context.checkName(tracked.name);
    return tracked.kind === "script" && name !== undefined ? [{ name, ...entry }] : [];
  });
  return {
    track: { ...(interfaces.length > 0 ? { interfaces } : {}), ...(checks.length > 0 ? { checks } : {}) },
    priority,
    scripts: entries.flatMap(({ tracked }) => (tracked.kind === "script" ? [tracked.name] : [])),
  };
};
