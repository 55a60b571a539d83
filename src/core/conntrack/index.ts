/**
 * Connection tracking as the kernel tells it over NETLINK_NETFILTER (ctnetlink; linux/netfilter/nfnetlink_conntrack.h):
 * which flows are open, to which backend each was translated, and how to end one.
 *
 * - `selector.ts`: which flows are meant: those of one virtual server, in the kernel's filter and in ours.
 * - `flow.ts`: one entry of the table as far as we read it. Start reading here.
 * - `request.ts`: the questions.
 *
 * Left out: creating and changing entries (conntrackd synchronises them), events (a dump every now and then costs less
 * than a message for every flow of a busy machine), expectations, zones other than the default.
 */
export {};
