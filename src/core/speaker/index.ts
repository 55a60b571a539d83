/**
 * What a speaker observes, and how it is told: events, their sentences, and the view that metrics and status are made of.
 *
 * The speaker's one tap. What it decides is in `#core/ownership`, `#core/liveness` and `#core/layer2`; this folder only says what happened.
 * Start with `event.ts`.
 */
export {};
