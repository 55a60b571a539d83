/** An alert rule, as data. */
export type Alert = {
  readonly name: string;
  /** PromQL: the alert is on while this gives anything. */
  readonly expression: string;
  /** How long it must be so, as Prometheus spells it. */
  readonly for: string;
  readonly severity: "critical" | "warning" | "info";
  /** What is so; `{{ $labels.pool }}` and `{{ $value }}` are filled in by Prometheus. */
  readonly summary: string;
  /** What follows from it, and what to do. */
  readonly description: string;
};
