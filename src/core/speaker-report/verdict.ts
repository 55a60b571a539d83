/** What a speaker has said in its `ConfigurationState` of whether it can use the configuration. */
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";

export type SaidVerdict = {
  /** `Valid`, `Invalid` or whatever stands there; `""` before anything was said. */
  readonly result: string;
  readonly errorSummary: string;
  /** Since when it is so, as it was written; `""`: not said. */
  readonly since: string;
};

/** The condition that a speaker keeps. */
export const SPEAKER_VERDICT = "configReconcilerValid";

/** Longer ones were cut, and are cut here: only whether it is the same text counts. */
const LONGEST = 4_096;

/** Reads it of an object, whatever that holds. */
export const readVerdict = (object: unknown): SaidVerdict => {
  const status = fieldsOf(fieldsOf(object).status);
  const condition = listOf(status.conditions)
    .map(fieldsOf)
    .find(({ type }) => type === SPEAKER_VERDICT);
  return {
    result: textOf(status.result),
    errorSummary: textOf(status.errorSummary).slice(0, LONGEST),
    since: textOf(condition?.lastTransitionTime),
  };
};
