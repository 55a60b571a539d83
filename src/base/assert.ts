/** Our own mistake, never the peer's, the operator's or the environment's. The process should stop. */
class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/** Stops the program when `condition` does not hold; `state` goes into the message to help find out why. */
export function assert(condition: unknown, message: string, state?: unknown): asserts condition {
  if (condition) return;
  throw new AssertionFailure(state === undefined ? message : `${message}: ${JSON.stringify(state)}`);
}

/** Marks a branch that the types say cannot be reached. */
export const unreachable = (value: never): never => {
  throw new AssertionFailure(`unreachable: ${JSON.stringify(value)}`);
};

/** The element at `index`, which the caller knows to exist. */
export const at = <T>(list: ArrayLike<T>, index: number): T => {
  const value = list[index];
  assert(value !== undefined, "index out of range", { index, length: list.length });
  return value;
};
