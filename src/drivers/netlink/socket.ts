/**
 * One rtnetlink socket for questions and answers.
 *
 * rtnetlink does its work inside send(2): when that returns, the acknowledgement, or the first part of a dump, is
 * already in our queue, and reading a part makes the kernel write the next. So the socket never needs to block, and
 * an empty queue before the end means that the answer was lost. (send(2) itself waits while another program
 * holds the kernel's rtnl lock; nothing in user space can bound that.)
 */
import { constants } from "node:os";
import type { Decoded } from "#base/decoded";
import { MessageBuilder } from "#core/netlink/builder";
import { AF_NETLINK, NLM_F_DUMP_INTR } from "#core/netlink/constants";
import { writeHostU32 } from "#core/netlink/host-order";
import {
  decodeAcknowledgement,
  decodeMessages,
  isAcknowledgement,
  type NetlinkDecodeError,
  type NetlinkMessage,
} from "#core/netlink/message";
import { type Door, errnoName } from "#native/door";
import type { NetlinkError, NetlinkResult } from "./port.ts";

const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
/** In recv(2): give the message's real length even when it did not fit. */
export const MSG_TRUNC = 0x20;

const NO_ADDRESS = new Uint8Array(0);
const ANY_PORT = ((): Uint8Array => {
  const address = new Uint8Array(12);
  writeHostU32(address, 0, AF_NETLINK);
  return address;
})();

/** A dump that the kernel says changed under it is read again, this often in all. */
const DUMP_ATTEMPTS = 8;

/** The calls that this driver makes. */
export type NetlinkDoor = Pick<Door, "socket" | "bind" | "setsockopt" | "send" | "recv" | "watch" | "close">;

/** A setsockopt value: one int. */
export const option = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  writeHostU32(bytes, 0, value);
  return bytes;
};

/** A failed request with the name of its errno. */
export const failure = (request: string, errno: number, detail?: string): NetlinkError => ({
  code: errnoName(errno),
  request,
  ...(detail === undefined ? {} : { detail }),
});

/**
 * Opens and binds an rtnetlink socket whose queue holds about `queueBytes`: the default of 208 kB loses messages in a
 * burst of 500 changes. Without CAP_NET_ADMIN the system's limit applies instead.
 */
export const openRouteSocket = (door: NetlinkDoor, queueBytes: number): NetlinkResult<number> => {
  const fd = door.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (fd < 0) return { ok: false, error: failure("open an rtnetlink socket", fd) };
  if (door.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, option(queueBytes)) < 0) {
    door.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, option(queueBytes));
  }
  // Each of these makes answers shorter, clearer or stricter; kernels that lack one still answer correctly.
  for (const name of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
    door.setsockopt(fd, SOL_NETLINK, name, option(1));
  }
  const bound = door.bind(fd, ANY_PORT);
  if (bound >= 0) return { ok: true, value: fd };
  door.close(fd);
  return { ok: false, error: failure("bind an rtnetlink socket", bound) };
};

/** What one attempt at a question came to. */
type Outcome = "done" | "again" | { readonly error: NetlinkError };

/** A question: what it is called in errors, and how it is written. */
export type Question = {
  readonly request: string;
  readonly encode: (builder: MessageBuilder, sequence: number) => void;
};

/** Asks the kernel questions, one at a time. */
export class RouteSocket {
  readonly #door: NetlinkDoor;
  readonly #fd: number;
  readonly #builder = new MessageBuilder(512);
  #buffer = new Uint8Array(65_536);
  #sequence = 0;

  constructor(door: NetlinkDoor, fd: number) {
    this.#door = door;
    this.#fd = fd;
  }

  close(): void {
    this.#door.close(this.#fd);
  }

  /** Asks for a change; `undefined` when the kernel did it. */
  change(question: Question): NetlinkError | undefined {
    const outcome = this.#ask(question, () => undefined);
    if (typeof outcome === "object") return outcome.error;
    return outcome === "done" ? undefined : { code: "timeout", request: question.request };
  }

  /** Asks for objects; those of another address family are left out. */
  collect<Value>(
    question: Question,
    decode: (body: Uint8Array) => Decoded<Value, NetlinkDecodeError>,
  ): NetlinkResult<readonly Value[]> {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt += 1) {
      const values: Value[] = [];
      const outcome = this.#ask(question, ({ body }) => {
        const object = decode(body);
        if (object.ok) values.push(object.value);
        return object.ok || object.reason === "other-family" ? undefined : object.reason;
      });
      if (outcome === "done") return { ok: true, value: values };
      if (outcome !== "again") return { ok: false, error: outcome.error };
    }
    const detail = `the table changed during each of ${DUMP_ATTEMPTS} readings`;
    return { ok: false, error: failure(question.request, constants.errno.EINTR, detail) };
  }

  #ask(
    { request, encode }: Question,
    onObject: (message: NetlinkMessage) => NetlinkDecodeError | undefined,
  ): Outcome {
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#builder.reset();
    encode(this.#builder, this.#sequence);
    const sent = this.#door.send(this.#fd, this.#builder.bytes(), NO_ADDRESS, 0);
    if (sent < 0) return { error: failure(request, sent) };
    let again = false;
    let malformed: NetlinkDecodeError | undefined;
    for (;;) {
      const length = this.#door.recv(this.#fd, this.#buffer, MSG_TRUNC);
      if (length === -constants.errno.EAGAIN) {
        return again ? "again" : { error: { code: "timeout", request } };
      }
      if (length < 0) return { error: failure(request, length) };
      if (length > this.#buffer.length) {
        // Read on to the end all the same: a dump left half-read makes the kernel refuse the next with EBUSY.
        this.#buffer = new Uint8Array(length * 2);
        again = true;
        continue;
      }
      const messages = decodeMessages(this.#buffer.subarray(0, length));
      if (!messages.ok) return { error: { code: "malformed", request, detail: messages.reason } };
      for (const message of messages.value) {
        // An answer to a question that was given up earlier.
        if (message.sequence !== this.#sequence) continue;
        again ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
        if (!isAcknowledgement(message)) {
          malformed ??= onObject(message);
          continue;
        }
        const error = verdict(message, request, malformed);
        if (error !== undefined) return { error };
        return again ? "again" : "done";
      }
    }
  }
}

const verdict = (
  message: NetlinkMessage,
  request: string,
  malformed: NetlinkDecodeError | undefined,
): NetlinkError | undefined => {
  const acknowledgement = decodeAcknowledgement(message);
  if (!acknowledgement.ok) return { code: "malformed", request, detail: acknowledgement.reason };
  const { errno, detail } = acknowledgement.value;
  if (errno !== 0) return failure(request, errno, detail);
  return malformed === undefined ? undefined : { code: "malformed", request, detail: malformed };
};
