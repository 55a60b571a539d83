/**
 * Ownership: which of the announced addresses this node holds, when it takes them, and when it gives them up.
 *
 * No standard covers this. Every speaker decides alone, from the placements that all compute alike, from whom it believes
 * alive (`#core/liveness`), and from whom it hears announcing on the link; there is no vote and no lock. That two nodes hold
 * an address, or none, is therefore bounded in time and not excluded; `timing.ts` computes the bounds and
 * `simulation.test.ts` tries to break them. The rules and their reasons are in `docs/decisions/0009-liveness-and-fencing.md`.
 *
 * Left out: answering, announcing and probing themselves (effects ask for them), the sessions (`#core/bfd`), the order of
 * the candidates (`#core/layer2`).
 *
 * Start at `ownership.ts` (all addresses of a node, with the contract for its caller), then `machine.ts` (one address),
 * `plan.ts` (whether and when to claim) and `company.ts` (is this node cut off).
 */
export {};
