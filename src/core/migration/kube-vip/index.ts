/**
 * kube-vip's cloud provider (the ConfigMap `kubevip`), its DaemonSet or static pod as far as it is about Services, and its
 * annotations at Services.
 *
 * Followed is what the provider does with its keys rather than their names: a Service takes from `cidr-NAMESPACE`, else
 * `cidr-global`, else `range-NAMESPACE`, else `range-global`; the lowest free address first; never one that ends in .0 or
 * .255. Start with `translate.ts`.
 */
export {};
