/** Only peers that ask for it are told how traffic is to be shared: others may take no such community, or pass it on. */
import type { RouteWord } from "#core/bgp/desired";

type Target = RouteWord["targets"][number];

const divided = ({ peers, attributes }: Target, asking: ReadonlySet<string>): readonly Target[] => {
  if (attributes.linkBandwidth === undefined) return [{ peers, attributes }];
  const told = peers.filter((peer) => asking.has(peer));
  const others = peers.filter((peer) => !asking.has(peer));
  return [
    ...(told.length === 0 ? [] : [{ peers: told, attributes }]),
    ...(others.length === 0
      ? []
      : [{ peers: others, attributes: { ...attributes, linkBandwidth: undefined } }]),
  ];
};

/** The route as it is to be told, when only these peers ask for the link bandwidth. */
export const withLinkBandwidth = (route: RouteWord, asking: ReadonlySet<string>): RouteWord => ({
  ...route,
  targets: route.targets.flatMap((target) => divided(target, asking)),
});
