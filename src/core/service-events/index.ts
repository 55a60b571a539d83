/**
 * Kubernetes Events about Services: what `kubectl describe service` shows.
 *
 * Events are for people and may be lost: conditions say what is true. So they are bounded: the same event again counts up
 * the one that is there, and a Service that causes events without end is told of now and then only.
 *
 * Start with `recorder.ts`.
 */
export {};
