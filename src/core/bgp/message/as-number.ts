/** AS numbers of four octets, and the old fields of two that cannot hold them (RFC 6793). */
import { AS_TRANS } from "./constants.ts";
import type { Open } from "./message.ts";

/** What a field of two octets says of a number: AS_TRANS where it has more than 16 bits (RFC 6793 §4.1, §4.2.2). */
export const asnField = (asn: number): number => (asn > 0xffff ? AS_TRANS : asn);

/** The AS number of the sender of OPEN: that of its capability (RFC 6793 §4.1); without one that of the field. */
export const asnOf = ({ asn, capabilities }: Pick<Open, "asn" | "capabilities">): number =>
  capabilities.findLast((capability) => capability.type === "four-octet-as")?.asn ?? asn;
