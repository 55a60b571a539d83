/** keepalived in front of API servers, set up as kubeadm's considerations on high availability say, and as quick as it goes. */
import type { LabHostHandle, LabProcess } from "#lab/host";
import { API_PORT, type MasterName } from "#test/cluster/vip/plan";

export type KeepalivedSetup = {
  readonly name: "documented" | "tuned";
  readonly address: string;
  readonly vrid: number;
  readonly advertisementMs: number;
  /** How the API server is asked: so often, for so long at most (seconds), and after how many answers it counts. */
  readonly check: {
    readonly interval: number;
    readonly patience: number;
    readonly fall: number;
    readonly rise: number;
  };
};

/** What a failed check takes from the priority, and the priorities of the first host and of all others: as documented. */
const WEIGHT = -2;
const PRIORITIES = { first: 101, other: 100 };

/** The check and the intervals that the documentation has. */
export const DOCUMENTED = {
  name: "documented",
  advertisementMs: 1_000,
  check: { interval: 3, patience: 2, fall: 10, rise: 2 },
} as const;

/** Two failed checks a second apart, the least interval that it takes, and advertisements as often as ours. */
export const TUNED = {
  name: "tuned",
  advertisementMs: 200,
  check: { interval: 1, patience: 1, fall: 2, rise: 2 },
} as const;

const script = ({ check }: KeepalivedSetup): string => `#!/bin/sh
exec curl -sfk --max-time ${check.patience} -o /dev/null https://localhost:${API_PORT}/healthz
`;

const configuration = (setup: KeepalivedSetup, host: MasterName, scriptFile: string): string => {
  const { name, address, vrid, advertisementMs, check } = setup;
  const isFirst = host === "m1";
  return `\
global_defs {
  router_id ${host}
  script_user root
  ${advertisementMs < 1_000 ? "vrrp_version 3" : ""}
}
vrrp_script api_server {
  script "${scriptFile}"
  interval ${check.interval}
  weight ${WEIGHT}
  fall ${check.fall}
  rise ${check.rise}
}
vrrp_instance ${name} {
  state ${isFirst ? "MASTER" : "BACKUP"}
  interface eth0
  virtual_router_id ${vrid}
  priority ${isFirst ? PRIORITIES.first : PRIORITIES.other}
  advert_int ${advertisementMs / 1_000}
  virtual_ipaddress {
    ${address}
  }
  track_script {
    api_server
  }
}
`;
};

/** Starts it on one host. */
export const startKeepalived = async (
  host: LabHostHandle,
  name: MasterName,
  setup: KeepalivedSetup,
): Promise<LabProcess> => {
  const place = `/run/keepalived-${setup.name}`;
  // What an earlier one left behind that was killed.
  await host.run(["ip", "address", "del", `${setup.address}/32`, "dev", "eth0"]);
  await host.write(`${place}.sh`, script(setup));
  await host.expect(["chmod", "700", `${place}.sh`]);
  await host.write(`${place}.conf`, configuration(setup, name, `${place}.sh`));
  const files = ["-f", `${place}.conf`, "-p", `${place}.pid`, "-r", `${place}-vrrp.pid`];
  return await host.spawn(["keepalived", "-n", "-l", "-P", ...files], {
    log: `/run/lab/logs/keepalived-${setup.name}-${name}.log`,
  });
};
