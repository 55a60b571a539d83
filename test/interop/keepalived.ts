/** The peer: real keepalived on `e2`. */
import type { LabProcess } from "#lab/index";
import type { Bed } from "./bed.ts";
import { edgeAddress, type Variant, VRID, virtualAddresses } from "./variant.ts";

/** What one test wants of one of keepalived's virtual routers besides the variant. */
export type KeepalivedOptions = {
  readonly priority: number;
  /** Default: `VRID`. */
  readonly vrid?: number;
  /** Addresses with prefix lengths; `undefined` means the variant's. */
  readonly addresses?: readonly string[];
  /** keepalived's own words for one more line in the instance, such as `nopreempt`. */
  readonly more?: readonly string[];
};

const instance = (variant: Variant, options: KeepalivedOptions): readonly string[] => {
  const { transport, password, intervalMs } = variant;
  const { priority, vrid = VRID, addresses = virtualAddresses(variant), more = [] } = options;
  const unicast = [
    `  unicast_src_ip ${edgeAddress(variant, "e2")}`,
    `  unicast_peer { ${edgeAddress(variant, "e1")} }`,
  ];
  return [
    `vrrp_instance V${vrid} {`,
    "  state BACKUP",
    "  interface eth0",
    `  virtual_router_id ${vrid}`,
    `  priority ${priority}`,
    `  advert_int ${intervalMs / 1_000}`,
    ...(transport === "unicast" ? unicast : []),
    ...(password === undefined
      ? []
      : ["  authentication { auth_type PASS", `  auth_pass ${password}`, "  }"]),
    ...more.map((line) => `  ${line}`),
    "  virtual_ipaddress {",
    ...addresses.map((address) => `    ${address}`),
    "  }",
    "}",
  ];
};

/** keepalived's configuration file. */
const keepalivedConfig = (variant: Variant, instances: readonly KeepalivedOptions[]): string =>
  [
    "global_defs {",
    "  router_id e2",
    `  vrrp_version ${variant.version}`,
    "  vrrp_garp_master_refresh 0",
    "}",
    ...instances.flatMap((options) => instance(variant, options)),
    "",
  ].join("\n");

let starts = 0;

/** Starts keepalived with these virtual routers and resolves when it speaks VRRP. */
export const startKeepalived = async (
  bed: Bed,
  variant: Variant,
  ...instances: readonly KeepalivedOptions[]
): Promise<LabProcess> => {
  starts += 1;
  const config = `/run/keepalived-${starts}.conf`;
  const host = bed.lab.host("e2");
  await host.write(config, keepalivedConfig(variant, instances));
  const pids = ["-p", `/run/keepalived-${starts}.pid`, "-r", `/run/keepalived-vrrp-${starts}.pid`];
  const program = await host.spawn(["keepalived", "-n", "-l", "-D", "-P", "-f", config, ...pids]);
  bed.remember(`keepalived ${starts}`, program);
  await program.said(/Entering BACKUP STATE/);
  return program;
};
