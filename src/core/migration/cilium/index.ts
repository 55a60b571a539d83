/**
 * Cilium's resources about addresses of Services: pools, announcement by ARP and NDP, BGP; and its annotations at Services.
 *
 * Both versions of each (v2alpha1, v2), and CiliumBGPPeeringPolicy of the time before. Left out, and listed: whatever routes
 * pods, since that remains the CNI's; what is said per node (CiliumBGPNodeConfigOverride); selection of Services by name, and
 * in advertisements by namespace, for which MetalLB's resources have no words.
 *
 * Start with `translate.ts`.
 */
export {};
