/**
 * Kernel settings (sysctl) that an edge needs: which, why, and what they were before.
 *
 * `dsr` needs none: its packets leave at the ingress hook, before the kernel's own IP input and its checks.
 * `masquerade` needs forwarding, and no redirects; virtual addresses in a subnet need `promote_secondaries`.
 *
 * Left alone on purpose:
 * - `rp_filter`: an edge that sees clients and backends where its routes point passes even the strict check. One that
 *   does not is routed asymmetrically, which the operator knows and a program should not paper over.
 * - `arp_ignore`, `arp_announce`: they matter on backends in `dsr`, and there the operator sets them. The edge that
 *   does not hold an address does not have it either. Only where a virtual MAC address is, they keep interfaces apart.
 * - `ip_nonlocal_bind`: nothing here uses it. Those of IPVS where it is not the chosen engine.
 * - The global `net.ipv4.ip_forward`: it would make every interface of the host route. Clients that arrive on another
 *   interface than the one with the virtual address need it, and the operator to decide so.
 *
 * Start reading in `plan.ts`. The driver is `#drivers/sysctl`.
 */
export {};
