/** Why the engine cannot work, in the operator's terms. */
import type { Unavailable } from "../port.ts";
import { BpfError } from "./bpf.ts";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Why this machine cannot load the program. */
export const explainUnavailable = (error: unknown): Unavailable => {
  const code = error instanceof BpfError ? error.code : undefined;
  if (code === "EPERM" || code === "EACCES") {
    return {
      code: "no-permission",
      detail: `the kernel does not let this process use BPF (${messageOf(error)})`,
      remedy: "run it as root or give it CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
    };
  }
  return {
    code: "missing-feature",
    detail: messageOf(error),
    remedy: "use a kernel from 5.9 on with CONFIG_BPF_SYSCALL",
  };
};

/** Whether somebody else's program is in the way. */
export const isTaken = (error: unknown): boolean =>
  error instanceof BpfError && (error.code === "EBUSY" || error.code === "EEXIST");

/** One line that says why nothing runs at an interface. */
export const explainAttachFailure = (device: string, error: unknown): string =>
  isTaken(error)
    ? `${device} has the XDP program of somebody else, which is left alone (ip link show ${device} tells its number)`
    : `${device}: ${messageOf(error)}`;
