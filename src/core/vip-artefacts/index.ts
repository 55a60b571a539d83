/**
 * What starts `steelyard vip` on a control-plane host, as text: one translator for each way in which people run hosts.
 *
 * `plan.ts` is what all of them are made from. The systemd unit itself is in `core/install`, since `steelyard install` writes it as
 * well. Every text is golden (`testdata`), and read by the program that it is for (`test/interop/artefacts.test.ts`,
 * `test/cluster/manifests.test.ts`).
 *
 * Left out: bringing the program or its image to the host; docs/install-vip.md says how. Start reading in `render.ts`.
 */
export {};
