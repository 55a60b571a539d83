/** Conditions in the status of an object (metav1.Condition). */

/** One condition; the list of an object holds each type once. */
export type Condition = {
  /** Ours begin with `steelyard.dev/`. */
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** CamelCase word of a closed list. */
  readonly reason: string;
  /** A sentence for people; at most 32,768 characters. */
  readonly message: string;
  /** RFC 3339 to the second: when `status` last changed. */
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
};
