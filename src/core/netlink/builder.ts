/**
 * Writes netlink messages, one after the other, into one growing buffer without intermediate copies.
 *
 * ```ts
 * builder.begin({ type: RTM_NEWADDR, flags: NLM_F_REQUEST | NLM_F_ACK, sequence: 1 });
 * builder.u8(AF_INET); ...
 * builder.attributeBytes(IFA_LOCAL, address);
 * builder.end();
 * door.send(fd, builder.bytes(), NO_ADDRESS, 0);
 * ```
 */
import { assert } from "#base/assert";
import { writeU32 } from "#base/bytes";
import { NLA_F_NESTED, NLA_HEADER_LENGTH, NLMSG_HEADER_LENGTH } from "./constants.ts";
import { writeHostU16, writeHostU32 } from "./host-order.ts";
import { align } from "./message.ts";

/** What the caller says of a message; the kernel fills in the port. */
export type MessageHeader = { readonly type: number; readonly flags: number; readonly sequence: number };

/** The most bytes an attribute can have with its header: its length field has 16 bits. */
export const MAX_ATTRIBUTE_LENGTH = 0xffff;

const NO_MESSAGE = -1;

export class MessageBuilder {
  #buffer: Uint8Array;
  #length = 0;
  #messageStart = NO_MESSAGE;

  /** `capacity` is the size in bytes to begin with; the buffer doubles when it is full. */
  constructor(capacity = 4096) {
    this.#buffer = new Uint8Array(Math.max(capacity, 64));
  }

  /** Forgets everything written and keeps the buffer. */
  reset(): void {
    this.#length = 0;
    this.#messageStart = NO_MESSAGE;
  }

  /** All finished messages as a view, valid until the next call that writes. */
  bytes(): Uint8Array {
    assert(this.#messageStart === NO_MESSAGE, "a netlink message was not ended");
    return this.#buffer.subarray(0, this.#length);
  }

  /** Starts a message. */
  begin({ type, flags, sequence }: MessageHeader): void {
    assert(this.#messageStart === NO_MESSAGE, "a netlink message was not ended");
    this.#messageStart = this.#claim(NLMSG_HEADER_LENGTH);
    writeHostU16(this.#buffer, this.#messageStart + 4, type);
    writeHostU16(this.#buffer, this.#messageStart + 6, flags);
    writeHostU32(this.#buffer, this.#messageStart + 8, sequence);
  }

  /** Ends the message begun last and writes its length. */
  end(): void {
    assert(this.#messageStart !== NO_MESSAGE, "no netlink message was begun");
    writeHostU32(this.#buffer, this.#messageStart, this.#length - this.#messageStart);
    this.#messageStart = NO_MESSAGE;
  }

  /** Appends one byte of a fixed header, without padding. */
  u8(value: number): void {
    const at = this.#claimExactly(1);
    this.#buffer[at] = value;
  }

  /** Appends a 16-bit host-order integer of a fixed header, without padding. */
  u16(value: number): void {
    const at = this.#claimExactly(2);
    writeHostU16(this.#buffer, at, value);
  }

  /** Appends a 32-bit host-order integer of a fixed header. */
  u32(value: number): void {
    const at = this.#claimExactly(4);
    writeHostU32(this.#buffer, at, value);
  }

  /** Appends an attribute with one byte. */
  attributeU8(type: number, value: number): void {
    const at = this.#attribute(type, 1);
    this.#buffer[at] = value;
  }

  /** Appends an attribute with a 16-bit host-order integer. */
  attributeU16(type: number, value: number): void {
    const at = this.#attribute(type, 2);
    writeHostU16(this.#buffer, at, value);
  }

  /** Appends an attribute with a 32-bit host-order integer. */
  attributeU32(type: number, value: number): void {
    const at = this.#attribute(type, 4);
    writeHostU32(this.#buffer, at, value);
  }

  /** Appends an attribute with a 32-bit big-endian integer, as nftables wants them. */
  attributeU32Network(type: number, value: number): void {
    const at = this.#attribute(type, 4);
    writeU32(this.#buffer, at, value);
  }

  /** Appends an attribute with these bytes. */
  attributeBytes(type: number, value: Uint8Array): void {
    const at = this.#attribute(type, value.length);
    this.#buffer.set(value, at);
  }

  /** Appends an attribute with ASCII text and a NUL behind it. */
  attributeText(type: number, text: string): void {
    const at = this.#attribute(type, text.length + 1);
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      assert(code > 0 && code < 0x80, "kernel names are ASCII", { text });
      this.#buffer[at + index] = code;
    }
  }

  /** Opens an attribute that holds attributes; gives the mark that `closeNest` needs. */
  openNest(type: number): number {
    return this.#attribute(type | NLA_F_NESTED, 0) - NLA_HEADER_LENGTH;
  }

  /** How many bytes the attribute opened at `mark` has by now, to stop before `MAX_ATTRIBUTE_LENGTH`. */
  nestLength(mark: number): number {
    return this.#length - mark;
  }

  /** Closes the attribute opened at `mark` and writes its length. */
  closeNest(mark: number): void {
    const length = this.nestLength(mark);
    assert(length <= MAX_ATTRIBUTE_LENGTH, "a netlink attribute is longer than 65535 bytes", { length });
    writeHostU16(this.#buffer, mark, length);
  }

  /** Writes the header of an attribute and gives the offset of its zeroed value. */
  #attribute(type: number, length: number): number {
    const whole = NLA_HEADER_LENGTH + length;
    assert(whole <= MAX_ATTRIBUTE_LENGTH, "a netlink attribute is longer than 65535 bytes", { length });
    const at = this.#claim(whole);
    writeHostU16(this.#buffer, at, whole);
    writeHostU16(this.#buffer, at + 2, type);
    return at + NLA_HEADER_LENGTH;
  }

  /** Makes room for `length` zero bytes and their padding; gives their offset. */
  #claim(length: number): number {
    return this.#claimExactly(align(length));
  }

  #claimExactly(length: number): number {
    const at = this.#length;
    const end = at + length;
    if (end > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(end, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, at));
      this.#buffer = larger;
    }
    this.#buffer.fill(0, at, end);
    this.#length = end;
    return at;
  }
}
