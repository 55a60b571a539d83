/**
 * BGP-4 as one that only announces: it tells routers which addresses can be reached through this machine, and learns nothing.
 *
 * Three pieces, all pure: `message` turns bytes into messages and back, `session` decides what is said when (one peer, whatever
 * connections it has), `rib-out` decides which UPDATEs bring a peer from what it was told to what it is to know.
 *
 * Standards: RFC 4271 (the protocol), 4760 (multiprotocol), 2545 (IPv6 next hops), 5492 and 9072 (capabilities), 6793 (four-octet AS numbers), 7607
 * (AS 0), 8950 (IPv4 behind IPv6 next hops), 2918 and 7313 (route refresh), 4724 and 8538 (graceful restart), 1997, 4360 and 8092 (communities),
 * 7606 (errors in UPDATEs), 4486, 9003 and 9384 (why a session ends), 8326 (graceful shutdown). `docs/standards/` lists section by section what became of
 * RFC 4271, 4724, 4760 and 7606; a test compares the lists with what is tested.
 *
 * Left out: whatever concerns routes from peers. None are imported, so there is no decision process, and nothing is passed on.
 *
 * Start at `route.ts`, which says what is announced, then `message/message.ts`.
 */
export {};
