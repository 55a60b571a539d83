/** Why IPVS cannot be used, in the operator's terms. */
import type { Unavailable } from "../port.ts";
import { describeError, type KernelError } from "./kernel.ts";

/** The reason behind the first question's failure. */
export const explainUnavailable = (error: KernelError): Unavailable => {
  if (error.code === "EPERM" || error.code === "EACCES") {
    return {
      code: "no-permission",
      detail: "the kernel does not let this process read or change IPVS",
      remedy: "run it as root or give it CAP_NET_ADMIN",
    };
  }
  if (error.code === "ENOENT") {
    return {
      code: "no-ipvs",
      detail: "the kernel has no IPVS",
      remedy: "load the ip_vs module (modprobe ip_vs), or use a kernel that has it",
    };
  }
  return {
    code: "no-ipvs",
    detail: `IPVS does not answer: ${describeError(error)}`,
    remedy: "look into the kernel's log",
  };
};
