/**
 * Generic netlink: one netlink protocol that many kernel subsystems share, each as a family with a name.
 *
 * Standards: none; linux/genetlink.h, whose names the constants keep. A family's number is given when its module is
 * loaded, so it is asked for by name first; asking loads the module where the kernel may load modules.
 *
 * Left out: multicast groups, policies and the list of a family's commands, which nothing here needs.
 *
 * Start reading in `message.ts`; `family.ts` asks for a family's number.
 */
export {};
