/**
 * FRR that is there already: our part of its configuration, and what is to be entered so that it has exactly that.
 *
 * ```ts
 * const running = parseRunning(text)                          // running.ts: `show running-config`, ours and what others may be in the way of
 * const section = sectionOf({ peers, routes }, running)       // section.ts: what is to be there, and peers that cannot be, with the reason
 * const lines = planLines(section.wanted, running.own)        // plan.ts: to enter as configuration; empty when nothing is to be done
 * readSessions(json)                                          // sessions.ts: how each session is
 * ```
 *
 * Everything of ours carries a name that begins with `steelyard-node:`, which no BGPPeer can have, so that what somebody pasted from
 * `steelyard router-config` (`steelyard-tor`) is not ours. Sessions are in BGP instances of their own, `router bgp N view
 * steelyard-node:N`: a view has a table of its own, takes nothing into the kernel's and gives nothing to other instances or their neighbours.
 * So the numbers and neighbours that are there already do not matter, with one exception: an address that is somebody else's neighbour.
 *
 * Each combination of targets that routes have is a class, by a tag that the class's route-map sets and the peers' route-maps look for: a
 * route more is one line more.
 *
 * Left out: sessions in a VRF and over links without addresses, which views do not have; what FRR 8.4 prints otherwise than it was
 * entered is known here (`settings.ts`), and tried with that version.
 *
 * Start at `section.ts`.
 */
export {};
