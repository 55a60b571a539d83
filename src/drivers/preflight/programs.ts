/** Other programs on this machine that hold addresses. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import type { ProgramFacts } from "#core/preflight/facts";

/** Where kubelets and k3s look for pods and manifests by themselves. */
const MANIFEST_FOLDERS = [
  "/etc/kubernetes/manifests",
  "/var/lib/rancher/k3s/server/manifests",
  "/var/lib/rancher/rke2/server/manifests",
  "/var/lib/rancher/rke2/agent/pod-manifests",
];
const MANIFEST = /\.(ya?ml|json)$/;
/** A manifest of one program; more of a file is not looked at. */
const MOST_BYTES = 256 * 1_024;
const MOST_FILES = 256;
const KUBE_VIP = /^\s*(-\s+)?image:\s*["']?\S*kube-vip[:@]/m;

const attempt = <Value>(look: () => Value): Value | undefined => {
  try {
    return look();
  } catch {
    return undefined;
  }
};

const beginning = (path: string): string => {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(MOST_BYTES);
    return bytes.toString("utf8", 0, readSync(fd, bytes, 0, MOST_BYTES, 0));
  } finally {
    closeSync(fd);
  }
};

const programOf = (comm: string): ProgramFacts["name"] | undefined =>
  comm === "keepalived" || comm === "kube-vip" ? comm : undefined;

/** Programs that run in the network of this process; those in a network of their own hold addresses elsewhere. */
const running = (proc: string): readonly ProgramFacts[] => {
  const network = (pid: string): string | undefined => attempt(() => readlinkSync(`${proc}/${pid}/ns/net`));
  const ours = network("self");
  const found = new Map<ProgramFacts["name"], ProgramFacts>();
  for (const pid of attempt(() => readdirSync(proc)) ?? []) {
    if (!/^\d+$/.test(pid)) continue;
    const name = programOf(attempt(() => readFileSync(`${proc}/${pid}/comm`, "utf8").trim()) ?? "");
    if (name === undefined || found.has(name) || network(pid) !== ours) continue;
    found.set(name, { name, seen: `process ${pid}` });
  }
  return [...found.values()];
};

const manifests = (root: string): readonly ProgramFacts[] =>
  MANIFEST_FOLDERS.flatMap((folder) => {
    const names = (attempt(() => readdirSync(`${root}${folder}`)) ?? []).filter((name) =>
      MANIFEST.test(name),
    );
    return names.slice(0, MOST_FILES).flatMap((name): readonly ProgramFacts[] => {
      const text = attempt(() => beginning(`${root}${folder}/${name}`)) ?? "";
      return KUBE_VIP.test(text) ? [{ name: "kube-vip", seen: `${folder}/${name}` }] : [];
    });
  });

/** All of them, each once. `proc` is /proc, and `root` empty, but in tests. */
export const findPrograms = (proc = "/proc", root = ""): readonly ProgramFacts[] => {
  const all = [...running(proc), ...manifests(root)];
  return all.filter(({ name }, index) => all.findIndex((other) => other.name === name) === index);
};
