/** The suite of single packets for IPVS. Runs inside user-mode Linux. */
import { describeSinglePackets } from "#test/kernel/balance-frames";

describeSinglePackets("single packets by IPVS", {
  open: (bed) => {
    // The edge sets the first; the second lets it pick connections up in their middle. They are there with the module.
    const settings = "net.ipv4.vs.expire_nodest_conn=1 net.ipv4.vs.sloppy_tcp=1";
    bed.inside("e1", `ipvsadm -Ln >/dev/null; sysctl -qw ${settings}`);
    return { engine: bed.openIpvs("e1") };
  },
  ...{ table: "kernel's", fragments: "joined", earlyErrors: "nowhere" },
});
