/**
 * Debian's own ssh between the hosts of the lab: an sshd on each control-plane host, by which the client is let in as root, and a
 * folder of each host's own for what belongs to one machine: /etc, with what kubeadm has put there, and /usr/local/bin.
 *
 * It needs real root: an sshd changes its groups.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { LabHostHandle } from "#lab/index";
import { readLaunch } from "../launch.ts";
import type { Masters } from "./bed.ts";
import { API_PORT, lanAddress, MASTERS, type MasterName } from "./plan.ts";

const MAIN = join(import.meta.dirname, "../../../dist/main.js");
export const PKI = "/etc/kubernetes/pki";
/** While this is there, kubeadm on that host does not come to its end; the other one says that it waits. */
export const HOLD = "/run/hold-kubeadm";
export const HELD = "/run/kubeadm-is-held";

/** A host's own /etc and /usr/local/bin, for everything that is started in it from then on. */
const OWN_FILES = `
for place in /etc /usr/local/bin; do
  mkdir -p /run/own$place
  [ $place != /etc ] || cp -a /etc/. /run/own/etc
  mount -n --bind /run/own$place $place
done
mkdir -p /run/sshd`;

const own = (host: LabHostHandle): Promise<string> => host.expect(["sh", "-ec", OWN_FILES]);

const place = async (host: LabHostHandle, path: string, text: string, mode = "644"): Promise<void> => {
  const script = `mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"`;
  await host.expect(["sh", "-ec", script, "sh", path, mode], { input: text });
};

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** What kubeadm leaves on a node that the commands look at. The serving pair is the one that this API server reads. */
const placeNode = async (
  { folder, authority }: Masters,
  name: MasterName,
  host: LabHostHandle,
): Promise<void> => {
  const links = [
    ["ca.crt", authority.caFile],
    ["ca.key", join(folder, "ca.key")],
    ["apiserver.crt", join(folder, `${name}.crt`)],
    ["apiserver.key", join(folder, `${name}.key`)],
  ];
  await host.expect(["mkdir", "-p", PKI]);
  for (const [file = "", target = ""] of links) await host.expect(["ln", "-s", target, `${PKI}/${file}`]);
  const flags = `    - --advertise-address=${lanAddress(name)}\n    - --secure-port=${API_PORT}\n`;
  await place(host, "/etc/kubernetes/manifests/kube-apiserver.yaml", flags);
  const read = (file: string): string => base64(readFileSync(join(folder, file), "utf8"));
  const admin = {
    ...{ apiVersion: "v1", kind: "Config", "current-context": "admin" },
    clusters: [
      {
        name: "home",
        cluster: {
          server: `https://${lanAddress(name)}:${API_PORT}`,
          "certificate-authority-data": base64(authority.ca),
        },
      },
    ],
    users: [
      {
        name: "admin",
        user: { "client-certificate-data": read("admin.crt"), "client-key-data": read("admin.key") },
      },
    ],
    contexts: [{ name: "admin", context: { cluster: "home", user: "admin" } }],
  };
  await place(host, "/etc/kubernetes/admin.conf", stringify(admin), "600");
};

/** The built program under its name, and the real kubeadm, which a test may hold up. */
const placePrograms = async (host: LabHostHandle, kubeadm: string): Promise<void> => {
  const { flags } = readLaunch();
  const program = [process.execPath, ...flags, MAIN].join(" ");
  await place(host, "/usr/local/bin/steelyard", `#!/bin/sh\nexec ${program} "$@"\n`, "755");
  await place(
    host,
    "/usr/local/bin/kubeadm",
    `#!/bin/sh
${kubeadm} "$@"
status=$?
while [ -e ${HOLD} ]; do
  touch ${HELD}
  sleep 0.1
done
exit $status
`,
    "755",
  );
};

/** Makes a pair of keys in OpenSSH's own form. */
const makeKey = async (host: LabHostHandle, file: string): Promise<string> => {
  await host.expect(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file]);
  return readFileSync(`${file}.pub`, "utf8").trim();
};

const sshdConfig = (file: string): string => `Port 22
HostKey ${file}
PidFile none
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
AuthorizedKeysFile /etc/ssh/authorized_keys
`;

/** Opens ssh from the client to every control-plane host, and makes them nodes of kubeadm. */
export const openSsh = async (masters: Masters, kubeadm: string): Promise<void> => {
  const { client, folder } = masters;
  const keys = join(folder, "ssh");
  mkdirSync(keys, { mode: 0o700 });
  await own(client);
  const user = await makeKey(client, join(keys, "user"));
  const known = await Promise.all(
    masters.all.map(async ({ name, host }) => {
      await own(host);
      await placeNode(masters, name, host);
      await placePrograms(host, kubeadm);
      const file = join(keys, name);
      const key = await makeKey(host, file);
      await place(host, "/etc/ssh/authorized_keys", `${user}\n`, "600");
      await place(host, "/etc/ssh/sshd_config", sshdConfig(file));
      const sshd = await host.spawn(["/usr/sbin/sshd", "-D", "-e"]);
      await sshd.said(/Server listening on 0\.0\.0\.0/, 30_000);
      return `${lanAddress(name)} ${key}`;
    }),
  );
  await place(client, "/etc/ssh/known_hosts", `${known.join("\n")}\n`);
  const config = `IdentityFile ${join(keys, "user")}\nIdentitiesOnly yes\nGlobalKnownHostsFile /etc/ssh/known_hosts\n`;
  await place(client, "/etc/ssh/ssh_config", config);
};

/** As ssh is told where to go. */
export const target = (name: MasterName): string => `root@${lanAddress(name)}`;
export const TARGETS = MASTERS.map(target).join();
