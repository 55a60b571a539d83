/** One user's end of the talk with a holder. */
import { assert } from "#base/assert";
import { type Exit, lineReader, type Message, type Order, type Request, type Results } from "./protocol.ts";

/** The lab refused an order or is gone. */
export class LabError extends Error {
  override readonly name = "LabError";
}

/** What happens to a program one has started. */
export type ProcessNews = {
  readonly onOutput: (stream: "stdout" | "stderr", text: string) => void;
  readonly onExit: (exit: Exit) => void;
};

/** The value that an order of this name gives. */
type ResultOf<O extends Order> = Results[O["op"]];

/** An open talk with a holder. */
export type Connection = {
  /** Resolves with the pid of the lab's process 1, as numbered outside. */
  readonly hello: Promise<number>;
  readonly ask: <O extends Order>(order: O) => Promise<ResultOf<O>>;
  /** Starts a program; `id` names it in later orders. */
  readonly start: (
    order: Extract<Order, { op: "start" }>,
    news: ProcessNews,
  ) => Promise<{ readonly id: number; readonly pid: number }>;
  /** To be called with each piece of text that arrives. */
  readonly receive: (piece: string) => void;
  /** To be called when the holder is gone; everything still open fails with this reason. */
  readonly lose: (reason: string) => void;
};

type Waiting = { readonly resolve: (value: never) => void; readonly reject: (error: LabError) => void };

/** Speaks the protocol over any pair of text streams. */
export const openConnection = (send: (text: string) => void): Connection => {
  let nextId = 1;
  let lost: string | undefined;
  const waitingById = new Map<number, Waiting>();
  const newsById = new Map<number, ProcessNews>();
  const greeting = Promise.withResolvers<number>();
  greeting.promise.catch(() => {}); // Nobody may be waiting for it.

  const onMessage = (message: Message): void => {
    switch (message.type) {
      case "hello":
        greeting.resolve(message.pid);
        return;
      case "output":
        newsById.get(message.process)?.onOutput(message.stream, message.text);
        return;
      case "exit":
        newsById.get(message.process)?.onExit(message.exit);
        newsById.delete(message.process);
        return;
      case "reply":
      case "refusal": {
        const waiting = waitingById.get(message.id);
        assert(waiting !== undefined, "an answer to no question", { id: message.id });
        waitingById.delete(message.id);
        if (message.type === "refusal") waiting.reject(new LabError(message.reason));
        // The holder answers each order with the value its name stands for (`Results`).
        else waiting.resolve(message.value as never);
      }
    }
  };

  const ask = <O extends Order>(order: O, id = nextId++): Promise<ResultOf<O>> =>
    new Promise((resolve, reject) => {
      if (lost !== undefined) return reject(new LabError(lost));
      waitingById.set(id, { resolve, reject });
      const request: Request = { id, order };
      send(`${JSON.stringify(request)}\n`);
    });

  return {
    hello: greeting.promise,
    ask: (order) => ask(order),
    start: async (order, news) => {
      const id = nextId++;
      newsById.set(id, news);
      const { pid } = await ask(order, id);
      return { id, pid };
    },
    receive: lineReader((line) => onMessage(JSON.parse(line))),
    lose: (reason) => {
      if (lost !== undefined) return;
      lost = reason;
      greeting.reject(new LabError(reason));
      for (const { reject } of waitingById.values()) reject(new LabError(reason));
      waitingById.clear();
      for (const { onExit } of newsById.values()) onExit({ code: null, signal: "SIGKILL" });
      newsById.clear();
    },
  };
};
