/** The vendors whose language we write. */

/** In the order in which they are listed. */
export const VENDORS = ["frr", "bird", "vyos", "mikrotik", "unifi", "opnsense", "cisco", "juniper"] as const;

export type Vendor = (typeof VENDORS)[number];
