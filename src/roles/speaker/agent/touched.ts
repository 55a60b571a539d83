/** What has changed since the writers were told: some Services and addresses, or who knows which. */
import type { IpAddress } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Changes } from "#core/layer2/placement";
import type { SomeChanges } from "./writers/writers.ts";

export class Touched {
  #services = new Set<ObjectKey>();
  #addresses = new Set<IpAddress>();
  /** At first nothing is known. */
  #isAll = true;

  /** Something that may have to do with any of them. */
  all(): void {
    this.#isAll = true;
  }

  /** These Services; any, if it is not known which. */
  services(services: readonly ObjectKey[] | undefined): void {
    if (services === undefined) this.#isAll = true;
    else for (const service of services) this.#services.add(service);
  }

  /** Those that lie at addresses about which was decided otherwise than before. */
  addresses({ placed, withdrawn }: Pick<Changes, "placed" | "withdrawn">): void {
    for (const { address } of placed) this.#addresses.add(address);
    for (const address of withdrawn) this.#addresses.add(address);
  }

  /** All since the last time; `undefined`: it may be any. */
  take(): SomeChanges | undefined {
    const [services, addresses, isAll] = [this.#services, this.#addresses, this.#isAll];
    this.#services = new Set();
    this.#addresses = new Set();
    this.#isAll = false;
    return isAll ? undefined : { services, addresses };
  }
}
