/**
 * BFD's sessions over its sockets, for all who watch peers on this machine: the mesh of speakers, and BGP.
 *
 * `hub.ts` is all of it. Left out: what a session means to its owner.
 */
export {};
