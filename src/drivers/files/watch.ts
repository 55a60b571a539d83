/**
 * Notices that configuration files changed, however they were changed.
 *
 * Editors write a new file and rename it over the old one; Kubernetes swaps the symbolic link `..data`; tools
 * replace whole directories. So directories are watched, not files, and an event only means "look again": what
 * counts is whether the contents differ. (Times of modification would not do: two writes within one tick of the
 * kernel's clock have the same.) A slow look without any event covers file systems that send none.
 */
import { type FSWatcher, realpathSync, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import { type Duration, millis, seconds, toMillis } from "#base/time";

export type WatchTiming = {
  /** How long nothing may happen before a change is believed to be complete. */
  readonly settle: Duration;
  /** Pause between looks without an event. */
  readonly poll: Duration;
};

const TIMING: WatchTiming = { settle: millis(150), poll: seconds(5) };

type WatchRequest = {
  readonly paths: readonly string[];
  /** The files a path stands for; may throw. */
  readonly list: (path: string) => readonly string[];
  /** A short text that differs when the contents of the files do. */
  readonly fingerprint: () => string;
  readonly onChange: () => void;
  readonly timing?: WatchTiming;
};

/** The outcome of something that may fail, with failure as one more value. */
const attempt = <Value>(action: () => Value): Value | undefined => {
  try {
    return action();
  } catch {
    return undefined;
  }
};

/** Calls back when what the paths stand for has changed; gives a function that stops it. */
export const watchPaths = ({
  paths,
  list,
  fingerprint,
  onChange,
  timing = TIMING,
}: WatchRequest): (() => void) => {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  /** Every directory in which a rename or a write could change what we read. */
  const directories = (): ReadonlySet<string> => {
    const found = new Set<string>();
    for (const path of paths) {
      found.add(dirname(path));
      if (attempt(() => statSync(path).isDirectory()) === true) found.add(path);
      for (const file of attempt(() => list(path)) ?? []) {
        const real = attempt(() => realpathSync(file));
        if (real !== undefined) found.add(dirname(real));
      }
    }
    return found;
  };

  const drop = (directory: string): void => {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  };

  const add = (directory: string): void => {
    const watcher = attempt(() => watch(directory, () => schedule(timing.settle)));
    if (watcher === undefined) return;
    watchers.set(directory, watcher);
    watcher.on("error", () => drop(directory));
  };

  const arm = (): void => {
    const wanted = directories();
    for (const directory of watchers.keys()) if (!wanted.has(directory)) drop(directory);
    for (const directory of wanted) if (!watchers.has(directory)) add(directory);
  };

  const schedule = (delay: Duration): void => {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(look, toMillis(delay));
  };

  let last = fingerprint();
  /** What the previous look saw that differs from `last`: a change must be seen twice to count. */
  let pending: string | undefined;

  const look = (): void => {
    const seen = fingerprint();
    if (seen === last) {
      pending = undefined;
      arm();
      schedule(timing.poll);
      return;
    }
    if (seen !== pending) {
      pending = seen;
      schedule(timing.settle);
      return;
    }
    last = seen;
    pending = undefined;
    arm();
    schedule(timing.poll);
    onChange();
  };

  arm();
  schedule(timing.poll);
  return () => {
    closed = true;
    clearTimeout(timer);
    for (const directory of [...watchers.keys()]) drop(directory);
  };
};
