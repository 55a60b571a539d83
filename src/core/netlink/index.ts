/**
 * The netlink protocol: how programs talk to the Linux kernel about its network.
 *
 * Standards: RFC 3549 describes the idea; the truth is the kernel's uapi headers, whose names `constants.ts` keeps.
 *
 * Generic, for every netlink family (nfnetlink too): `message.ts` splits what was received and reads
 * acknowledgements, `attributes.ts` reads attributes, `builder.ts` writes messages.
 * rtnetlink objects: `link.ts`, `address.ts`, `route.ts`, `neighbour.ts`.
 *
 * Left out: changing links, routes and rules (the operator's tools do that), big-endian CPUs (none is shipped for;
 * `host-order.ts` refuses to load there), statistics.
 *
 * Decoders never throw on any bytes. What they give holds copies; only `NetlinkMessage.body` and attribute values are
 * views into the receive buffer. Start reading in `message.ts`.
 */
export {};
