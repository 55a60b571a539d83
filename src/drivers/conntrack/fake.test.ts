import { conntrackContract } from "./contract.ts";
import { FakeConntrack } from "./fake.ts";

conntrackContract("fake", async () => {
  const conntrack = new FakeConntrack();
  return {
    conntrack,
    async open(port, host, count) {
      for (let index = 0; index < count; index += 1) {
        conntrack.flows.push({
          to: { address: "192.0.2.10", protocol: "udp", port },
          answeredBy: { address: `192.0.2.${host}`, port: 8000 + host },
        });
      }
    },
    close: async () => conntrack.close(),
  };
});
