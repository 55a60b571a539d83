/**
 * MetalLB's configuration of the time before its resources: a ConfigMap with a text under `config`, up to 0.12.
 *
 * Read as well: that text by itself, its spellings of before 0.3 (`cidr`, `protocol: arp`), AddressPool (0.12 to 0.13),
 * BGPPeer of version v1beta1. Resources of today pass through without what the API server added.
 *
 * Start with `translate.ts`.
 */
export {};
