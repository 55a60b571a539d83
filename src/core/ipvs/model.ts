/** Services, destinations and the sync daemon as IPVS knows them. */
import type { IpAddress } from "#base/address";
import type { Protocol } from "#core/balance/model";

/** What one service is known by; two of them cannot have the same. */
export type ServiceAddress = {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  /** 1..65535; 0 is every port, which IPVS knows for persistent services only. */
  readonly port: number;
};

/** A service: an address that IPVS answers for, and how it chooses. */
export type IpvsService = ServiceAddress & {
  /** The scheduler's module without `ip_vs_`, such as `wrr`. */
  readonly scheduler: string;
  /** IP_VS_SVC_F_*, those in SERVICE_FLAGS. */
  readonly flags: number;
  /** Seconds that a client stays with its destination after its last connection; 0 for none. */
  readonly persistence: number;
  /** Clients whose addresses agree in so many first bits persist together; all of them unless persistent. */
  readonly prefixLength: number;
};

/** How packets reach a destination: `nat` rewrites the destination, `direct` sends the packet on as it is. */
export type Forwarding = "nat" | "direct" | "other";

/** A destination of one service. */
export type IpvsDestination = {
  readonly address: IpAddress;
  /** 1..65535; 0 in a service of every port. */
  readonly port: number;
  readonly forwarding: Forwarding;
  /** Share of new flows; 0 takes none and keeps what it has. */
  readonly weight: number;
  /** Whether somebody set a limit of connections, which we never do. */
  readonly limited: boolean;
};

/** Half of what keeps the connection tables of two edges equal: the master tells, the backup listens. */
export type SyncDaemon = {
  readonly state: "master" | "backup";
  readonly interface: string;
  /** 0..255: a backup listens to masters with its own number only. */
  readonly id: number;
};

/** A service with all of its destinations. */
export type ServiceState = {
  readonly service: IpvsService;
  readonly destinations: readonly IpvsDestination[];
};

const socketText = ({ address, port }: { readonly address: IpAddress; readonly port: number }): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

/** The identity of a service as text, such as `tcp 192.0.2.10:80`. */
export const serviceKey = (service: ServiceAddress): string => `${service.protocol} ${socketText(service)}`;

/** The key of a destination within its service. */
export const destinationKey = (destination: Pick<IpvsDestination, "address" | "port">): string =>
  socketText(destination);
