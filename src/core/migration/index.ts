/**
 * From what other load balancers of a cluster are told to MetalLB's resources, which steelyard takes as they are.
 *
 * Read are: MetalLB's ConfigMap of the time before its resources (up to 0.12), and its resources themselves
 * (`metallb/`); the ConfigMap of kube-vip's cloud provider, its DaemonSet and annotations (`kube-vip/`); Cilium's pools,
 * announcement policies, BGP resources and annotations (`cilium/`). k3s' ServiceLB has no configuration to carry, it must
 * be off: `service-lb.ts` says whether it is.
 *
 * Nothing is dropped in silence: every key becomes part of a resource, or a note that says why not. Where something that
 * narrows cannot be carried, such as a selector that our resources have no words for, what it narrows is left out or gives
 * nothing by itself: what comes out never gives or announces more than was asked for.
 *
 * Left out: kube-vip's address of the API server, and whatever is about a CNI.
 *
 * Start with `metallb/translate.ts`. A `Section` (`section.ts`) remembers which of its keys were asked for.
 */
export {};
