/** Two hosts for the tests of BGP drivers, the real ones and the fakes, and what a test opens on them. */
import assert from "node:assert/strict";
import { type IpAddress, type IpFamily, parseAddress } from "#base/address";
import { concatBytes } from "#base/bytes";
import { type Duration, millis } from "#base/time";
import type {
  BgpAttempt,
  BgpCaller,
  BgpClosed,
  BgpConnection,
  BgpConnectRequest,
  BgpError,
  BgpHops,
  BgpLink,
  BgpListener,
  BgpPort,
  BgpResult,
} from "./port.ts";

export type BgpStation = {
  readonly port: BgpPort;
  readonly link: BgpLink;
  readonly address: Readonly<Record<IpFamily | "link-local", IpAddress>>;
  /** A second one of each family. */
  readonly second: Readonly<Record<IpFamily, IpAddress>>;
};

/** Two stations, and how packets get from one to the other. */
export type BgpLan = {
  readonly near: BgpStation;
  readonly far: BgpStation;
  /** Lets packets arrive until `done` holds, or until it is clear that it never will. */
  readonly settle: (done: () => boolean) => Promise<void>;
  /** Lets time pass, and packets arrive meanwhile. */
  readonly pass: (duration: Duration) => Promise<void>;
  readonly close: () => void;
};

export const PORT = 1_790;
const ANY_HOPS: BgpHops = { send: 64, least: undefined };
const TIMEOUT = millis(400);

/** A connection as a test sees it. */
export type Held = {
  readonly connection: BgpConnection;
  readonly heard: () => Uint8Array;
  /** How often some of what waited was taken. */
  readonly progress: () => number;
  readonly closed: BgpClosed[];
};

/** Holds a connection and remembers what it tells. */
export const hold = (connection: BgpConnection) => {
  const chunks: Uint8Array[] = [];
  let progress = 0;
  const held: Held = {
    connection,
    heard: () => concatBytes(...chunks),
    progress: () => progress,
    closed: [],
  };
  const events = {
    onData: (chunk: Uint8Array): void => void chunks.push(chunk.slice()),
    onProgress: (): void => {
      progress += 1;
    },
    onClosed: (how: BgpClosed): void => void held.closed.push(how),
  };
  return { held, events };
};

const must = <Value>(result: BgpResult<Value>): Value => {
  assert.ok(result.ok, result.ok ? "" : `${result.error.operation}: ${result.error.code}`);
  return result.value;
};

export const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251);

export const foreign = (family: IpFamily): IpAddress => {
  const address = parseAddress(family === "IPv4" ? "198.51.100.9" : "2001:db8:ff::9");
  assert.ok(address !== undefined);
  return address;
};

export type Call = {
  readonly attempt: BgpAttempt;
  readonly held: () => Held;
  readonly outcome: () => "pending" | "connected" | BgpError;
};

/** The two hosts of one test, and what they opened. */
export class Bed {
  readonly lan: BgpLan;
  readonly arrived: Held[] = [];
  readonly #closers: (() => void)[] = [];

  constructor(lan: BgpLan) {
    this.lan = lan;
  }

  close(): void {
    for (const close of this.#closers) close();
    this.lan.close();
  }

  caller(kind: Kind, change: Partial<BgpCaller> = {}): BgpCaller {
    const { near, far } = this.lan;
    const link = kind === "link-local" ? far.link : undefined;
    return { address: near.address[kind], link, password: undefined, hops: ANY_HOPS, ...change };
  }

  listen(family: IpFamily, ...callers: readonly BgpCaller[]): BgpListener {
    const request = {
      ...{ family, port: PORT, vrf: undefined },
      onConnection: (connection: BgpConnection) => {
        const { held, events } = hold(connection);
        this.arrived.push(held);
        return events;
      },
      onError: (error: BgpError): void => assert.fail(error.operation),
    };
    const listener = must(this.lan.far.port.listen(request));
    this.#closers.push(() => listener.close());
    assert.deepEqual(listener.setCallers(callers), []);
    return listener;
  }

  call(kind: Kind, change: Partial<BgpConnectRequest> = {}): Call {
    const { near, far } = this.lan;
    let held: Held | undefined;
    let outcome: ReturnType<Call["outcome"]> = "pending";
    const attempt = near.port.connect({
      remote: { address: far.address[kind], port: PORT },
      link: kind === "link-local" ? near.link : undefined,
      ...{ source: undefined, vrf: undefined, password: undefined, hops: ANY_HOPS, timeout: TIMEOUT },
      ...change,
      onConnected: (connection) => {
        const opened = hold(connection);
        assert.equal(outcome, "pending");
        outcome = "connected";
        held = opened.held;
        return opened.events;
      },
      onFailed: (error) => {
        assert.equal(outcome, "pending");
        outcome = error;
      },
    });
    assert.equal(outcome, "pending", "nothing is told from within a call");
    this.#closers.push(() => {
      attempt.cancel();
      held?.connection.reset();
    });
    return { attempt, outcome: () => outcome, held: () => held ?? assert.fail("not connected") };
  }

  /** Waits for the outcome of a call; its code, if it failed. */
  async outcome(call: Call): Promise<string> {
    await this.lan.settle(() => call.outcome() !== "pending");
    if (call.outcome() === "pending") await this.lan.pass(TIMEOUT);
    await this.lan.settle(() => call.outcome() !== "pending");
    const outcome = call.outcome();
    return typeof outcome === "string" ? outcome : outcome.code;
  }

  /** A connection from the near host to the far one, both ends of it. */
  async connect(kind: Kind, change: Partial<BgpConnectRequest> = {}): Promise<{ near: Held; far: Held }> {
    const before = this.arrived.length;
    const call = this.call(kind, change);
    await this.lan.settle(() => call.outcome() !== "pending" && this.arrived.length > before);
    const far = this.arrived.at(-1);
    assert.ok(far !== undefined && this.arrived.length > before, JSON.stringify(call.outcome()));
    return { near: call.held(), far };
  }
}

export type Kind = IpFamily | "link-local";
