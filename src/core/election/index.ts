/**
 * Who may be active, beyond what one virtual router decides for itself.
 *
 * `tracking.ts` turns the health of tracked interfaces and checks into a priority or a fault. `sync-group.ts` makes
 * several virtual routers change together. No standard covers either; both follow what operators know from keepalived,
 * and each says where it differs.
 *
 * Left out: tracked processes, files and routes (a script check can look at them), weights that raise a priority.
 *
 * Start at `tracking.ts`. The protocol itself is in `#core/vrrp`.
 */
export {};
