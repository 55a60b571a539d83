/**
 * When which API server was well, as the test that broke it knows, and what follows for who may have the common address. Times are
 * milliseconds since 1970.
 */
import type { Masters } from "./bed.ts";
import type { Holding } from "./holders.ts";
import { MASTERS, type MasterName } from "./plan.ts";

/** A time in which an API server answered nobody. */
export type Death = {
  readonly host: MasterName;
  readonly how: "killed" | "frozen";
  readonly from: number;
  /** When it was started again: it may answer from then on. `undefined` while it is dead. */
  readonly to: number | undefined;
  /** When it was seen to be well. `undefined` before that. */
  readonly well: number | undefined;
};

/** A holder whose API server was dead, while another one was well all the time. */
export type Overstay = Pick<Death, "host" | "how" | "from"> & { readonly ms: number };

type Span = { readonly from: number; readonly to: number };

const overlap = (one: Span, other: Span): Span => ({
  from: Math.max(one.from, other.from),
  to: Math.min(one.to, other.to),
});

const isSome = ({ from, to }: Span): boolean => to > from;

const without = (spans: readonly Span[], taken: Span): readonly Span[] =>
  spans.flatMap((span) => {
    const { from, to } = overlap(span, taken);
    if (to <= from) return [span];
    return [
      { from: span.from, to: from },
      { from: to, to: span.to },
    ].filter(isSome);
  });

/** The times in which an API server is well for sure. */
const wellSpans = (host: MasterName, deaths: readonly Death[], now: number): readonly Span[] =>
  deaths
    .filter((death) => death.host === host)
    .reduce<readonly Span[]>(
      (spans, { from, well }) => without(spans, { from, to: well ?? now }),
      [{ from: 0, to: now }],
    );

/** The times in which at least one of several spans is. */
const union = (spans: readonly Span[]): readonly Span[] => {
  const merged: Span[] = [];
  for (const span of [...spans].sort((left, right) => left.from - right.from)) {
    const last = merged.pop();
    if (last === undefined || span.from > last.to) merged.push(...(last === undefined ? [] : [last]), span);
    else merged.push({ from: last.from, to: Math.max(last.to, span.to) });
  }
  return merged;
};

/** Every time for which a host had the address although its API server was dead and another one well. */
export const overstays = (
  holdings: readonly Holding[],
  deaths: readonly Death[],
  now: number,
): readonly Overstay[] =>
  holdings.flatMap(({ host, from, to }) => {
    const others = MASTERS.filter((other) => other !== host);
    const well = union(others.flatMap((other) => wellSpans(other, deaths, now)));
    const dead = deaths.filter((death) => death.host === host);
    return dead.flatMap((death) => {
      const held = overlap({ from, to: to ?? now }, { from: death.from, to: death.to ?? now });
      const spans = well.map((span) => overlap(held, span)).filter(isSome);
      return spans.map((span) => ({ host, how: death.how, from: span.from, ms: span.to - span.from }));
    });
  });

/** What happens to API servers, and is written down. */
export type Ledger = {
  readonly deaths: () => readonly Death[];
  kill(host: MasterName): Promise<void>;
  freeze(host: MasterName): Promise<void>;
  thaw(host: MasterName): Promise<void>;
  /** Starts it, and waits until it is ready. */
  start(host: MasterName): Promise<void>;
};

/** Opens a ledger of API servers of which none has been started yet. */
export const openLedger = ({ master }: Pick<Masters, "master">): Ledger => {
  let deaths: readonly Death[] = MASTERS.map((host) => ({
    ...{ host, how: "killed", from: 0, to: undefined, well: undefined },
  }));
  const dies = (host: MasterName, how: Death["how"]): void => {
    const isDead = deaths.some((death) => death.host === host && death.to === undefined);
    if (!isDead) deaths = [...deaths, { host, how, from: Date.now(), to: undefined, well: undefined }];
  };
  const writeDown = (host: MasterName, key: "to" | "well"): void => {
    const now = Date.now();
    deaths = deaths.map((death) =>
      death.host === host && death[key] === undefined ? { ...death, [key]: now } : death,
    );
  };
  const during = async (host: MasterName, revive: () => Promise<void>): Promise<void> => {
    writeDown(host, "to");
    await revive();
    writeDown(host, "well");
  };
  return {
    deaths: () => deaths,
    kill: (host) => {
      dies(host, "killed");
      return master(host).apiServer.stop("SIGKILL");
    },
    freeze: (host) => {
      dies(host, "frozen");
      return master(host).apiServer.freeze();
    },
    thaw: (host) =>
      during(host, async () => {
        await master(host).apiServer.thaw();
        await master(host).apiServer.admin.get("/version");
      }),
    start: (host) => during(host, master(host).apiServer.start),
  };
};
