/** A busy neighbour: parses large lists of JSON without a pause, as a controller does while it relists. */

/** As many objects as a large cluster has endpoint slices. */
const LIST = JSON.stringify(
  Array.from({ length: 10_000 }, (_, index) => ({
    metadata: { name: `slice-${index}`, namespace: "default", labels: { app: `app-${index % 100}` } },
    endpoints: [{ addresses: [`10.2.0.${index % 250}`], conditions: { ready: true } }],
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  })),
);

let lists = 0;
const parse = (): void => {
  const list: readonly unknown[] = JSON.parse(LIST);
  lists += list.length > 0 ? 1 : 0;
  setImmediate(parse);
};

process.stdin
  .once("end", () => {
    process.stdout.write(`${lists}\n`, () => process.exit(0));
  })
  .resume();
process.stdout.write("ready\n");
parse();
