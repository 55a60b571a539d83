import { address } from "#testing/values";
import { advertisementContract } from "./contract.ts";
import { fakeAdvertisementLink } from "./fake.ts";

advertisementContract(() => {
  const link = fakeAdvertisementLink();
  const station = (text: string) => ({
    port: link.addMachine(address(text)),
    link: { index: 2, name: "eth0" },
    address: address(text),
  });
  return {
    left: station("fe80::1"),
    right: station("fe80::2"),
    settle: async () => link.settle(),
    close: () => undefined,
  };
});
