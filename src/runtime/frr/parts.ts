/** What the engine needs of the world, and what it tells. */
import type { Instant } from "#base/time";
import type { SessionName } from "#core/bgp/session/state";
import type { RefusalReason } from "#core/frr/refusal";
import type { FrrFailure, FrrPort } from "#drivers/frr/port";
import type { Deadlines } from "../deadlines.ts";

export type FrrEngineParts = {
  readonly frr: FrrPort;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  readonly tell: (observation: FrrObservation, now: Instant) => void;
};

/** What happened. */
export type FrrObservation =
  /** FRR did not have our part as it is to be: so many lines were entered, and it has it now. */
  | { readonly type: "applied"; readonly lines: number }
  /** FRR does not have our part, for the reason given; told once, until it is another one or none. */
  | { readonly type: "failed"; readonly failure: FrrFailure }
  /** It has it again after a failure. */
  | { readonly type: "recovered" }
  /** It took every line and prints something else: the first of what is still planned. */
  | { readonly type: "unsettled"; readonly line: string }
  /** A peer cannot be in FRR, or can again (`undefined`). */
  | { readonly type: "refused"; readonly peer: string; readonly reason: RefusalReason | undefined }
  | {
      readonly type: "session";
      readonly peer: string;
      /** `undefined`: nothing was known of it. */
      readonly from: SessionName | undefined;
      readonly to: SessionName;
      /** Why it is not up, or what was agreed on; empty: that is not known. */
      readonly text: string;
    };
