/**
 * Classic BPF programs that let a socket see only what claims one of our addresses.
 *
 * An instruction is `struct sock_filter`: code (16 bits), two jump distances (8 bits each), constant (32 bits).
 */
import { addressBytes, type IpAddress } from "#base/address";
import { concatBytes, readU32 } from "#base/bytes";

/** Loads the word at the offset that is the constant. */
export const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
/** Ends the program; the constant says how much of the packet passes. */
export const RETURN = 0x06;

/** What RETURN says of a packet that passes, and of one that does not. */
export const WHOLE_PACKET = 0x4_0000;
export const NONE_OF_IT = 0;

/** Where an ARP packet has its sender's address. */
const ARP_SENDER_ADDRESS = 14;
/** Where a Neighbor Advertisement has its target. */
const NDP_TARGET = 8;

/** One instruction; a jump skips so many of those that follow. */
export const instruction = (code: number, constant: number, skipIfNot = 0, skipIf = 0): Uint8Array => {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint8(2, skipIf);
  view.setUint8(3, skipIfNot);
  view.setUint32(4, constant, true);
  return bytes;
};

/** Accepts the packet if the words at `offset` are those of `address`. */
const acceptIfEqual = (address: IpAddress, offset: number): readonly Uint8Array[] => {
  const bytes = addressBytes(address);
  const words = bytes.length / 4;
  return Array.from({ length: words }, (_, word) => [
    instruction(LOAD_WORD, offset + word * 4),
    // On a difference: past the remaining words, two instructions each, and the return.
    instruction(JUMP_IF_EQUAL, readU32(bytes, word * 4), (words - word - 1) * 2 + 1),
  ])
    .flat()
    .concat(instruction(RETURN, WHOLE_PACKET));
};

const program = (addresses: readonly IpAddress[], offset: number): Uint8Array =>
  concatBytes(
    ...addresses.flatMap((address) => acceptIfEqual(address, offset)),
    instruction(RETURN, NONE_OF_IT),
  );

/** Passes nothing. */
export const NOTHING: Uint8Array = instruction(RETURN, NONE_OF_IT);

/** Passes ARP packets whose sender claims one of these IPv4 addresses. */
export const arpFilter = (addresses: readonly IpAddress[]): Uint8Array =>
  program(addresses, ARP_SENDER_ADDRESS);

/** Passes Neighbor Advertisements for one of these IPv6 addresses. */
export const ndpFilter = (addresses: readonly IpAddress[]): Uint8Array => program(addresses, NDP_TARGET);
