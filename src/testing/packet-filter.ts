/** Runs classic BPF programs as the kernel would, as far as our filters use them. */
import assert from "node:assert/strict";

/** How a frame came (linux/if_packet.h). */
export const PACKET_TYPE = { host: 0, broadcast: 1, multicast: 2, otherHost: 3, outgoing: 4 } as const;

/** SKF_AD_OFF + SKF_AD_PKTTYPE. */
const TYPE_OFFSET = 0xffff_f004;
/** Loads by code: how many bytes. */
const LOADS: ReadonlyMap<number, 1 | 2 | 4> = new Map([
  [0x20, 4],
  [0x28, 2],
  [0x30, 1],
]);

const load = (data: DataView, offset: number, size: 1 | 2 | 4): number => {
  if (size === 4) return data.getUint32(offset);
  return size === 2 ? data.getUint16(offset) : data.getUint8(offset);
};

/** How many bytes of a packet that came in this way pass a program. */
export const runFilter = (
  program: Uint8Array,
  packet: Uint8Array,
  type: number = PACKET_TYPE.broadcast,
): number => {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const operation = code.getUint16(at, true);
    const constant = code.getUint32(at + 4, true);
    const size = LOADS.get(operation);
    const jump = (holds: boolean): void => {
      at += 8 * code.getUint8(at + (holds ? 2 : 3));
    };
    if (size !== undefined) {
      if (constant === TYPE_OFFSET) accumulator = type;
      // The kernel ends the program with 0 when a load goes beyond the packet.
      else if (constant + size > packet.length) return 0;
      else accumulator = load(data, constant, size);
    } else if (operation === 0x05) at += 8 * constant;
    else if (operation === 0x15) jump(accumulator === constant);
    else if (operation === 0x25) jump(accumulator > constant);
    else if (operation === 0x35) jump(accumulator >= constant);
    else if (operation === 0x45) jump((accumulator & constant) !== 0);
    else if (operation === 0x54) accumulator = (accumulator & constant) >>> 0;
    else if (operation === 0x06) return constant;
    else assert.fail(`unknown instruction ${operation}`);
  }
  return assert.fail("the program has no end");
};
