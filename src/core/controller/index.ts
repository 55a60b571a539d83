/**
 * What a controller observes, and how it is told: events, their sentences, and the view that metrics and status are made of.
 *
 * The controller's one tap. What it decides is in `core/allocation`; this folder only says what happened.
 * Start with `event.ts`.
 */
export {};
