/** NEXT_HOP: where to send packets for the IPv4 routes that stand at the end of the message (RFC 4271 §5.1.3), in four octets. */
import { addressBytes, type IpAddress } from "#base/address";
import { readU8 } from "#base/bytes";
import { ATTRIBUTE } from "../constants.ts";
import { type AttributeRule, encodeAttribute, withdraw } from "./shape.ts";

const LENGTH = 4;
/** Multicast groups begin here, and nothing behind them is a host (RFC 1112 §4). */
const FIRST_MULTICAST = 224;

/** RFC 7606 §7.3; an address that no host can have is as bad (RFC 4271 §6.3). */
export const nextHop: AttributeRule = {
  code: ATTRIBUTE.nextHop,
  category: "well-known",
  check: (value) => {
    if (value.length !== LENGTH) return withdraw("attribute-length-error");
    const first = readU8(value, 0);
    return first === 0 || first >= FIRST_MULTICAST ? withdraw("invalid-next-hop") : undefined;
  },
};

export const encodeNextHop = (address: IpAddress): Uint8Array =>
  encodeAttribute(nextHop, addressBytes(address));
