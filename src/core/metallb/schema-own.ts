/** The schemas of our own kinds: `AddressReservation` and `AddressConflict`. */
import * as v from "valibot";
import { parseMac } from "#base/mac";
import { list, section } from "#core/config/fields";
import { show } from "#core/config/problem";
import { address, plain } from "./fields.ts";

/** The most addresses that one reservation holds. */
const MOST_RESERVED = 64;

const NAME = { minLength: 1, maxLength: 253 };

const named = (description: string, what: string) =>
  v.pipe(
    plain(description, NAME),
    v.minLength(1, `is empty\nGive ${what}.`),
    v.maxLength(253, `has more than 253 characters\nGive ${what}.`),
  );

/** `AddressReservation.spec`. */
export const reservationSpec = section("Addresses that are kept, whether or not a Service holds them.", {
  addresses: v.pipe(
    list("The addresses.", address("One address."), { min: 1, max: MOST_RESERVED }),
    v.metadata({ crd: { minItems: 1, maxItems: MOST_RESERVED, "x-kubernetes-list-type": "set" } }),
  ),
  service: v.exactOptional(
    section("The Service that gets them. Default: no Service gets them.", {
      namespace: named("Its namespace.", "the Service's namespace"),
      name: named("Its name.", "the Service's name"),
    }),
  ),
});

/** A checked `AddressReservation.spec`. */
export type ReservationSpec = v.InferOutput<typeof reservationSpec>;

const mac = v.pipe(
  plain("Ethernet address of the other machine, as it was heard.", {
    maxLength: 17,
    pattern: "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$",
  }),
  v.rawTransform<string, string>(({ dataset, addIssue, NEVER }) => {
    const value = parseMac(dataset.value);
    if (value !== undefined) return value;
    addIssue({
      message: `${show(dataset.value)} is not an Ethernet address\nWrite six bytes with colons: 02:00:5e:10:00:01.`,
    });
    return NEVER;
  }),
  v.metadata({ format: "Ethernet address" }),
);

/** `AddressConflict.spec`. */
export const conflictSpec = section("An address for which a machine that is not ours answers.", {
  address: address("The address."),
  mac: v.exactOptional(mac),
  reportedBy: named("The node, box or person that reports it.", "a name"),
});

/** A checked `AddressConflict.spec`. */
export type ConflictSpec = v.InferOutput<typeof conflictSpec>;
