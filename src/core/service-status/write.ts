/** One request that brings a status object to what it is to say. */
export type StatusObjectWrite<Announced> =
  /** Makes the object; its status follows once it is there. */
  | { readonly type: "create"; readonly name: string; readonly announced: Announced }
  | { readonly type: "report"; readonly name: string; readonly announced: Announced }
  /** With the uid, so that one that was made anew in the meantime stays. */
  | { readonly type: "delete"; readonly name: string; readonly uid: string };
