/** The maps of pins: read on a socket of their own, since a large one takes many turns of the event loop. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Pin } from "#core/balance/pin";
import type { ServerPlan } from "#core/balance/plan-model";
import { decodeAcknowledgement, isAcknowledgement, type NetlinkMessage } from "#core/netlink/message";
import type { SetChange } from "#core/nftables/delta";
import { decodePinElements, pinChange, writePinRequest } from "#core/nftables/pin-elements";
import { isWorthWriting } from "#core/pin-sync/listener";
import type { Door } from "#native/door";
import type { Pins } from "../port.ts";
import { NetfilterSocket } from "./socket.ts";

/** Reading goes on for this long in one turn of the event loop, in microseconds. */
const TURN = 2_000;
/** Clients that are asked for in one send(2). */
const ASKED_AT_ONCE = 128;

const pinsIn = (message: NetlinkMessage): readonly Pin[] => {
  const pins = decodePinElements(message);
  return pins.ok ? pins.value : [];
};

export class PinTable implements Pins {
  readonly #door: Door;
  readonly #change: (change: SetChange) => Promise<string | undefined>;
  #socket: NetfilterSocket | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** `change` makes one of our own changes to the tables. */
  constructor(door: Door, change: (change: SetChange) => Promise<string | undefined>) {
    this.#door = door;
    this.#change = change;
    const socket = NetfilterSocket.open(door);
    this.#socket = socket instanceof NetfilterSocket ? socket : undefined;
  }

  read(server: ServerPlan, onPin: (pin: Pin) => void): Promise<number | undefined> {
    return this.#inOrder(async (socket) => {
      let began = this.#door.monotonicMicros();
      let spent = 0;
      let isWhole = false;
      const dump = socket.ask((builder, sequence) => {
        writePinRequest(builder, { server, sequence });
        return 1;
      });
      for (const message of dump) {
        if (isAcknowledgement(message)) {
          const end = decodeAcknowledgement(message);
          isWhole = end.ok && end.value.errno === 0;
          continue;
        }
        for (const pin of pinsIn(message)) onPin(pin);
        const turn = this.#door.monotonicMicros() - began;
        if (turn < TURN) continue;
        spent += turn;
        await nextTurn();
        began = this.#door.monotonicMicros();
      }
      return isWhole ? spent + this.#door.monotonicMicros() - began : undefined;
    });
  }

  async write(server: ServerPlan, pins: readonly Pin[]): Promise<string | undefined> {
    const timeout = server.persistence?.timeout;
    if (timeout === undefined) return "the server keeps no clients";
    for (let from = 0; from < pins.length; from += ASKED_AT_ONCE) {
      const told = pins.slice(from, from + ASKED_AT_ONCE);
      const existing = await this.#inOrder(async (socket) => find(socket, server, told));
      if (existing === undefined) return "there is no netlink socket";
      const worth = told.filter((pin) => isWorthWriting(pin, existing.get(pin.client), timeout));
      if (worth.length === 0) continue;
      // A kernel before 6.12 gives an element that is there no other time, and none gives it another value.
      const replaced = worth.map(({ client }) => client).filter((client) => existing.has(client));
      const failed = await this.#change(pinChange(server, { timeout, replaced, pins: worth }));
      if (failed !== undefined) return failed;
    }
    return undefined;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    await this.#last;
    socket?.close();
  }

  #inOrder<Value>(work: (socket: NetfilterSocket) => Promise<Value>): Promise<Value | undefined> {
    const result = this.#last.then(() => (this.#socket === undefined ? undefined : work(this.#socket)));
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Those of the clients that have a pin. */
const find = (
  socket: NetfilterSocket,
  server: ServerPlan,
  pins: readonly Pin[],
): ReadonlyMap<string, Pin> => {
  const answers = socket.ask((builder, sequence) => {
    pins.forEach(({ client }, index) => {
      writePinRequest(builder, { server, client, sequence: sequence + index });
    });
    return pins.length;
  });
  const found = new Map<string, Pin>();
  for (const message of answers) for (const pin of pinsIn(message)) found.set(pin.client, pin);
  return found;
};
