/**
 * BGP-4 as one that only announces: it tells routers which addresses can be reached through this machine, and learns nothing.
 *
 * Three pieces, all pure: `message` turns bytes into messages and back, `session` decides what is said when (one peer, whatever
 * connections it has), `rib-out` decides which UPDATEs bring a peer from what it was told to what it is to know.
 *
 * Standards: RFC 4271 (the protocol), 4760 (multiprotocol), 5492 (capabilities), 6793 (four-octet AS numbers), 8950 (IPv4 behind IPv6
 * next hops), 2918 and 7313 (route refresh), 4724 and 8538 (graceful restart), 1997 and 8092 (communities), 7606 (errors in UPDATEs), 8203 and
 * 9003 (shutdown communication), 8326 (graceful shutdown).
 *
 * Start at `route.ts`, which says what is announced, then `message/message.ts`.
 */
export {};
