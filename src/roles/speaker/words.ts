/** Comparing what the two processes tell each other. */
import { isSameList } from "#core/layer2/entry";
import type { PlacementWord } from "./fast/desired.ts";

/** Whether two placements of one address say the same. */
export const isSameWord = (left: PlacementWord, right: PlacementWord): boolean =>
  isSameList(left.candidates, right.candidates) &&
  (left.interfaces === "all" || right.interfaces === "all"
    ? left.interfaces === right.interfaces
    : isSameList(left.interfaces, right.interfaces));
