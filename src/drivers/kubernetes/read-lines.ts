/** Reads an endless answer line by line, no faster than its lines are taken. */
import { type ClientHttp2Stream, constants } from "node:http2";
import { explainError, notUnderstood } from "./failure.ts";
import { LineSplitter } from "./lines.ts";
import type { Failure } from "./port.ts";
import type { Turns } from "./turns.ts";

/** How a stream of lines came to its end. */
export type LinesEnd =
  /** The server has said that it is over. `isCut` when that was in the middle of a line. */
  | { readonly type: "ended"; readonly isCut: boolean }
  | { readonly type: "failed"; readonly failure: Failure }
  /** `onLine` did not want more, or `cancel` was called. */
  | { readonly type: "cancelled" };

/** A stream of lines being read. */
export type Lines = {
  readonly end: Promise<LinesEnd>;
  cancel(): void;
};

/** Ends a stream that is of no more use. */
export const cancelStream = (stream: ClientHttp2Stream): void => {
  if (!stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
};

/** Reads lines as they come, stopping whenever the turn of the event loop is used up. */
export const readLines = (
  stream: ClientHttp2Stream,
  {
    limit,
    turns,
    onLine,
    fail,
  }: {
    limit: number;
    turns: Turns;
    onLine: (line: string) => boolean;
    fail: (message: string) => Failure;
  },
): Lines => {
  const splitter = new LineSplitter(limit);
  let end: LinesEnd | undefined;
  let closedAs: LinesEnd | undefined;
  let isWaiting = false;
  let settle: (end: LinesEnd) => void = () => undefined;
  const ended = new Promise<LinesEnd>((resolve) => {
    settle = resolve;
  });
  const finish = (as: LinesEnd): void => {
    if (end !== undefined) return;
    end = as;
    cancelStream(stream);
    settle(as);
  };
  const drain = (): void => {
    isWaiting = false;
    while (end === undefined) {
      const line = splitter.next();
      if (splitter.isTooLong) {
        finish({ type: "failed", failure: notUnderstood(`a line of more than ${limit} bytes`) });
        return;
      }
      if (line === undefined) break;
      if (!onLine(line)) finish({ type: "cancelled" });
      else if (turns.isOver()) {
        isWaiting = true;
        stream.pause();
        setImmediate(drain);
        return;
      }
    }
    if (closedAs !== undefined) finish(closedAs.type === "ended" ? endOf() : closedAs);
    else if (stream.isPaused()) stream.resume();
  };
  const endOf = (): LinesEnd => ({ type: "ended", isCut: splitter.isWithinLine });
  const close = (as: LinesEnd): void => {
    closedAs ??= as;
    if (!isWaiting) drain();
  };
  // It may have come to its end since its headers were told of.
  if (stream.destroyed) close({ type: "failed", failure: fail("the connection was lost") });
  stream.on("data", (chunk: Buffer) => {
    splitter.push(chunk);
    if (!isWaiting) drain();
  });
  stream.on("error", (error) => close({ type: "failed", failure: fail(explainError(error)) }));
  stream.once("close", () => {
    const isWhole = stream.rstCode === constants.NGHTTP2_NO_ERROR && stream.readableEnded;
    close(isWhole ? endOf() : { type: "failed", failure: fail("the connection was lost") });
  });
  return { end: ended, cancel: () => finish({ type: "cancelled" }) };
};
