/** Objects for tests, as an API server would give them. */

/** The namespace in which tests keep their objects. */
export const NAMESPACE = "metallb-system";

type Fields = Readonly<Record<string, unknown>>;

/** An object of a kind; labels are for selectors of advertisements. */
export const object = (
  kind: string,
  name: string,
  { spec, version, labels }: { readonly spec?: Fields; readonly version: string; readonly labels?: Fields },
): Fields => ({
  apiVersion: version,
  kind,
  metadata: {
    namespace: NAMESPACE,
    name,
    uid: `uid-${name}`,
    resourceVersion: "1",
    generation: 1,
    ...(labels === undefined ? {} : { labels }),
  },
  ...(spec === undefined ? {} : { spec }),
});

const beta =
  (kind: string) =>
  (name: string, spec?: Fields, labels?: Fields): Fields =>
    object(kind, name, {
      version: "metallb.io/v1beta1",
      ...(spec === undefined ? {} : { spec }),
      ...(labels === undefined ? {} : { labels }),
    });

export const pool = (name: string, spec: Fields = {}, labels?: Fields): Fields =>
  beta("IPAddressPool")(name, { addresses: ["192.0.2.0/24"], ...spec }, labels);

export const l2 = beta("L2Advertisement");
export const bgp = beta("BGPAdvertisement");
export const profile = beta("BFDProfile");
export const community = beta("Community");

/** A peer of version v1beta2 that is right unless `spec` makes it wrong. */
export const peer = (name: string, spec: Fields = {}): Fields =>
  object("BGPPeer", name, {
    version: "metallb.io/v1beta2",
    spec: { myASN: 64500, peerASN: 64501, peerAddress: "198.51.100.1", ...spec },
  });

export const reservation = (name: string, spec: Fields): Fields =>
  object("AddressReservation", name, { version: "steelyard.dev/v1alpha1", spec });

export const conflict = (name: string, spec: Fields): Fields =>
  object("AddressConflict", name, { version: "steelyard.dev/v1alpha1", spec });
