/**
 * Graceful restart: routes are to be kept while the session is broken (RFC 4724 §3, RFC 8538 §2). A family follows for each whose
 * routes the sender kept, or will keep, itself.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+---+-----------------------+
 * |R|N|Rsv|     Restart time      |                                  R: has restarted, N: notifications too; seconds
 * +-+-+---+-----------------------+---------------+-+-------------+
 * |              AFI              |     SAFI      |F|  Reserved   |  F: forwarding state was preserved
 * +-------------------------------+---------------+-+-------------+
 * ```
 */
import { assert } from "#base/assert";
import { readU8, readU16, writeU8, writeU16 } from "#base/bytes";
import { CAPABILITY } from "../constants.ts";
import type { CapabilityCodec } from "./shape.ts";

const HEAD_LENGTH = 2;
const ENTRY_LENGTH = 4;
const RESTARTING = 0x8000;
const SURVIVES_NOTIFICATION = 0x4000;
const LONGEST = 0x0fff;
const PRESERVED = 0x80;

export const gracefulRestart: CapabilityCodec<"graceful-restart"> = {
  code: CAPABILITY.gracefulRestart,
  decode: (value) => {
    if (value.length % ENTRY_LENGTH !== HEAD_LENGTH) return undefined;
    const head = readU16(value, 0);
    const families = Array.from({ length: (value.length - HEAD_LENGTH) / ENTRY_LENGTH }, (_, index) => {
      const at = HEAD_LENGTH + index * ENTRY_LENGTH;
      const family = { afi: readU16(value, at), safi: readU8(value, at + 2) };
      return { family, isForwardingPreserved: (readU8(value, at + 3) & PRESERVED) !== 0 };
    });
    return {
      type: "graceful-restart",
      isRestarting: (head & RESTARTING) !== 0,
      survivesNotification: (head & SURVIVES_NOTIFICATION) !== 0,
      restartTime: head & LONGEST,
      families,
    };
  },
  encode: ({ isRestarting, survivesNotification, restartTime, families }) => {
    assert(restartTime >= 0 && restartTime <= LONGEST, "a restart time does not fit", { restartTime });
    const value = new Uint8Array(HEAD_LENGTH + families.length * ENTRY_LENGTH);
    const flags = (isRestarting ? RESTARTING : 0) | (survivesNotification ? SURVIVES_NOTIFICATION : 0);
    writeU16(value, 0, flags | restartTime);
    for (const [index, { family, isForwardingPreserved }] of families.entries()) {
      const at = HEAD_LENGTH + index * ENTRY_LENGTH;
      writeU16(value, at, family.afi);
      writeU8(value, at + 2, family.safi);
      writeU8(value, at + 3, isForwardingPreserved ? PRESERVED : 0);
    }
    return value;
  },
};
