/** How every step ends: with the right wish for a connection, and with a word of what has changed. */
import { assert } from "#base/assert";
import { ABORT_CONNECT, type Context, type Draft, wait } from "./draft.ts";
import type { Effect, Step } from "./effect.ts";
import { connectionsOf, type SessionState, sessionName } from "./state.ts";

/** Nobody dials once a connection has come as far as open-confirm; without one, an active speaker does. */
const wish = (context: Context, { state, effects, cause }: Draft): Draft => {
  if (state.type !== "running") return { state, effects, cause };
  const { outgoing } = state;
  if (connectionsOf(state).every(({ name }) => name === "open-sent")) {
    if (outgoing.name !== "none" || context.config.role === "passive") return { state, effects, cause };
    return { state: wait(context, state), effects, cause };
  }
  if (outgoing.name !== "active" && outgoing.name !== "connect") return { state, effects, cause };
  const aborted = outgoing.name === "connect" ? [...effects, ABORT_CONNECT] : effects;
  return { state: { ...state, outgoing: { name: "none" } }, effects: aborted, cause };
};

/** Ends a step. */
export const settle = (context: Context, before: SessionState, draft: Draft): Step => {
  const { state, effects, cause } = wish(context, draft);
  const [from, to] = [sessionName(before), sessionName(state)];
  if (from === to) return { state, effects };
  assert(cause !== undefined, "a transition without a cause", { from, to });
  const transition: Effect = { type: "transition", from, to, cause };
  return { state, effects: [...effects, transition] };
};
