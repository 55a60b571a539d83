/**
 * IPVS through a generic netlink socket.
 *
 * The kernel works requests off inside send(2): when that returns, the acknowledgements, or the first part of a dump,
 * wait in our queue, and reading a part makes the kernel write the next. Several changes go in one send, so that a
 * new service is without destinations for microseconds only.
 */
import { constants } from "node:os";
import type { Decoded } from "#base/decoded";
import { decodeFamily, encodeFamilyQuestion } from "#core/genetlink/family";
import { decodeGeneric } from "#core/genetlink/message";
import { describeChange, encodeChange, type IpvsChange } from "#core/ipvs/change";
import { IPVS_GENL_NAME } from "#core/ipvs/constants";
import { decodeDaemon, encodeDaemonDump } from "#core/ipvs/daemon";
import { decodeDestination, encodeDestinationDump } from "#core/ipvs/destination";
import {
  type IpvsDestination,
  type IpvsService,
  type ServiceAddress,
  type SyncDaemon,
  serviceKey,
} from "#core/ipvs/model";
import { decodeService, encodeServiceDump, type IpvsEnvelope } from "#core/ipvs/service";
import type { Attributes } from "#core/netlink/attributes";
import { MessageBuilder } from "#core/netlink/builder";
import { AF_NETLINK } from "#core/netlink/constants";
import { writeHostU32 } from "#core/netlink/host-order";
import {
  decodeAcknowledgement,
  decodeMessages,
  isAcknowledgement,
  type NetlinkMessage,
} from "#core/netlink/message";
import { type Door, errnoName } from "#native/door";
import type { ChangeError, IpvsKernel, KernelError, KernelResult } from "./kernel.ts";

const SOCK_RAW = 3;
const NETLINK_GENERIC = 16;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_TRUNC = 0x20;
const NO_ADDRESS = new Uint8Array(0);
const QUEUE_BYTES = 1_048_576;
/** The kernel never puts more than 32 kB of a dump into one message. */
const RECEIVE_BYTES = 65_536;
/** Changes in one send: their acknowledgements, about 1 kB each in the queue, must all fit there. */
const BATCH = 128;
/** Messages of a dump, far more than a machine has; a kernel that gives more has gone astray. */
const MOST_OBJECTS = 1_000_000;

/** The calls that this socket makes. */
export type IpvsDoor = Pick<Door, "socket" | "bind" | "setsockopt" | "send" | "recv" | "close">;

const int32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  writeHostU32(bytes, 0, value);
  return bytes;
};

const failure = (code: string, request: string, detail?: string): KernelError => ({
  code,
  request,
  ...(detail === undefined ? {} : { detail }),
});

/** The verdict in an acknowledgement; `undefined` when the kernel did what it was asked. */
const errorOf = (message: NetlinkMessage, request: string): KernelError | undefined => {
  const acknowledgement = decodeAcknowledgement(message);
  if (!acknowledgement.ok) return failure("EPROTO", request, acknowledgement.reason);
  const { errno, detail } = acknowledgement.value;
  return errno === 0 ? undefined : failure(errnoName(errno), request, detail);
};

class IpvsSocket implements IpvsKernel {
  readonly #door: IpvsDoor;
  readonly #fd: number;
  /** Asked for at the first use, and again when the module was unloaded in between. */
  #family: number | undefined;
  readonly #builder = new MessageBuilder();
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  #sequence = 0;
  /** Whether an answer was lost since the last question. */
  #lost = false;

  constructor(door: IpvsDoor, fd: number) {
    this.#door = door;
    this.#fd = fd;
  }

  close(): void {
    this.#door.close(this.#fd);
  }

  services(): KernelResult<readonly IpvsService[]> {
    const request = "list the services of IPVS";
    return this.#dump(request, encodeServiceDump, (attributes) => {
      const service = decodeService(attributes);
      return service.ok || service.reason !== "foreign-kind" ? service : undefined;
    });
  }

  destinations(service: ServiceAddress): KernelResult<readonly IpvsDestination[]> {
    return this.#dump(
      `list the destinations of ${serviceKey(service)}`,
      (builder, envelope) => encodeDestinationDump(builder, envelope, service),
      (attributes) => decodeDestination(attributes, service),
    );
  }

  daemons(): KernelResult<readonly SyncDaemon[]> {
    return this.#dump("list the sync daemons of IPVS", encodeDaemonDump, decodeDaemon);
  }

  change(changes: readonly IpvsChange[]): readonly ChangeError[] {
    if (changes.length === 0) return [];
    const family = this.#familyNumber();
    if (!family.ok) return changes.map((change) => ({ ...family.error, change }));
    const errors: ChangeError[] = [];
    for (let next = 0; next < changes.length; next += BATCH) {
      errors.push(...this.#changeTogether(changes.slice(next, next + BATCH), family.value));
    }
    return errors;
  }

  #changeTogether(changes: readonly IpvsChange[], family: number): readonly ChangeError[] {
    this.#builder.reset();
    const changeBySequence = new Map<number, IpvsChange>();
    for (const change of changes) {
      const sequence = this.#takeSequence();
      changeBySequence.set(sequence, change);
      encodeChange(this.#builder, { family, sequence }, change);
    }
    const errors: ChangeError[] = [];
    const sent = this.#door.send(this.#fd, this.#builder.bytes(), NO_ADDRESS, 0);
    if (sent < 0) {
      const code = errnoName(sent);
      return changes.map((change) => ({ ...failure(code, describeChange(change)), change }));
    }
    for (const message of this.#waiting()) {
      const change = changeBySequence.get(message.sequence);
      if (change === undefined || !isAcknowledgement(message)) continue;
      changeBySequence.delete(message.sequence);
      const error = errorOf(message, describeChange(change));
      if (error !== undefined) errors.push({ ...error, change });
    }
    for (const change of changeBySequence.values()) {
      errors.push({ ...failure("EPROTO", describeChange(change), "the kernel did not answer"), change });
    }
    if (errors.length > 0) this.#family = undefined;
    return errors;
  }

  /** Asks for objects; those for which `decode` gives `undefined` are left out. */
  #dump<Value>(
    request: string,
    encode: (builder: MessageBuilder, envelope: IpvsEnvelope) => void,
    decode: (attributes: Attributes) => Decoded<Value, string> | undefined,
  ): KernelResult<readonly Value[]> {
    const family = this.#familyNumber();
    if (!family.ok) return { ok: false, error: { ...family.error, request } };
    const sequence = this.#takeSequence();
    this.#builder.reset();
    encode(this.#builder, { family: family.value, sequence });
    const sent = this.#door.send(this.#fd, this.#builder.bytes(), NO_ADDRESS, 0);
    if (sent < 0) return { ok: false, error: failure(errnoName(sent), request) };
    const values: Value[] = [];
    let malformed: string | undefined;
    let error: KernelError | undefined;
    let isComplete = false;
    for (const message of this.#waiting()) {
      if (message.sequence !== sequence) continue;
      if (isAcknowledgement(message)) {
        isComplete = true;
        error = errorOf(message, request);
        continue;
      }
      if (message.type !== family.value || values.length >= MOST_OBJECTS) continue;
      const generic = decodeGeneric(message.body);
      const object = generic.ok ? decode(generic.value.attributes) : generic;
      if (object?.ok) values.push(object.value);
      else malformed ??= object?.reason;
    }
    if (!isComplete || this.#lost) error ??= failure("EPROTO", request, "a part of the answer is missing");
    if (malformed !== undefined) error ??= failure("EPROTO", request, malformed);
    if (error === undefined) return { ok: true, value: values };
    // The module may have been loaded anew, with another number.
    this.#family = undefined;
    return { ok: false, error };
  }

  #familyNumber(): KernelResult<number> {
    if (this.#family !== undefined) return { ok: true, value: this.#family };
    const request = "find IPVS";
    const sequence = this.#takeSequence();
    this.#builder.reset();
    encodeFamilyQuestion(this.#builder, sequence, IPVS_GENL_NAME);
    const sent = this.#door.send(this.#fd, this.#builder.bytes(), NO_ADDRESS, 0);
    if (sent < 0) return { ok: false, error: failure(errnoName(sent), request) };
    let error = failure("EPROTO", request, "the kernel did not answer");
    for (const message of this.#waiting()) {
      if (message.sequence !== sequence) continue;
      if (isAcknowledgement(message)) error = errorOf(message, request) ?? error;
      const family = isAcknowledgement(message) ? undefined : decodeFamily(message);
      if (family?.ok) this.#family = family.value;
    }
    return this.#family === undefined ? { ok: false, error } : { ok: true, value: this.#family };
  }

  #takeSequence(): number {
    this.#sequence = (this.#sequence % 0x7fff_ffff) + 1;
    return this.#sequence;
  }

  /** Every message that waits; `#lost` says whether there were more. */
  *#waiting(): Generator<NetlinkMessage> {
    this.#lost = false;
    for (;;) {
      const length = this.#door.recv(this.#fd, this.#buffer, MSG_TRUNC);
      if (length === -constants.errno.EINTR) continue;
      if (length <= 0 && length !== -constants.errno.ENOBUFS) return;
      const fits = length > 0 && length <= this.#buffer.length;
      const messages = fits ? decodeMessages(this.#buffer.subarray(0, length)) : undefined;
      if (messages?.ok) yield* messages.value;
      else this.#lost = true;
    }
  }
}

/** Opens IPVS in the network namespace of the calling thread. */
export const openIpvsSocket = (door: IpvsDoor): KernelResult<IpvsKernel> => {
  const request = "open a generic netlink socket";
  const fd = door.socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
  if (fd < 0) return { ok: false, error: failure(errnoName(fd), request) };
  door.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, int32(QUEUE_BYTES));
  for (const name of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) door.setsockopt(fd, SOL_NETLINK, name, int32(1));
  const address = new Uint8Array(12);
  writeHostU32(address, 0, AF_NETLINK);
  const bound = door.bind(fd, address);
  if (bound >= 0) return { ok: true, value: new IpvsSocket(door, fd) };
  door.close(fd);
  return { ok: false, error: failure(errnoName(bound), request) };
};
