/** AS numbers of four octets, and the old fields of two that cannot hold them (RFC 6793). */
import { AS_TRANS } from "./constants.ts";

/** What a field of two octets says of a number: AS_TRANS where it has more than 16 bits (RFC 6793 §4.1, §4.2.2). */
export const asnField = (asn: number): number => (asn > 0xffff ? AS_TRANS : asn);
