/**
 * What Prometheus can ask a controller: each metric's name, type, labels and meaning, ours and MetalLB's.
 *
 * One list, from which the role takes what it fills in, and the reference page, the alert rules and the Grafana dashboard
 * are made and checked. Left out: the values, which are counted where things happen. Start with `names.ts`.
 */
export {};
