/** What one run leaves to the next, in memory, for tests. */
import type { Bequest } from "./bequest.ts";

/** A `Bequest` that holds this text at first. */
export const fakeBequest = (found = ""): Bequest & { readonly text: () => string } => {
  let text = found;
  return {
    text: () => text,
    take: () => {
      const taken = text;
      text = "";
      return taken;
    },
    leave: (left) => {
      text = left;
      return undefined;
    },
  };
};
