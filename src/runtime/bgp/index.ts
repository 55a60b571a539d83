/**
 * BGP on this machine: the sessions with all peers, over TCP, and what each peer is told.
 *
 * ```ts
 * const speaker = new BgpSpeaker(parts)             // speaker.ts; parts.ts says what it needs
 * speaker.setSettings(settings, now)
 * speaker.setPeers(words, now)                      // all peers there are to be
 * speaker.route({ changed, removed }, now)          // what is different, in any number of calls
 * speaker.routesComplete(now)                       // all that there is has been told: End-of-RIB may follow
 * speaker.linksChanged(now)                         // interfaces or their addresses are others
 * speaker.peers() / damped() / standing(peer, prefix) / listening()
 * speaker.leave({ reason, communication }, now, done)
 * speaker.close()
 * ```
 *
 * It puts together and decides little itself: the state machine of a session is `#core/bgp/session`, what a peer is told and when is
 * `#core/bgp/rib-out`, bytes are `#core/bgp/message`, sockets are `#drivers/bgp`. Nothing in it keeps the event loop for more than some
 * milliseconds: routes go into the tables in slices (`route-queue.ts`), UPDATEs go out in slices and no faster than a peer takes them
 * (`feeding.ts`).
 *
 * BFD (RFC 5882): a session with a peer begins when BGP's is first established, between the same addresses, and stays until the peer is
 * not wanted any more. It is no condition for BGP to come up (§4.1: a peer may not speak it). When it goes down after it was up, BGP's session
 * ends at once with Cease/BFD Down, and no other comes up until BFD is up again, the peer says AdminDown (§4.2), or the hold time has passed
 * in which it said nothing at all, as after BFD was taken out of its configuration. At a planned restart peers that keep routes are asked to
 * miss us as late as they keep them (§4.3.2.2), and the next run goes on with the session: `leaving.ts`, `left-sessions.ts`.
 *
 * Start at `speaker.ts`, then `peer.ts`: one peer. `peer-session.ts` runs its session, `channel.ts` is a connection of it, `peer-bfd.ts` its BFD, `listening.ts` who may
 * connect to us, `neighbors.ts` the routers of links that peers are given by, `leaving.ts` how everything ends on purpose, `snapshot.ts` what can be seen of it all.
 *
 * Left out: anything that a peer announces (it is counted, and not used), more than one session with a peer.
 */
export {};
