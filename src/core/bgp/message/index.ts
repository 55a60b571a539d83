/**
 * BGP's messages: bytes from a peer become values or the NOTIFICATION that they deserve, and values become bytes.
 *
 * Standards: RFC 4271 §4 and §6 (messages, errors), 7606 (errors in UPDATEs that need not end the session), 4760 (multiprotocol),
 * 5492 and 9072 (capabilities, optional parameters), 6793 (four-octet AS numbers), 7607 (AS 0), 8950 (IPv4 behind IPv6 next hops),
 * 2545 (IPv6 next hops), 2918 and 7313 (route refresh), 4724 and 8538 (graceful restart), 1997, 4360 and 8092 (communities),
 * 4486, 9003 and 9384 (reasons to cease). `docs/standards/rfc4271.md`, `rfc4760.md` and `rfc7606.md` list what became of each section.
 *
 * Left out: messages of more than 4096 octets (RFC 8654), several paths for one prefix (RFC 7911), families other than IPv4 and
 * IPv6: a peer may offer them, we do not. Routes that a peer sends are counted and not kept: nothing here imports any.
 *
 * Start at `message.ts`, the values. `framer.ts` cuts a stream into messages, `header.ts` is what all of them begin with; `decode.ts`
 * and `encode.ts` lead to a file for each message, `encode-update.ts` packs prefixes. Attributes are in `attribute/`, where
 * `rules.ts` lists what is asked of each when it is heard; capabilities are in `capability/`. `error.ts` and `error-codes.ts` are
 * what can be wrong, `notification.ts` says it in words.
 */
export {};
