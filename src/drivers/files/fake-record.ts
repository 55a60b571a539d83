/** A record in memory, for tests. */
import type { RunRecord } from "./record.ts";

/** A `RunRecord` whose text a test reads. */
export type FakeRecord = RunRecord & {
  /** What is in it now; empty when there is none. */
  readonly text: () => string;
};

/** A record that an earlier run left with this text. */
export const fakeRecord = (found = ""): FakeRecord => {
  let text = found;
  let replaced = false;
  let open = true;
  return {
    found,
    text: () => text,
    replace(next) {
      if (open) text = next();
      replaced = true;
    },
    stamp(stamp) {
      if (open && replaced) text = stamp + text.slice(stamp.length);
    },
    remove() {
      open = false;
      text = "";
    },
  };
};
