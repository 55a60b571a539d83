import { describe } from "node:test";
import { address } from "#testing/values";
import { describeDatagrams } from "./contract.ts";
import { fakeWire } from "./fake.ts";

describe("a fake link", () => {
  describeDatagrams(() => {
    const { port } = fakeWire();
    const [one, two] = [address("198.51.100.1"), address("198.51.100.2")];
    const common = { interface: "eth1", port: 3781 };
    return {
      near: { path: { ...common, address: one, peer: two }, port },
      far: { path: { ...common, address: two, peer: one }, port },
      settle: async () => undefined,
    };
  });
});
