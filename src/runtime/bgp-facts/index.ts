/**
 * What a program says of its BGP peers: `telling.ts` makes events of what a `BgpSpeaker` observes, `facts.ts` plain values of how its
 * peers are now. Shared by the speaker of a cluster's node and by an edge, which have the same words for the same things.
 */
export {};
