/** Reads the body of a request, no further than allowed. */
import type { IncomingMessage } from "node:http";
import type { Budget } from "./budget.ts";

export type Body =
  /** Whoever gets it gives `held` back to the budget when they are done. */
  | { readonly ok: true; readonly bytes: Uint8Array; readonly held: number }
  | { readonly ok: false; readonly reason: "too-large" | "crowded" | "gone" };

/** Room that is taken at first; it is doubled as bytes arrive, and not because somebody says that they will. */
const FIRST_ROOM = 16_384;

/** Never rejects. Nothing is held once it has failed. */
export const readBody = (
  request: IncomingMessage,
  { max, budget }: { readonly max: number; readonly budget: Budget },
): Promise<Body> =>
  new Promise((resolve) => {
    let room = new Uint8Array(0);
    let length = 0;
    // What breaks off is told by "close"; an error that nobody listens to would end the program.
    request.on("error", () => {});
    const stop = (): void => void request.off("data", read).off("end", end).off("close", gone);
    const fail = (reason: "too-large" | "crowded" | "gone"): void => {
      stop();
      budget.give(room.length);
      room = new Uint8Array(0);
      resolve({ ok: false, reason });
    };
    const gone = (): void => fail("gone");
    /** Makes room for so many bytes. */
    const grow = (wanted: number): "too-large" | "crowded" | undefined => {
      if (wanted > max) return "too-large";
      if (wanted <= room.length) return undefined;
      const size = Math.min(max, Math.max(FIRST_ROOM, room.length * 2, wanted));
      if (!budget.take(size - room.length)) return "crowded";
      const larger = new Uint8Array(size);
      larger.set(room.subarray(0, length));
      room = larger;
      return undefined;
    };
    const read = (chunk: Uint8Array): void => {
      const reason = grow(length + chunk.length);
      if (reason === undefined) {
        room.set(chunk, length);
        length += chunk.length;
      } else fail(reason);
    };
    const end = (): void => {
      stop();
      resolve({ ok: true, bytes: room.subarray(0, length), held: room.length });
    };
    if (Number(request.headers["content-length"]) > max) {
      fail("too-large");
      return;
    }
    request.on("data", read).once("end", end).once("close", gone);
  });
