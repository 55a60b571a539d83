/**
 * Clients that stay on their backend across a takeover: the edge that holds an address tells the other one its pins.
 *
 * - `packet.ts`: what is sent. Start reading here.
 * - `teller.ts`: which pins are told when.
 * - `seal.ts`: what keeps others from telling pins.
 * - `listener.ts`: what is known of the peer, and which of its pins are taken.
 *
 * No pin is ever confirmed. Each is told when it is new, when its backend is another, when its time has moved by an
 * eighth of the timeout, and again every minute; whoever misses a datagram says so, and is told everything anew. So any
 * loss mends itself, and neither side has to remember what the other may know. Times are told as what remains:
 * the clocks of the two boxes need not agree.
 *
 * Bounds: 64 datagrams a second of at most 1,400 bytes, which is 90 kB. 100,000 pins of IPv4 clients make 870 datagrams:
 * all of them are told within 14 s of being read, and again once a minute (20 kB/s). Reading so many took 0.5 to 1.5 s
 * on two busy processors and is done for a twentieth of the time, so they are looked at every 10 to 30 s; a few
 * thousand every second. What was told takes 9 MB for them. At most 262,144 pins are told; the peer knows no others.
 *
 * Datagrams that came over a router are refused (the hop limit of RFC 5082), and what they say is checked against the
 * configuration: the worst that a forged one does is to move a client to another backend. With a secret (`seal.ts`)
 * nobody else can make one, nor send it again later. Without, the link is trusted as it is for conntrackd, which knows no
 * secrets: whoever can send there can change connections anyway.
 *
 * Left out: encryption. A pin tells that a client has spoken to a server, which anybody on the link sees who sees that.
 */
export {};
