/** Shares the event loop: whoever has much to parse stops when a turn of the loop has been used up. */

/** How long all parsing together may take of one turn, in milliseconds. */
const TURN_MS = 10;

export type Turns = {
  /** Whether it is time to let others go on; counts from the first question of the turn. */
  isOver(): boolean;
};

/** Turns of this thread's event loop. */
export const createTurns = (now: () => number = () => performance.now()): Turns => {
  let began: number | undefined;
  return {
    isOver: () => {
      if (began !== undefined) return now() - began >= TURN_MS;
      began = now();
      setImmediate(() => {
        began = undefined;
      });
      return false;
    },
  };
};

/** Ends in the next turn. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
