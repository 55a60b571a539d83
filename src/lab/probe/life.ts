/** When a probe ends: its standard input ends, SIGTERM or SIGINT arrives, or the time is up. */

/** Aborted when the probe is to end; `seconds` undefined means when told. */
export const lifeSignal = (seconds: number | undefined): AbortSignal => {
  const life = new AbortController();
  const end = (): void => life.abort();
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  // A terminal's input has no end of its own; a pipe's ends with whoever started us.
  if (!process.stdin.isTTY) process.stdin.once("end", end).once("error", end).resume();
  if (seconds !== undefined) setTimeout(end, seconds * 1_000).unref();
  return life.signal;
};

/** Prints the record and ends the process, whatever is still open. */
export const finish = (record: unknown): void => {
  process.stdout.write(`${JSON.stringify(record)}\n`, () => process.exit(0));
};

/** Tells whoever waits that the probe is under way. */
export const sayReady = (): void => {
  process.stdout.write("ready\n");
};
