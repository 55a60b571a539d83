/** What a BGP speaker is told to do; the values are of `core`, where they are made. */
export type { BfdWord, BgpSettings, PeerWord, RouteWord } from "#core/bgp/desired";
