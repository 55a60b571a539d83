/**
 * What `steelyard speaker` measures: names, types, labels and help of its metrics.
 *
 * The values are put to them in `roles/speaker/agent/metrics.ts`. A test goes through all of them.
 */
export {};
