/**
 * What speakers say of a Service, as conditions that `kubectl describe service` shows: `steelyard.dev/Announced` and
 * `steelyard.dev/Reachable`. (`steelyard.dev/Allocated` is the controller's, in `#core/allocation`.)
 *
 * Messages hold nothing that changes by itself, such as times that something took: a condition is written when what it says changes,
 * and never else. Figures are in metrics.
 *
 * Start with `announced.ts`.
 */
export {};
