/**
 * What the doctor asks this machine: who has a port, in which mode kube-proxy runs, what the speaker says, and what the
 * kernel has dropped.
 *
 * Nothing is changed. What cannot be read is `undefined`, which no rule of `#core/doctor` takes for a fault.
 */
export {};
