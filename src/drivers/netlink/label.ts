/** IPv4 address labels: what the kernel keeps in 16 bytes with a NUL (IFA_LABEL). */
const LABEL = /^[\x21-\x7e]{1,15}$/;

/** What is wrong with a label; `undefined` when nothing is. */
export const labelProblem = (label: string | undefined): string | undefined =>
  label === undefined || LABEL.test(label)
    ? undefined
    : `the label "${label}" is not 1 to 15 printable ASCII characters`;
