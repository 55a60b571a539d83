/**
 * Forwarding in the kernel: engines that make it run a plan.
 *
 * - `port.ts`: what we ask for, the same for every engine. Start reading here.
 * - `engines.ts`: several of them as one, with nftables for what the chosen one does not carry.
 * - `nftables/`: the engine that carries everything.
 * - `ipvs/`: the kernel's IPVS, for those who rely on its schedulers.
 * - `fake.ts`, `contract.ts`: an engine without a kernel, and what every engine must do.
 */
export {};
