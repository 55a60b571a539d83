/**
 * What a speaker tells the others of its node through the API server: its interfaces with their MAC and IP addresses.
 *
 * Others need the addresses to leave out nodes that cannot carry an address, and the MAC addresses to tell a fellow speaker
 * that answers from a stranger. It is an annotation of the node's `ConfigurationState`, which every speaker has anyway, so it needs
 * no further kind and no further right. It is written when an interface changes, and at no other time.
 */
export {};
