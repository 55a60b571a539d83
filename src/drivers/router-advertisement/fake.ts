/** Machines on one link in memory, which hear each other's advertisements when the test says so. */
import type { IpAddress } from "#base/address";
import type { AdvertisementPort } from "./port.ts";

export type FakeAdvertisementLink = {
  /** Adds a machine with this link-local address. */
  addMachine(address: IpAddress): AdvertisementPort;
  /** Delivers what is on its way, and what is sent because of it, until nothing is. */
  settle(): void;
};

type Ear = {
  readonly address: IpAddress;
  readonly hear: (payload: Uint8Array, source: IpAddress) => void;
  readonly queue: { readonly payload: Uint8Array; readonly source: IpAddress }[];
};

/** A link without machines yet. */
export const fakeAdvertisementLink = (): FakeAdvertisementLink => {
  const ears = new Set<Ear>();
  const deliver = (): boolean => {
    let any = false;
    for (const ear of [...ears])
      for (let next = ear.queue.shift(); next !== undefined && ears.has(ear); next = ear.queue.shift()) {
        any = true;
        const payload = next.payload.slice();
        ear.hear(payload, next.source);
        payload.fill(0xee);
      }
    return any;
  };
  return {
    settle: () => {
      while (deliver()) {
        // A delivery may have caused another.
      }
    },
    addMachine: (address) => ({
      open: ({ link, onAdvertisement }) => {
        const ear: Ear = { address, hear: onAdvertisement, queue: [] };
        ears.add(ear);
        return {
          ok: true,
          value: {
            send: (payload) => {
              if (!ears.has(ear))
                return { ok: false, error: { code: "EBADF", operation: `be heard on ${link.name}` } };
              for (const each of ears)
                if (each.address !== address) each.queue.push({ payload: payload.slice(), source: address });
              return { ok: true, value: undefined };
            },
            close: () => void ears.delete(ear),
          },
        };
      },
    }),
  };
};
